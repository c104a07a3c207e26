//! Inviting a user, who sets a password by a link.

use chrono::Duration;
use serde_json::json;

use crate::app::App;
use crate::domain::caller::{Caller, Fresh, Holding};
use crate::domain::email::EmailAddress;
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::domain::permission::PermissionType as _;
use crate::domain::permission::types::UsersWrite;
use crate::domain::pid::Pid;
use crate::domain::rank::Rank;
use crate::domain::role::{AuthProvider, Role, StaffFunctions};
use crate::domain::text::Layout;
use crate::domain::user::{Contact, MAX_NAME_LENGTH, User};
use crate::domain::violation::{Violation, ViolationRule, Violations};
use crate::fault::Fault;
use crate::messages::Message;
use crate::messages::parts::{Link, ValidFor};
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::refused::Refused;
use crate::services::staff_change::{
    Change, Recorded, RequestedChange, changed, read_reason, requested_value,
};
use crate::services::{links, outbox, ownership, profile_rules};
use crate::stores::link::{self, LinkPurpose};
use crate::stores::user::{Credentials, LockScope, NewUser, TieBreak};
use crate::stores::{Tx, person_key, user};

/// The input of an invitation.
#[derive(Debug)]
pub struct NewPerson {
    /// The address that the link is sent to.
    pub email: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// The role.
    pub role: Role,
    /// The staff functions, if staff.
    pub functions: StaffFunctions,
    /// The reason, for the audit log.
    pub reason: Option<String>,
}

/// Why the user was not invited.
#[derive(Debug, PartialEq, Eq)]
pub enum InviteProblem {
    /// An account has the address.
    Taken,
    /// The caller may not grant this role or these functions.
    OutOfScope,
}

/// Creates an account without a password and sends the link that sets one.
///
/// The link verifies the address. No one can access the account before, so only this proof keeps
/// the granted role.
pub async fn invite_user(
    app: &App,
    caller: &Caller,
    (person, _): (Holding<'_, UsersWrite>, Fresh<'_>),
    new: NewPerson,
) -> Result<User, Refused<InviteProblem>> {
    let change = Change {
        app,
        caller,
        person,
        action: Action::UserInvited,
    };
    let mut values = requested_value("role", json!(new.role));
    if !new.functions.is_empty() {
        values.extend(requested_value(
            "staffFunctions",
            json!(new.functions.to_text()),
        ));
    }
    let requested = RequestedChange {
        values,
        reason: new.reason.clone(),
        ..RequestedChange::default()
    };
    let outcome = change.invite(new).await;
    change.record_refusal(requested, outcome).await
}

impl Change<'_, UsersWrite> {
    async fn invite(self, mut new: NewPerson) -> Result<User, Refused<InviteProblem>> {
        let (change, app, person) = (self, self.app, self.person);
        change.charge().await?;
        let email = check(&mut new)?;
        let rank = Rank::of(new.role, new.functions);
        let tx = app.begin().await?;
        let named = Identifier::Email(email.clone());
        let holder = user::find_by_identifier(&tx, &named, TieBreak::Owner).await?;
        let other = holder
            .as_ref()
            .map_or(person.user(), |holder| holder.user.id);
        let pair = [person.user(), other];
        let held = user::lock_for_administration(&tx, pair, LockScope::Both).await?;
        let actor = held.iter().find(|user| user.id == person.user());
        let mine = actor.filter(|actor| actor.may_sign_in()).map(Rank::of_user);
        let may = |mine: &Rank| mine.holds(UsersWrite::PERMISSION) && mine.may_grant(rank);
        let mine = mine
            .filter(may)
            .ok_or(Refused::Because(InviteProblem::OutOfScope))?;
        if !change.rank().may_grant(rank) {
            return Err(Refused::Because(InviteProblem::OutOfScope));
        }
        if let Some(holder) = holder {
            let now_held = held.iter().find(|user| user.id == holder.user.id);
            free(&tx, change, mine, holder, now_held).await?;
        }
        let id: UserId = app.new_id();
        if !user::insert(&tx, row(app, id, &email, &new)).await? {
            return Err(Refused::Because(InviteProblem::Taken));
        }
        let created = user::set_role(&tx, id, new.role, new.functions, app.clock.now()).await?;
        send(&tx, app, &created).await?;
        record(&tx, change, &created, new.reason).await?;
        tx.commit().await?;
        app.wake_outbox();
        Ok(created)
    }
}

impl Recorded for InviteProblem {
    fn name(&self) -> Option<&'static str> {
        match self {
            Self::OutOfScope => Some("OUT_OF_SCOPE"),
            Self::Taken => None,
        }
    }
}

/// Detaches the address from an account that never verified it.
///
/// Otherwise an attacker who registers the address first could block the invitation, or wait in the
/// account for it (account pre-hijacking).
async fn free(
    tx: &Tx,
    change: Change<'_, UsersWrite>,
    mine: Rank,
    holder: Credentials,
    held: Option<&User>,
) -> Result<(), Refused<InviteProblem>> {
    let app = change.app;
    let is_unchanged = |held: &&User| !held.is_deleted() && held.email == holder.user.email;
    let held = held
        .filter(is_unchanged)
        .ok_or(Refused::Because(InviteProblem::Taken))?;
    if held.email_verified || change.is_own(held) {
        return Err(Refused::Because(InviteProblem::Taken));
    }
    let (purpose, now) = (LinkPurpose::Invitation, app.clock.now());
    if link::newest_of_user(tx, held.id, purpose, now)
        .await?
        .is_some()
    {
        // An open invitation can still be accepted.
        return Err(Refused::Because(InviteProblem::Taken));
    }
    if !mine.reaches(Rank::of_user(held)) {
        return Err(Refused::Because(InviteProblem::OutOfScope));
    }
    let holder = Credentials {
        user: held.clone(),
        ..holder
    };
    let (client, contact) = (&change.caller.client, Contact::Email);
    if ownership::detach_address(tx, app, client, &holder, contact).await? {
        Ok(())
    } else {
        Err(Refused::Because(InviteProblem::Taken))
    }
}

fn row<'a>(app: &App, id: UserId, email: &'a EmailAddress, new: &'a NewPerson) -> NewUser<'a> {
    NewUser {
        id,
        pid: Pid::from_random(app.random.bytes()).as_str().to_owned(),
        email: Some(email),
        phone: None,
        first_name: &new.first_name,
        last_name: &new.last_name,
        role: new.role,
        auth_provider: AuthProvider::Email,
        verified: false,
        now: app.clock.now(),
    }
}

async fn send(tx: &Tx, app: &App, created: &User) -> Result<(), Fault> {
    let no_address = || Fault::new("an invited account has no address");
    let to = created.email.as_deref().ok_or_else(no_address)?;
    let address = links::address(created, Contact::Email).ok_or_else(no_address)?;
    let lifetime = Duration::seconds(app.config.links.invitation_seconds);
    let link = links::create(tx, app, created, LinkPurpose::Invitation, address, lifetime).await?;
    let valid = ValidFor::Hours(lifetime.num_hours());
    let message = Message::Invitation(Link(link.url.as_str()), valid);
    let recipient = outbox::email_recipient(created, to);
    outbox::enqueue(
        tx,
        app,
        created,
        &recipient,
        &message,
        Some(link.expires_at),
    )
    .await
}

async fn record(
    tx: &Tx,
    change: Change<'_, UsersWrite>,
    created: &User,
    reason: Option<String>,
) -> Result<(), Fault> {
    let Change { app, caller, .. } = change;
    let sealed_key = audit::new_person_key(app, created.id);
    person_key::insert(tx, created.id, sealed_key.clone(), app.clock.now()).await?;
    let subject = Subject::UserWithKey {
        user: created.id,
        sealed_key: Some(&sealed_key),
    };
    let mut changes = changed("role", json!(null), json!(created.role));
    if !created.staff_functions.is_empty() {
        let functions = created.staff_functions.to_text();
        changes.extend(changed("staffFunctions", json!(""), json!(functions)));
    }
    if let Some(reason) = reason {
        changes.insert("reason".to_owned(), json!(reason));
    }
    let event = Event::new(change.action, subject)
        .by(caller)
        .with(changes.into());
    audit::record(tx, app, &caller.client, event).await
}

fn check(new: &mut NewPerson) -> Result<EmailAddress, Violations> {
    let (first, last) = (&mut new.first_name, &mut new.last_name);
    let mut violations = profile_rules::read_texts([
        ("firstName", Some(first), Layout::Line, MAX_NAME_LENGTH),
        ("lastName", Some(last), Layout::Line, MAX_NAME_LENGTH),
    ]);
    violations.extend(read_reason(&mut new.reason).err());
    if new.role != Role::Staff && !new.functions.is_empty() {
        let message = "only staff have functions";
        let rule = ViolationRule::NotAllowed;
        violations.push(Violation::new("staffFunctions", rule, message));
    }
    let email = EmailAddress::parse(&new.email)
        .map_err(|rule| Violation::new("email", ViolationRule::InvalidEmail, rule.to_string()));
    Violations::check(violations, email)
}

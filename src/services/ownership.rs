//! Whose an account is: what proving an address of it gives, and what it ends.
//!
//! Anybody can register an address that is not theirs, with a password they know, and wait. So
//! the first proof of an address that does not come with that password ends everything its first
//! author set.

use serde_json::{Map, Value, json};

use crate::app::App;
use crate::domain::caller::Client;
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::domain::role::{Role, StaffFunctions};
use crate::domain::user::{Contact, User};
use crate::fault::Fault;
use crate::messages::{Channel, Message, Recipient};
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::outbox;
use crate::stores::session::Which;
use crate::stores::user::Credentials;
use crate::stores::{Tx, identity, link, password, session, user};

/// How an address came to be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Together with the password of the account, or in a session of it.
    WithAccount,
    /// By receiving a message there, or through an identity provider: by nothing of the account.
    AddressAlone,
    /// Through the identity provider that runs the address, so that nobody else can have it now.
    Authority,
    /// By the link of the invitation that made the account.
    Invitation,
}

/// Whether proving this address may open the account.
///
/// An account with another, proven address belongs to whoever proved that one; the address they
/// never proved may be a stranger's.
pub(super) fn may_open(user: &User, contact: Contact) -> bool {
    user.has_proven(contact) || !user.is_proven()
}

/// Whether the first author of an account could have left anything in it. Without a password and a
/// sign-in nobody could.
fn is_touched(owner: &Credentials) -> bool {
    owner.password_hash.is_some() || owner.user.last_login_at.is_some()
}

/// Whether an unproven account was made for somebody, by an invitation or an import, or holds a
/// staff role: a weak proof of its address must neither inherit that nor end it.
pub(super) fn is_reserved(owner: &Credentials) -> bool {
    let user = &owner.user;
    let was_made_for_somebody = user.email.is_some() && !is_touched(owner);
    !user.is_proven() && (was_made_for_somebody || user.role >= Role::Staff)
}

/// Marks an address as verified and returns the account as written; `None` when it was verified
/// before.
///
/// The caller has checked [`may_open`] and that the credentials are still those it read.
pub(super) async fn prove(
    tx: &Tx,
    app: &App,
    client: &Client,
    owner: &Credentials,
    contact: Contact,
    proof: Proof,
) -> Result<Option<User>, Fault> {
    if owner.user.has_proven(contact) {
        return Ok(None);
    }
    // Whoever else has the address never proved it; until now nothing was taken from them.
    let address = address_of(&owner.user, contact)?;
    if !take(tx, app, client, &address, owner.user.id).await? {
        return Err(Fault::new("two accounts prove one address"));
    }
    let is_alone = matches!(proof, Proof::AddressAlone | Proof::Authority);
    if is_alone && is_touched(owner) {
        return reclaim(tx, app, client, owner, contact).await.map(Some);
    }
    let now = app.clock.now();
    let id = owner.user.id;
    settle(tx, app, &owner.user, proof).await?;
    let user = user::mark_verified(tx, id, contact, now).await?;
    let (action, field) = match contact {
        Contact::Email => {
            link::delete_of_user(tx, id, link::LinkPurpose::VerifyEmail).await?;
            link::delete_of_user(tx, id, link::LinkPurpose::Invitation).await?;
            (Action::EmailVerified, "emailVerified")
        }
        Contact::Phone => (Action::PhoneVerified, "phoneVerified"),
    };
    let mut changes = standing_changes(&owner.user, &user);
    changes.insert(field.to_owned(), json!({ "before": false, "after": true }));
    let event = Event::new(action, Subject::of(owner))
        .by_user(id)
        .with(changes.into());
    audit::record(tx, app, client, event).await?;
    Ok(Some(user))
}

fn address_of(user: &User, contact: Contact) -> Result<Identifier, Fault> {
    let text = match contact {
        Contact::Email => user.email.as_deref(),
        Contact::Phone => user.phone.as_deref(),
    };
    let address = Identifier::read(text.unwrap_or_default(), None);
    if address.contact() == Some(contact) {
        Ok(address)
    } else {
        Err(Fault::new("an account proves an address that it lacks"))
    }
}

/// Takes from an account that proves its first address what this proof may not inherit. To be
/// called before the address is marked as verified.
///
/// What was granted before anybody proved anything was granted to whom the address was thought to
/// belong to. Only who comes by the invitation itself, or by the provider that runs the address,
/// is certainly meant. The address alone gives what a registration could have given; also with the
/// password of the account, no role of the staff.
pub(super) async fn settle(tx: &Tx, app: &App, user: &User, proof: Proof) -> Result<(), Fault> {
    let settings = &app.config.registration;
    let mut after = user.clone();
    match proof {
        Proof::Invitation | Proof::Authority => {}
        _ if user.is_proven() => {}
        Proof::WithAccount if user.role < Role::Staff => {}
        Proof::WithAccount => {
            after.role = settings.default_role;
            after.staff_functions = StaffFunctions::NONE;
        }
        Proof::AddressAlone => {
            if !settings.roles.contains(&user.role) {
                after.role = settings.default_role;
            }
            after.staff_functions = StaffFunctions::NONE;
            after.vendor_id = None;
        }
    }
    if after != *user {
        let (role, functions) = (after.role, after.staff_functions);
        user::set_privileges(tx, user.id, role, functions, after.vendor_id).await?;
    }
    Ok(())
}

/// What [`settle`] took away, as the audit log has it.
pub(super) fn standing_changes(before: &User, after: &User) -> Map<String, Value> {
    let mut changes = Map::default();
    let mut note = |field: &str, before: Value, after: Value| {
        if before != after {
            let change = json!({ "before": before, "after": after });
            changes.insert(field.to_owned(), change);
        }
    };
    note("role", json!(before.role), json!(after.role));
    let functions = |user: &User| json!(user.staff_functions.to_text());
    note("staffFunctions", functions(before), functions(after));
    note("vendorId", json!(before.vendor_id), json!(after.vendor_id));
    changes
}

/// Ends whatever came to an account before the person it was made for: sessions and codes end with
/// the new password.
pub(super) async fn accept(tx: &Tx, id: UserId) -> Result<(), Fault> {
    identity::delete_all_of_user(tx, id).await?;
    link::delete_all_of_user(tx, id).await
}

/// Takes an address that somebody has just proven from an account that never proved it; `false`
/// when its holder did, and keeps it.
///
/// Otherwise whoever registers an address they cannot read could keep its owner from it. An account
/// that has nothing else ends: nobody ever proved to be its owner.
pub(super) async fn take(
    tx: &Tx,
    app: &App,
    client: &Client,
    address: &Identifier,
    taker: UserId,
) -> Result<bool, Fault> {
    let Some(contact) = address.contact() else {
        return Ok(true);
    };
    let mut others = user::holders_within(tx, address).await?;
    others.retain(|holder| holder.user.id != taker);
    if others.iter().any(|holder| holder.user.has_proven(contact)) {
        return Ok(false);
    }
    for holder in &others {
        if !release(tx, app, client, holder, contact).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes an unproven address from an account, and ends the account if it has no other; `false`
/// when it was proven at this very moment.
pub(super) async fn release(
    tx: &Tx,
    app: &App,
    client: &Client,
    holder: &Credentials,
    contact: Contact,
) -> Result<bool, Fault> {
    let now = app.clock.now();
    let id = holder.user.id;
    let (before, other) = match contact {
        Contact::Email => (&holder.user.email, &holder.user.phone),
        Contact::Phone => (&holder.user.phone, &holder.user.email),
    };
    if other.is_some() {
        if !user::detach_address(tx, id, contact, now).await? {
            return Ok(false);
        }
    } else {
        if !user::soft_delete(tx, id, now).await? {
            return Ok(false);
        }
        let reason = Action::AddressReleased.as_str();
        session::revoke(tx, id, Which::All, reason, now).await?;
        link::delete_all_of_user(tx, id).await?;
        // Nobody signs in to a closed account: its identities are free for another one.
        identity::delete_all_of_user(tx, id).await?;
    }
    let changes = json!({ "address": { "before": before, "after": null } });
    let event = Event::new(Action::AddressReleased, Subject::of(holder)).with(changes);
    audit::record(tx, app, client, event).await?;
    Ok(true)
}

/// Ends the password, the sessions, the links and the identities of an account's first author, and
/// forgets what they said about themselves.
async fn reclaim(
    tx: &Tx,
    app: &App,
    client: &Client,
    owner: &Credentials,
    contact: Contact,
) -> Result<User, Fault> {
    let now = app.clock.now();
    let id = owner.user.id;
    let role = app.config.registration.default_role;
    let user = user::reset_unverified_account(tx, id, contact, role, now).await?;
    password::delete(tx, id).await?;
    link::delete_all_of_user(tx, id).await?;
    let identities = identity::delete_all_of_user(tx, id).await?;
    let reason = Action::AccountReclaimed.as_str();
    let sessions = session::revoke(tx, id, Which::All, reason, now).await?;
    let changes = json!({
        "sessions": sessions,
        "identities": identities,
        "password": owner.password_hash.is_some(),
        "proven": match contact {
            Contact::Email => "email",
            Contact::Phone => "phone",
        },
        "role": { "before": owner.user.role.as_str(), "after": role.as_str() },
    });
    let event = Event::new(Action::AccountReclaimed, Subject::of(owner))
        .by_user(id)
        .with(changes);
    audit::record(tx, app, client, event).await?;
    announce(tx, app, &owner.user, contact).await?;
    Ok(user)
}

async fn announce(tx: &Tx, app: &App, user: &User, contact: Contact) -> Result<(), Fault> {
    let message = Message::AccountReclaimed {
        sign_in: app.config.links.base_url.as_str(),
    };
    // Without the language that was set: the squatter chose it.
    let (channel, to) = match contact {
        Contact::Email => (Channel::Email, &user.email),
        Contact::Phone => (Channel::Sms, &user.phone),
    };
    let recipient = Recipient {
        channel,
        to: to.as_deref().unwrap_or_default(),
        locale: None,
    };
    outbox::enqueue(tx, app, &recipient, &message, None).await
}

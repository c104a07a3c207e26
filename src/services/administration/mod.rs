//! What those with the right do to accounts of others: one file per use case.
//!
//! All of them begin alike, by `Change::begin`; whom somebody reaches is [`Rank`]'s to say.

mod invite_user;
mod refused;
mod revoke_user_sessions;
mod set_role;
mod set_staff_functions;
mod suspend;
mod update_user;

use refused::Wanted;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::domain::caller::{Caller, Holding};
use crate::domain::ids::UserId;
use crate::domain::permission::PermissionType;
use crate::domain::rank::Rank;
use crate::domain::role::Role;
use crate::domain::text::Layout;
use crate::domain::user::User;
use crate::domain::violation::Violation;
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::profile_rules;
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit, RateLimitExceeded};
use crate::stores::user::{self, Held};
use crate::stores::{Tx, link};

pub use crate::stores::user::{ProfileChange, StaffRecord};
pub use invite_user::{InviteProblem, NewPerson, invite_user};
pub use refused::{Attempted, forbidden};
pub use revoke_user_sessions::revoke_user_sessions;
pub use set_role::set_user_role;
pub use set_staff_functions::set_staff_functions;
pub use suspend::{suspend_user, unsuspend_user};
pub use update_user::{UserUpdate, update_user};

const LONGEST_REASON: usize = 500;

/// Whose account, and why.
#[derive(Debug)]
pub struct Target {
    /// Whose.
    pub user: UserId,
    /// Why, for the record.
    pub reason: Option<String>,
}

/// Why an account was left as it is.
#[derive(Debug, PartialEq, Eq)]
pub enum ChangeProblem {
    /// There is no such live account.
    NotFound,
    /// The person stands above the caller, holds what the caller does not, or would get it.
    OutOfScope,
}

impl Target {
    /// What the record of a refusal says about it.
    fn wanted(&self, values: Map<String, Value>) -> Wanted {
        Wanted {
            subject: Some(self.user),
            values,
            reason: self.reason.clone(),
        }
    }
}

/// Why a change of somebody's privileges was not made.
#[derive(Debug, PartialEq, Eq)]
pub enum PrivilegeProblem {
    /// Nobody else could administer afterwards.
    LastAdmin,
    /// Only staff have functions.
    NotStaff,
    /// What any change can be refused for.
    Change(ChangeProblem),
}

impl From<ChangeProblem> for PrivilegeProblem {
    fn from(problem: ChangeProblem) -> Self {
        Self::Change(problem)
    }
}

/// Why somebody was not given a role or a function.
#[derive(Debug, PartialEq, Eq)]
pub enum GrantProblem {
    /// The e-mail address of the account is not verified, so it may be a stranger's.
    EmailNotVerified,
    /// What any change of privileges can be refused for.
    Privilege(PrivilegeProblem),
}

impl From<PrivilegeProblem> for GrantProblem {
    fn from(problem: PrivilegeProblem) -> Self {
        Self::Privilege(problem)
    }
}

/// Who changes somebody else's account, with the permission that lets them.
#[derive(Clone, Copy)]
struct Change<'a, P> {
    app: &'a App,
    caller: &'a Caller,
    person: Holding<'a, P>,
    attempted: Attempted,
}

impl<P: PermissionType> Change<'_, P> {
    async fn charge(&self) -> Result<(), RateLimitExceeded> {
        let user = self.person.user();
        let limit = RateLimit::Administer { user };
        throttle::charge(self.app, &self.caller.client, limit).await
    }

    /// Charges the caller and reads the reason, before anything else is read.
    async fn arrive(&self, target: &mut Target) -> Result<(), Refused<ChangeProblem>> {
        self.charge().await?;
        Ok(read_reason(&mut target.reason)?)
    }

    fn rank(&self) -> Rank {
        Rank::of(self.person.role(), self.person.functions())
    }

    fn is_own(&self, target: &User) -> bool {
        target.id == self.person.user()
    }

    /// Charges, begins, and holds the account of a person whom the caller reaches.
    async fn begin(&self, target: &mut Target) -> Result<(Tx, User), Refused<ChangeProblem>> {
        self.arrive(target).await?;
        let tx = self.app.begin().await?;
        let (actor, user) = self.lock(&tx, target.user, Held::Both).await?;
        Self::check(actor.as_ref(), &user)?;
        Ok((tx, user))
    }

    /// The same for a change of what somebody may do, which nobody makes for themselves.
    ///
    /// `removes` says whether the person stops being an administrator by it. All administrators
    /// are held meanwhile, so of two who remove each other the second finds itself the last.
    async fn begin_standing(
        &self,
        target: &mut Target,
        removes: impl Fn(&User) -> bool,
    ) -> Result<(Tx, User), Refused<PrivilegeProblem>> {
        self.arrive(target).await.map_err(Refused::widen)?;
        let tx = self.app.begin().await?;
        let locked = self.lock(&tx, target.user, Held::BothAndAdmins).await;
        let (actor, user) = locked.map_err(Refused::widen)?;
        if !self.rank().reaches(Rank::of_user(&user)) {
            return Err(Refused::Because(ChangeProblem::OutOfScope.into()));
        }
        let loses_admin = user.role == Role::Admin && removes(&user);
        if loses_admin && user::count_other_admins(&tx, user.id).await? == 0 {
            return Err(Refused::Because(PrivilegeProblem::LastAdmin));
        }
        if self.is_own(&user) {
            return Err(Refused::Because(ChangeProblem::OutOfScope.into()));
        }
        let checked = Self::check(actor.as_ref(), &user);
        checked.map_err(Refused::widen)?;
        Ok((tx, user))
    }

    async fn lock(
        &self,
        tx: &Tx,
        target: UserId,
        held: Held,
    ) -> Result<(Option<User>, User), Refused<ChangeProblem>> {
        let id = self.person.user();
        let locked = user::lock_for_administration(tx, [id, target], held).await?;
        let find = |id| locked.iter().find(|user: &&User| user.id == id).cloned();
        let user = find(target).filter(|user| !user.is_deleted());
        Ok((
            find(id),
            user.ok_or(Refused::Because(ChangeProblem::NotFound))?,
        ))
    }

    /// Asks again what the caller may do: their row may have changed since the request began.
    fn check(actor: Option<&User>, target: &User) -> Result<(), Refused<ChangeProblem>> {
        let actor = actor.filter(|actor| actor.may_sign_in());
        let rank = actor.map(Rank::of_user);
        let may = |rank: &Rank| rank.holds(P::PERMISSION) && rank.reaches(Rank::of_user(target));
        rank.filter(may)
            .ok_or(Refused::Because(ChangeProblem::OutOfScope))
            .map(drop)
    }

    /// Ends what could begin a session of an account that is held: sign-ins under way, codes and
    /// known devices by the version, and links but the oldest undo.
    async fn end_credentials(&self, tx: &Tx, held: &User) -> Result<User, Fault> {
        let now = self.app.clock.now();
        let renewed = user::renew_credentials(tx, held.id, held.credential_version, now).await?;
        link::delete_all_but_first_revert(tx, held.id, now).await?;
        renewed.ok_or_else(|| Fault::new("an account changed while it was held"))
    }

    /// Records what was done and makes it durable.
    async fn finish(
        &self,
        tx: Tx,
        target: &Target,
        action: Action,
        mut changes: Map<String, Value>,
    ) -> Result<(), Fault> {
        if let Some(reason) = &target.reason {
            changes.insert("reason".to_owned(), json!(reason));
        }
        let event = Event::new(action, Subject::User(target.user))
            .by(self.caller)
            .with(Value::Object(changes));
        audit::record(&tx, self.app, &self.caller.client, event).await?;
        tx.commit().await
    }
}

/// A field that was to change, as the audit log has it.
fn wished(field: &str, after: Value) -> Map<String, Value> {
    let value = Map::from_iter([("after".to_owned(), after)]);
    Map::from_iter([(field.to_owned(), Value::Object(value))])
}

/// A field that changed, as the audit log has it.
fn changed(field: &str, before: Value, after: Value) -> Map<String, Value> {
    let value = [("before".to_owned(), before), ("after".to_owned(), after)];
    Map::from_iter([(field.to_owned(), Value::Object(Map::from_iter(value)))])
}

/// Puts a reason into the form in which it is kept; one that says nothing is none.
fn read_reason(reason: &mut Option<String>) -> Result<(), Violation> {
    if let Some(given) = reason {
        let read = profile_rules::text("reason", given, Layout::Lines, LONGEST_REASON)?;
        *reason = (!read.is_empty()).then_some(read);
    }
    Ok(())
}

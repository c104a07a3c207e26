//! Changes by staff to the accounts of others: what each has to check, and what it records.
//!
//! Each use case of `administration` and `lifecycle` starts with `Change::begin`; [`Rank`] decides whom
//! a caller may administer.

mod refused;

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
use crate::stores::user::{self, LockScope};
use crate::stores::{Tx, link};

pub use refused::forbidden;
pub(super) use refused::{Recorded, RequestedChange};

const MAX_REASON_LENGTH: usize = 500;

/// The account to change, and the reason.
#[derive(Debug)]
pub struct Target {
    /// The user.
    pub user: UserId,
    /// The reason, for the audit log.
    pub reason: Option<String>,
}

/// Why an account was not changed.
#[derive(Debug, PartialEq, Eq)]
pub enum ChangeProblem {
    /// There is no such account.
    NotFound,
    /// The user's rank is not below the caller's, or would not be.
    OutOfScope,
}

impl Target {
    /// What a refusal records about the request.
    pub(super) fn requested_change(&self, values: Map<String, Value>) -> RequestedChange {
        RequestedChange {
            subject: Some(self.user),
            values,
            reason: self.reason.clone(),
        }
    }
}

/// Why privileges were not changed.
#[derive(Debug, PartialEq, Eq)]
pub enum PrivilegeProblem {
    /// The user is the last administrator.
    LastAdmin,
    /// Only staff have functions.
    NotStaff,
    /// What every change can be refused for.
    Change(ChangeProblem),
}

impl From<ChangeProblem> for PrivilegeProblem {
    fn from(problem: ChangeProblem) -> Self {
        Self::Change(problem)
    }
}

/// Why a role or function was not granted.
#[derive(Debug, PartialEq, Eq)]
pub enum GrantProblem {
    /// The account's e-mail address is not verified, so it may be a stranger's.
    EmailNotVerified,
    /// What every change of privileges can be refused for.
    Privilege(PrivilegeProblem),
}

impl From<PrivilegeProblem> for GrantProblem {
    fn from(problem: PrivilegeProblem) -> Self {
        Self::Privilege(problem)
    }
}

/// A change of another user's account, with the permission that it requires.
#[derive(Clone, Copy)]
pub(super) struct Change<'a, P> {
    pub(super) app: &'a App,
    pub(super) caller: &'a Caller,
    pub(super) person: Holding<'a, P>,
    pub(super) action: Action,
}

/// Which accounts a change applies to; any other does not exist for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accounts {
    Live,
    Deleted,
    Any,
}

impl Accounts {
    fn include(self, user: &User) -> bool {
        match self {
            Self::Live => !user.is_deleted(),
            Self::Deleted => user.is_deleted(),
            Self::Any => true,
        }
    }
}

impl<P: PermissionType> Change<'_, P> {
    pub(super) async fn charge(&self) -> Result<(), RateLimitExceeded> {
        let user = self.person.user();
        let limit = RateLimit::Administer { user };
        throttle::charge(self.app, &self.caller.client, limit).await
    }

    /// Charges the caller and normalizes the reason, before reading anything.
    async fn charge_and_read_reason(
        &self,
        target: &mut Target,
    ) -> Result<(), Refused<ChangeProblem>> {
        self.charge().await?;
        Ok(read_reason(&mut target.reason)?)
    }

    pub(super) fn rank(&self) -> Rank {
        Rank::of(self.person.role(), self.person.functions())
    }

    pub(super) fn is_own(&self, target: &User) -> bool {
        target.id == self.person.user()
    }

    /// Begins a transaction and locks the account of a user whom the caller may administer.
    pub(super) async fn begin(
        &self,
        target: &mut Target,
        accounts: Accounts,
    ) -> Result<(Tx, User), Refused<ChangeProblem>> {
        self.charge_and_read_reason(target).await?;
        let tx = self.app.begin().await?;
        let (actor, user) = self
            .lock(&tx, target.user, LockScope::Both, accounts)
            .await?;
        Self::check(actor.as_ref(), &user)?;
        Ok((tx, user))
    }

    /// The same for a change of privileges, which no one may make to their own account.
    ///
    /// `removes` tells whether the user stops being an administrator. All administrators are locked
    /// meanwhile, so that two who remove each other concurrently cannot both succeed.
    pub(super) async fn begin_privilege_change(
        &self,
        target: &mut Target,
        accounts: Accounts,
        removes: impl Fn(&User) -> bool,
    ) -> Result<(Tx, User), Refused<PrivilegeProblem>> {
        self.charge_and_read_reason(target)
            .await
            .map_err(Refused::widen)?;
        let tx = self.app.begin().await?;
        let locked = self
            .lock(&tx, target.user, LockScope::BothAndAdmins, accounts)
            .await;
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
        held: LockScope,
        accounts: Accounts,
    ) -> Result<(Option<User>, User), Refused<ChangeProblem>> {
        let id = self.person.user();
        let locked = user::lock_for_administration(tx, [id, target], held).await?;
        let find = |id| locked.iter().find(|user: &&User| user.id == id).cloned();
        let user = find(target).filter(|user| accounts.include(user));
        Ok((
            find(id),
            user.ok_or(Refused::Because(ChangeProblem::NotFound))?,
        ))
    }

    /// Checks the caller's rights again: they may have changed since the request began.
    fn check(actor: Option<&User>, target: &User) -> Result<(), Refused<ChangeProblem>> {
        let actor = actor.filter(|actor| actor.may_sign_in());
        let rank = actor.map(Rank::of_user);
        let may = |rank: &Rank| rank.holds(P::PERMISSION) && rank.reaches(Rank::of_user(target));
        rank.filter(may)
            .ok_or(Refused::Because(ChangeProblem::OutOfScope))
            .map(drop)
    }

    /// Ends everything that could start a session of a locked account: concurrent sign-ins, codes and
    /// device tokens by the credential version, and all links but the oldest revert link.
    pub(super) async fn end_credentials(&self, tx: &Tx, held: &User) -> Result<User, Fault> {
        let now = self.app.clock.now();
        let renewed = user::renew_credentials(tx, held.id, held.credential_version, now).await?;
        link::delete_all_but_first_revert(tx, held.id, now).await?;
        renewed.ok_or_else(|| Fault::new("an account changed while it was held"))
    }

    /// Records the change and commits.
    pub(super) async fn finish(
        &self,
        tx: Tx,
        target: &Target,
        mut changes: Map<String, Value>,
    ) -> Result<(), Fault> {
        if let Some(reason) = &target.reason {
            changes.insert("reason".to_owned(), json!(reason));
        }
        let event = Event::new(self.action, Subject::User(target.user))
            .by(self.caller)
            .with(Value::Object(changes));
        audit::record(&tx, self.app, &self.caller.client, event).await?;
        tx.commit().await
    }
}

/// A requested change of a field, as audit changes.
pub(super) fn requested_value(field: &str, after: Value) -> Map<String, Value> {
    let value = Map::from_iter([("after".to_owned(), after)]);
    Map::from_iter([(field.to_owned(), Value::Object(value))])
}

/// A change of a field, as audit changes.
pub(super) fn changed(field: &str, before: Value, after: Value) -> Map<String, Value> {
    let value = [("before".to_owned(), before), ("after".to_owned(), after)];
    Map::from_iter([(field.to_owned(), Value::Object(Map::from_iter(value)))])
}

/// Normalizes a reason; an empty one becomes `None`.
pub(super) fn read_reason(reason: &mut Option<String>) -> Result<(), Violation> {
    if let Some(given) = reason {
        let read = profile_rules::text("reason", given, Layout::Lines, MAX_REASON_LENGTH)?;
        *reason = (!read.is_empty()).then_some(read);
    }
    Ok(())
}

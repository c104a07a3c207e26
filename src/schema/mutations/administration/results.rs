//! Result types of administration.

use async_graphql::{SimpleObject, Union};

use crate::domain::user;
use crate::schema::answer::IntoProblem;
use crate::schema::problem::{
    Conflict, EmailNotVerified, InputInvalid, NotFound, OutOfScope, RateLimited, StepUpRequired,
};
use crate::schema::types::user::User;
use crate::services::administration::InviteProblem;

macro_rules! changed {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => { $(
        $(#[doc = $doc])+
        #[derive(SimpleObject)]
        pub struct $name {
            /// The user after the change.
            user: User,
        }

        impl From<user::User> for $name {
            fn from(user: user::User) -> Self {
                Self { user: user.into() }
            }
        }
    )+ };
}

changed! {
    /// The account was created and the invitation sent.
    UserInvited;
    /// The account was updated.
    UserUpdated;
    /// The role was changed.
    UserRoleChanged;
    /// The staff functions were changed.
    StaffFunctionsChanged;
    /// The account is suspended, and its sessions have ended.
    UserSuspended;
    /// The user can sign in again.
    UserUnsuspended;
}

/// The sessions of the user have ended with immediate effect.
#[derive(SimpleObject)]
pub struct UserSessionsRevoked {
    /// The number of sessions that ended.
    count: i64,
}

impl UserSessionsRevoked {
    pub(super) fn of(count: u64) -> Self {
        Self {
            count: i64::try_from(count).unwrap_or(i64::MAX),
        }
    }
}

/// The result of `inviteUser`: `UserInvited` with the new account. `Conflict` if an account has
/// verified the address, or has an open invitation; `OutOfScope` for a role or function that you
/// may not grant.
#[derive(Union)]
pub enum InviteUserResult {
    UserInvited(Box<UserInvited>),
    Conflict(Conflict),
    OutOfScope(OutOfScope),
    StepUpRequired(StepUpRequired),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// The result of `updateUser`: `UserUpdated` with the account after the change. `NotFound` for an
/// unknown or deleted account; `OutOfScope` for an account that you may not administer.
#[derive(Union)]
pub enum UpdateUserResult {
    UserUpdated(Box<UserUpdated>),
    NotFound(NotFound),
    OutOfScope(OutOfScope),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// The result of `setUserRole`: `UserRoleChanged` with the account after the change. `Conflict` if
/// there would be no administrator left; `EmailNotVerified` for a staff role without a verified
/// e-mail address; `OutOfScope` for your own account, an account that you may not administer, or a
/// role that you may not grant.
/// role that you may not give.
#[derive(Union)]
pub enum SetUserRoleResult {
    UserRoleChanged(Box<UserRoleChanged>),
    NotFound(NotFound),
    OutOfScope(OutOfScope),
    Conflict(Conflict),
    EmailNotVerified(EmailNotVerified),
    StepUpRequired(StepUpRequired),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// The result of `setStaffFunctions`: `StaffFunctionsChanged` with the account after the change.
/// `Conflict` if the account is not a staff account; `EmailNotVerified` for a new function without
/// a verified e-mail address; `OutOfScope` for your own account, an account that you may not
/// administer, or functions that you may not grant.
#[derive(Union)]
pub enum SetStaffFunctionsResult {
    StaffFunctionsChanged(Box<StaffFunctionsChanged>),
    NotFound(NotFound),
    OutOfScope(OutOfScope),
    Conflict(Conflict),
    EmailNotVerified(EmailNotVerified),
    StepUpRequired(StepUpRequired),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// The result of `suspendUser`: `UserSuspended` with the account after the change, even if it was
/// suspended before. `Conflict` if there would be no administrator left; `OutOfScope` for your own
/// account or one that you may not administer.
#[derive(Union)]
pub enum SuspendUserResult {
    UserSuspended(Box<UserSuspended>),
    NotFound(NotFound),
    OutOfScope(OutOfScope),
    Conflict(Conflict),
    StepUpRequired(StepUpRequired),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// The result of `unsuspendUser`: `UserUnsuspended` with the account after the change, even if it
/// was not suspended. `OutOfScope` for an account that you may not administer.
#[derive(Union)]
pub enum UnsuspendUserResult {
    UserUnsuspended(Box<UserUnsuspended>),
    NotFound(NotFound),
    OutOfScope(OutOfScope),
    StepUpRequired(StepUpRequired),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// The result of `revokeUserSessions`: `UserSessionsRevoked` with the number of sessions that
/// ended, which may be zero. `NotFound` for an unknown or deleted account; `OutOfScope` for an
/// account that you may not administer.
#[derive(Union)]
pub enum RevokeUserSessionsResult {
    UserSessionsRevoked(UserSessionsRevoked),
    NotFound(NotFound),
    OutOfScope(OutOfScope),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<InviteUserResult> for InviteProblem {
    fn into_problem(self) -> InviteUserResult {
        match self {
            Self::Taken => Conflict::HAS_ACCOUNT.into(),
            Self::OutOfScope => OutOfScope.into(),
        }
    }
}

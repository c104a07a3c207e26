//! The results of administration.

#![expect(
    missing_docs,
    reason = "the members of a union are documented by their types"
)]

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
            /// The person, as they are now.
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
    /// The account exists, and the link is on its way.
    UserInvited;
    /// The account says something else now.
    UserUpdated;
    /// The person is something else now.
    UserRoleChanged;
    /// The person does something else now.
    StaffFunctionsChanged;
    /// The person is kept out, and their sessions have ended.
    UserSuspended;
    /// The person can sign in again.
    UserUnsuspended;
}

/// The sessions of the person have ended, for every request from now on.
#[derive(SimpleObject)]
pub struct UserSessionsRevoked {
    /// How many there were.
    count: i64,
}

impl UserSessionsRevoked {
    pub(super) fn of(count: u64) -> Self {
        Self {
            count: i64::try_from(count).unwrap_or(i64::MAX),
        }
    }
}

/// The result of `inviteUser`: `UserInvited` with the new account, whose invitation is on its way;
/// `Conflict` if an account has verified the address, or an invitation for it is open;
/// `OutOfScope` for a role or function that you may not give.
#[derive(Union)]
pub enum InviteUserResult {
    UserInvited(Box<UserInvited>),
    Conflict(Conflict),
    OutOfScope(OutOfScope),
    StepUpRequired(StepUpRequired),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// The result of `updateUser`: `UserUpdated` with the account as it is now; `NotFound` for an
/// unknown or deleted account; `OutOfScope` for an account that you may not administer.
#[derive(Union)]
pub enum UpdateUserResult {
    UserUpdated(Box<UserUpdated>),
    NotFound(NotFound),
    OutOfScope(OutOfScope),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// The result of `setUserRole`: `UserRoleChanged` with the account as it is now. `Conflict` if
/// this would leave no administrator; `EmailNotVerified` if a staff role is for an account without
/// a verified address; `OutOfScope` for your own account, one that you may not administer, or a
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

/// The result of `setStaffFunctions`: `StaffFunctionsChanged` with the account as it is now.
/// `Conflict` if the account is not staff; `EmailNotVerified` if it would get a function without a
/// verified address; `OutOfScope` for your own account, one that you may not administer, or
/// functions that you may not give.
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

/// The result of `suspendUser`: `UserSuspended` with the account as it is now; also if it was
/// suspended before. `Conflict` if this would leave no administrator; `OutOfScope` for your own
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

/// The result of `unsuspendUser`: `UserUnsuspended` with the account as it is now; also if it was
/// not suspended. `OutOfScope` for an account that you may not administer.
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
/// ended, which may be zero; `NotFound` for an unknown or deleted account; `OutOfScope` for one
/// that you may not administer.
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

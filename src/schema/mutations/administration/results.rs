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

/// What comes of `inviteUser`.
#[derive(Union)]
pub enum InviteUserResult {
    UserInvited(Box<UserInvited>),
    Conflict(Conflict),
    OutOfScope(OutOfScope),
    StepUpRequired(StepUpRequired),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// What comes of `updateUser`.
#[derive(Union)]
pub enum UpdateUserResult {
    UserUpdated(Box<UserUpdated>),
    NotFound(NotFound),
    OutOfScope(OutOfScope),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// What comes of `setUserRole`.
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

/// What comes of `setStaffFunctions`.
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

/// What comes of `suspendUser`.
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

/// What comes of `unsuspendUser`.
#[derive(Union)]
pub enum UnsuspendUserResult {
    UserUnsuspended(Box<UserUnsuspended>),
    NotFound(NotFound),
    OutOfScope(OutOfScope),
    StepUpRequired(StepUpRequired),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// What comes of `revokeUserSessions`.
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

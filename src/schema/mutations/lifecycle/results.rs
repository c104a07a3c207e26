//! Result types of deleting, restoring and erasing.

use async_graphql::{ID, SimpleObject, Union};
use chrono::{DateTime, Utc};

use crate::domain::user;
use crate::schema::answer::IntoProblem;
use crate::schema::problem::{
    Conflict, InputInvalid, NotFound, OutOfScope, RateLimited, StepUpRequired, TokenInvalid,
};
use crate::schema::types::data_export::DataExport;
use crate::schema::types::user::User;
use crate::services::lifecycle::{
    CancelDeletionProblem, DeleteAccountProblem, Deleted, Erasure, RestoreProblem,
};
use crate::services::staff_change::ChangeProblem;

/// The account is deleted, and its sessions have ended.
#[derive(SimpleObject)]
pub struct AccountDeletionScheduled {
    /// Until when the user can keep the account; then it is erased.
    pub(super) restorable_until: DateTime<Utc>,
}

/// The result of `deleteMyAccount`: `AccountDeletionScheduled`. `Conflict` if there would be no
/// administrator left.
#[derive(Union)]
pub enum DeleteMyAccountResult {
    AccountDeletionScheduled(AccountDeletionScheduled),
    Conflict(Conflict),
    StepUpRequired(StepUpRequired),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<DeleteMyAccountResult> for DeleteAccountProblem {
    fn into_problem(self) -> DeleteMyAccountResult {
        match self {
            Self::LastAdmin => Conflict::LAST_ADMIN.into(),
        }
    }
}

/// The account is live again. Sign in as usual.
#[derive(SimpleObject)]
pub struct AccountDeletionCancelled {
    /// A message for the user.
    message: String,
}

impl AccountDeletionCancelled {
    pub(super) fn new() -> Self {
        Self {
            message: "Your account stays. Sign in as usual.".to_owned(),
        }
    }
}

/// The result of `cancelAccountDeletion`: `AccountDeletionCancelled`. `TokenInvalid` if the token
/// was used, has expired, or never existed; `Conflict` if another account has an address or
/// identity of this one by now.
#[derive(Union)]
pub enum CancelAccountDeletionResult {
    AccountDeletionCancelled(AccountDeletionCancelled),
    TokenInvalid(TokenInvalid),
    Conflict(Conflict),
    RateLimited(RateLimited),
}

impl IntoProblem<CancelAccountDeletionResult> for CancelDeletionProblem {
    fn into_problem(self) -> CancelAccountDeletionResult {
        match self {
            Self::TokenInvalid => TokenInvalid.into(),
            Self::Taken(taken) => Conflict::because_taken(&taken).into(),
        }
    }
}

/// The account is deleted, and its sessions have ended.
#[derive(SimpleObject)]
pub struct UserDeleted {
    /// The user after the change.
    user: User,
    /// Until when the account can be restored; then it is erased.
    restorable_until: DateTime<Utc>,
}

impl From<Deleted> for UserDeleted {
    fn from(deleted: Deleted) -> Self {
        Self {
            user: deleted.user.into(),
            restorable_until: deleted.restorable_until,
        }
    }
}

/// The result of `deleteUser`: `UserDeleted` with the account after the change. `NotFound` for an
/// unknown or deleted account; `Conflict` if there would be no administrator left; `OutOfScope` for
/// your own account or one that you may not administer.
#[derive(Union)]
pub enum DeleteUserResult {
    UserDeleted(Box<UserDeleted>),
    NotFound(NotFound),
    OutOfScope(OutOfScope),
    Conflict(Conflict),
    StepUpRequired(StepUpRequired),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

/// The account is live again; its owner can sign in.
#[derive(SimpleObject)]
pub struct UserRestored {
    /// The user after the change.
    user: User,
}

impl From<user::User> for UserRestored {
    fn from(user: user::User) -> Self {
        Self { user: user.into() }
    }
}

/// The result of `restoreUser`: `UserRestored` with the account after the change. `NotFound` for an
/// account that is not deleted or cannot be restored any more; `Conflict` if another account has an
/// address or identity of this one by now; `OutOfScope` for an account that you may not administer.
#[derive(Union)]
pub enum RestoreUserResult {
    UserRestored(Box<UserRestored>),
    NotFound(NotFound),
    OutOfScope(OutOfScope),
    Conflict(Conflict),
    StepUpRequired(StepUpRequired),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl IntoProblem<RestoreUserResult> for RestoreProblem {
    fn into_problem(self) -> RestoreUserResult {
        match self {
            Self::Taken(taken) => Conflict::because_taken(&taken).into(),
            Self::Change(ChangeProblem::NotFound) => NotFound.into(),
            Self::Change(ChangeProblem::OutOfScope) => OutOfScope.into(),
        }
    }
}

/// The account is gone for ever.
#[derive(SimpleObject)]
pub struct UserErased {
    /// The ID that the account had.
    user_id: ID,
}

/// The erasure waits for a second administrator, who confirms it by calling `eraseUser`.
#[derive(SimpleObject)]
pub struct ErasureRequested {
    /// When the request expires.
    expires_at: DateTime<Utc>,
}

/// The result of `eraseUser`: `UserErased`, or `ErasureRequested` where two people are needed.
/// `NotFound` for an unknown account; `Conflict` if there would be no administrator left;
/// `OutOfScope` for your own account or one that you may not administer.
#[derive(Union)]
pub enum EraseUserResult {
    UserErased(UserErased),
    ErasureRequested(ErasureRequested),
    NotFound(NotFound),
    OutOfScope(OutOfScope),
    Conflict(Conflict),
    StepUpRequired(StepUpRequired),
    InputInvalid(InputInvalid),
    RateLimited(RateLimited),
}

impl From<Erasure> for EraseUserResult {
    fn from(erasure: Erasure) -> Self {
        match erasure {
            Erasure::Done(user) => Self::UserErased(UserErased {
                user_id: user.to_string().into(),
            }),
            Erasure::Requested(expires_at) => {
                Self::ErasureRequested(ErasureRequested { expires_at })
            }
        }
    }
}

/// The export has been requested; ask for its progress with `dataExport`.
#[derive(SimpleObject)]
pub struct DataExportRequested {
    /// The export, or the one that was being written already.
    pub(super) export: DataExport,
}

/// The result of `requestDataExport`: `DataExportRequested` with the export, which is written in the
/// background.
#[derive(Union)]
pub enum RequestDataExportResult {
    DataExportRequested(DataExportRequested),
    StepUpRequired(StepUpRequired),
    RateLimited(RateLimited),
}

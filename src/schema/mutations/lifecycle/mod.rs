//! Deleting, restoring and erasing accounts; the result types are in [`results`].

pub mod results;

use async_graphql::{Context, ID, InputObject, Object};

use super::administration::{holding, target};
use crate::domain::permission::Permission;
use crate::schema::answer::answer;
use crate::schema::directives::{Authenticated, Cost, Credential, PASSWORD_HASH, RequiresScopes};
use crate::schema::error::Error;
use crate::schema::problem::{NotFound, StepUpRequired};
use crate::schema::request::{ContextExt as _, CookieChange};
use crate::schema::types::data_export::DataExport;
use crate::services::audit::Action;
use crate::services::lifecycle;
use results::{
    AccountDeletionCancelled, AccountDeletionScheduled, CancelAccountDeletionResult,
    DataExportRequested, DeleteMyAccountResult, DeleteUserResult, EraseUserResult,
    RequestDataExportResult, RestoreUserResult, UserDeleted, UserRestored,
};

/// Why you leave.
#[derive(Default, InputObject)]
pub struct DeleteMyAccountInput {
    /// The reason, for the audit log.
    reason: Option<String>,
}

/// The token to keep the account.
#[derive(InputObject)]
pub struct CancelAccountDeletionInput {
    /// The `token` of the link, or the `cancellationToken` of `AccountDeleted`.
    token: String,
}

/// The account to delete.
#[derive(InputObject)]
pub struct DeleteUserInput {
    /// The account to delete.
    user_id: ID,
    /// The reason, for the audit log.
    reason: Option<String>,
}

/// The account to restore.
#[derive(InputObject)]
pub struct RestoreUserInput {
    /// The account to restore.
    user_id: ID,
    /// The reason, for the audit log.
    reason: Option<String>,
}

/// The account to erase.
#[derive(InputObject)]
pub struct EraseUserInput {
    /// The account to erase.
    user_id: ID,
    /// The reason, for the audit log. It outlives the account: do not name the person.
    reason: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct LifecycleMutations;

#[Object]
impl LifecycleMutations {
    /// Deletes the account of the signed-in user and ends all sessions. For a limited time the user
    /// can keep it: by a link in a message, or by signing in again. Requires a recent sign-in.
    #[graphql(directive = Authenticated::apply())]
    async fn delete_my_account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Why you leave.")] input: Option<DeleteMyAccountInput>,
    ) -> Result<DeleteMyAccountResult, Error> {
        let Some(person) = context.fresh()? else {
            return Ok(StepUpRequired.into());
        };
        let reason = input.unwrap_or_default().reason;
        let (app, caller) = (context.app(), context.caller());
        let outcome = lifecycle::delete_my_account(app, caller, person, reason).await;
        if outcome.is_ok() && context.cookie().ok().flatten().is_some() {
            context.request().change_cookie(CookieChange::Clear);
        }
        answer(outcome, |restorable_until| AccountDeletionScheduled {
            restorable_until,
        })
    }

    /// Keeps an account that its owner has deleted. Sign in afterwards.
    #[graphql(directive = Cost::apply(PASSWORD_HASH), directive = Credential::apply())]
    async fn cancel_account_deletion(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The token.")] input: CancelAccountDeletionInput,
    ) -> Result<CancelAccountDeletionResult, Error> {
        let (app, caller) = (context.app(), context.caller());
        let outcome = lifecycle::cancel_account_deletion(app, caller, &input.token).await;
        answer(outcome, |()| AccountDeletionCancelled::new())
    }

    /// Requests a copy of one's own data: account, sessions, identities, messages and audit events. A
    /// message says when it is ready. Requires a recent sign-in.
    #[graphql(directive = Authenticated::apply())]
    async fn request_data_export(
        &self,
        context: &Context<'_>,
    ) -> Result<RequestDataExportResult, Error> {
        let Some(person) = context.fresh()? else {
            return Ok(StepUpRequired.into());
        };
        let (app, caller) = (context.app(), context.caller());
        let requested = lifecycle::request_data_export(app, caller, person).await;
        answer(requested, |export| DataExportRequested {
            export: DataExport(export),
        })
    }

    /// Deletes an account, ends its sessions with immediate effect and frees its addresses. It can
    /// be restored for a limited time, then it is erased. You cannot delete your own account this
    /// way. Needs `users:delete` and a recent sign-in.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::UsersDelete]]))]
    async fn delete_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account to delete.")] input: DeleteUserInput,
    ) -> Result<DeleteUserResult, Error> {
        let person = holding(context, Action::UserDeleted).await?;
        let Some(fresh) = context.fresh()? else {
            return Ok(StepUpRequired.into());
        };
        let Some(target) = target(&input.user_id, input.reason) else {
            return Ok(NotFound.into());
        };
        let (app, caller) = (context.app(), context.caller());
        let outcome = lifecycle::delete_user(app, caller, (person, fresh), target).await;
        answer(outcome, |deleted| Box::new(UserDeleted::from(deleted)))
    }

    /// Restores a deleted account with its password, addresses and identities; its sessions stay
    /// ended. Needs `users:delete` and a recent sign-in.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::UsersDelete]]))]
    async fn restore_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account to restore.")] input: RestoreUserInput,
    ) -> Result<RestoreUserResult, Error> {
        let person = holding(context, Action::UserRestored).await?;
        let Some(fresh) = context.fresh()? else {
            return Ok(StepUpRequired.into());
        };
        let Some(target) = target(&input.user_id, input.reason) else {
            return Ok(NotFound.into());
        };
        let (app, caller) = (context.app(), context.caller());
        let outcome = lifecycle::restore_user(app, caller, (person, fresh), target).await;
        answer(outcome, |user| Box::new(UserRestored::from(user)))
    }

    /// Erases a live or deleted account for ever. Where the server demands two people, the first
    /// call requests it, and a second administrator confirms it by the same call within a day.
    /// Needs `users:delete` and a recent sign-in.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::UsersDelete]]))]
    async fn erase_user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account to erase.")] input: EraseUserInput,
    ) -> Result<EraseUserResult, Error> {
        let person = holding(context, Action::UserErased).await?;
        let Some(fresh) = context.fresh()? else {
            return Ok(StepUpRequired.into());
        };
        let Some(target) = target(&input.user_id, input.reason) else {
            return Ok(NotFound.into());
        };
        let (app, caller) = (context.app(), context.caller());
        let outcome = lifecycle::erase_user(app, caller, (person, fresh), target).await;
        answer(outcome, EraseUserResult::from)
    }
}

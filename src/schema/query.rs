//! The query root.

use async_graphql::{Context, ID, MergedObject, Object};

use super::connection::PageArguments;
use super::directives::{Authenticated, Paged, RequiresScopes};
use super::error::{Error, Nullable};
use super::guard::{AccessContext, Guard as _, Holds, IsOwner};
use super::request::ContextExt as _;
use super::scalars::Instant;
use super::types::audit_event::{self, AuditEventConnection};
use super::types::audit_filter::AuditEventFilter;
use super::types::auth_config::AuthConfig;
use super::types::data_export::DataExport;
use super::types::deleted_record::{self, DeletedRecordConnection, DeletedRecordFilter};
use super::types::user::User;
use super::types::user_list::{self, PageInput, UserConnection, UserFilter, UserOrder};
use super::types::user_stats::UserStats;
use crate::domain::caller::AuthState;
use crate::domain::ids::UserId;
use crate::domain::permission::Permission;
use crate::selectors::data_export::ExportOfUser;

/// The query root.
#[derive(Clone, Copy, Debug, Default, MergedObject)]
pub struct Query(Reads);

/// The fields for all clients; routers get more (`entities`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Reads;

/// The fields for all clients.
#[Object]
impl Reads {
    /// The signed-in user, or `null` without a token. An invalid or expired token is the error
    /// `UNAUTHENTICATED`: refresh the session.
    async fn me(&self, context: &Context<'_>) -> Nullable<User> {
        match context.caller().auth_state() {
            AuthState::Anonymous => None,
            AuthState::Rejected => Some(Err(Error::unauthenticated())),
            AuthState::SignedIn(_) => context.account().cloned().map(User::from).map(Ok),
        }
    }

    /// A user, or `null` if there is none: your own account, or any with `users:read`. Otherwise
    /// the error is `FORBIDDEN`, whether or not the user exists.
    #[graphql(directive = Authenticated::apply())]
    async fn user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The ID of the user.")] id: ID,
    ) -> Nullable<User> {
        let person = match context.signed_in() {
            Ok(person) => person,
            Err(refusal) => return Some(Err(refusal)),
        };
        let id = id.parse::<UserId>().ok();
        let access = AccessContext {
            person: Some(person),
            is_own: id == Some(person.user()),
        };
        if !IsOwner.or(Holds(Permission::UsersRead)).allows(access) {
            return Some(Err(Error::forbidden()));
        }
        match context.loaders().user(id?).await {
            Ok(found) => found.map(User::from).map(Ok),
            Err(failure) => Some(Err(failure.into())),
        }
    }

    /// Audit events, newest first. Needs `audit:read`.
    #[graphql(directive = Paged::apply(), directive = RequiresScopes::apply(&[&[Permission::AuditRead]]))]
    async fn audit_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which events to return; default all.")] filter: Option<AuditEventFilter>,
        #[graphql(desc = "Page size, from the start; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Return entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size, from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Return entries before this cursor.")] before: Option<String>,
    ) -> Result<AuditEventConnection, Error> {
        context.authorize()?;
        let arguments = PageArguments::check(first, after, last, before)?;
        audit_event::load_matching(context, filter, arguments).await
    }

    /// User accounts, newest first unless another order is given. Needs `users:read`.
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of a connection with a filter and an order"
    )]
    #[graphql(directive = Paged::apply(), directive = RequiresScopes::apply(&[&[Permission::UsersRead]]))]
    async fn users(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which accounts to return.")] filter: Option<UserFilter>,
        #[graphql(desc = "The order of the list.")] order_by: Option<UserOrder>,
        #[graphql(desc = "Page size, from the start; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Return entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size, from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Return entries before this cursor.")] before: Option<String>,
    ) -> Result<UserConnection, Error> {
        context.authorize()?;
        let page = PageInput {
            first,
            after,
            last,
            before,
        };
        user_list::load_page(context, filter, order_by, page).await
    }

    /// Deleted accounts that were not erased yet, the last deleted first. Needs `users:delete`.
    #[graphql(directive = Paged::apply(), directive = RequiresScopes::apply(&[&[Permission::UsersDelete]]))]
    async fn deleted_records(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which records to return; default all.")] filter: Option<
            DeletedRecordFilter,
        >,
        #[graphql(desc = "Page size, from the start; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Return entries after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size, from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Return entries before this cursor.")] before: Option<String>,
    ) -> Result<DeletedRecordConnection, Error> {
        context.authorize()?;
        let arguments = PageArguments::check(first, after, last, before)?;
        deleted_record::load_page(context, filter, arguments).await
    }

    /// A copy of one's own data that was requested with `requestDataExport`; `null` if you have none
    /// with this ID, or it was deleted.
    #[graphql(directive = Authenticated::apply())]
    async fn data_export(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The ID of the export.")] id: ID,
    ) -> Nullable<DataExport> {
        let owner = match context.authorize() {
            Ok(person) => person.user(),
            Err(refusal) => return Some(Err(refusal)),
        };
        let key = ExportOfUser(owner, id.parse().ok()?);
        match context.loaders().data_export(key).await {
            Ok(found) => found.map(DataExport).map(Ok),
            Err(failure) => Some(Err(failure.into())),
        }
    }

    /// Numbers of accounts. Needs `users:read` or `stats:read`.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::UsersRead],&[Permission::StatsRead]]))]
    async fn user_stats(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only accounts created at or after this instant.")] since: Option<Instant>,
        #[graphql(desc = "Only accounts created before this instant.")] until: Option<Instant>,
    ) -> Result<UserStats, Error> {
        context.authorize()?;
        UserStats::load(
            context,
            since.map(|instant| instant.0),
            until.map(|instant| instant.0),
        )
        .await
    }

    /// Settings for a sign-in page.
    async fn auth_config(&self) -> AuthConfig {
        AuthConfig
    }
}

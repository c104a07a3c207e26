//! The root of reads.

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
use super::types::user::User;
use super::types::user_list::{self, PageInput, UserConnection, UserFilter, UserOrder};
use super::types::user_stats::UserStats;
use crate::domain::caller::AuthState;
use crate::domain::ids::UserId;
use crate::domain::permission::Permission;

/// Everything that can be read.
#[derive(Clone, Copy, Debug, Default, MergedObject)]
pub struct Query(Reads);

/// What everybody asks; a federation router asks for more (`entities`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Reads;

/// What everybody asks.
#[Object]
impl Reads {
    /// The signed-in person, or `null` when nobody is. A token that no longer holds is the error
    /// `UNAUTHENTICATED`, so that clients know to refresh.
    async fn me(&self, context: &Context<'_>) -> Nullable<User> {
        match context.caller().auth_state() {
            AuthState::Anonymous => None,
            AuthState::Rejected => Some(Err(Error::unauthenticated())),
            AuthState::SignedIn(_) => context.account().cloned().map(User::from).map(Ok),
        }
    }

    /// One person, or `null` when there is none: oneself, or anybody with `users:read`. Without
    /// the right the error is `FORBIDDEN`, whether or not there is somebody with this id.
    #[graphql(directive = Authenticated::apply())]
    async fn user(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The person's identifier.")] id: ID,
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

    /// What happened, newest first. Needs `audit:read`.
    #[graphql(directive = Paged::apply(), directive = RequiresScopes::apply(&[&[Permission::AuditRead]]))]
    async fn audit_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which events; all of them without one.")] filter: Option<
            AuditEventFilter,
        >,
        #[graphql(desc = "How many, counted from the start; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, counted from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<AuditEventConnection, Error> {
        context.authorize()?;
        let arguments = PageArguments::check(first, after, last, before)?;
        audit_event::load_matching(context, filter, arguments).await
    }

    /// Everybody, a part at a time; newest first unless an order is given. Needs `users:read`.
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of a connection with a filter and an order"
    )]
    #[graphql(directive = Paged::apply(), directive = RequiresScopes::apply(&[&[Permission::UsersRead]]))]
    async fn users(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who is wanted.")] filter: Option<UserFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<UserOrder>,
        #[graphql(desc = "How many, counted from the start; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, counted from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
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

    /// Counts of people. Needs `users:read` or `stats:read`.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::UsersRead],&[Permission::StatsRead]]))]
    async fn user_stats(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only accounts created at this instant or later.")] since: Option<Instant>,
        #[graphql(desc = "Only accounts created before this instant.")] until: Option<Instant>,
    ) -> Result<UserStats, Error> {
        context.authorize()?;
        UserStats::load(context, since.map(|it| it.0), until.map(|it| it.0)).await
    }

    /// What a sign-in page needs to know.
    async fn auth_config(&self) -> AuthConfig {
        AuthConfig
    }
}

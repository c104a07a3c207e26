//! The root of reads.

use async_graphql::{Context, ID, Object};

use super::connection::PageArguments;
use super::error::{Error, Nullable};
use super::request::Asked as _;
use super::types::audit_event::{AuditEventConnection, AuditEventFilter};
use super::types::auth_config::AuthConfig;
use super::types::user::User;
use crate::domain::caller::Standing;
use crate::domain::ids::UserId;
use crate::domain::permission::Permission;

/// Everything that can be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query;

/// Everything that can be read.
#[Object]
impl Query {
    /// The signed-in person, or `null` when nobody is. A token that no longer holds is the error
    /// `UNAUTHENTICATED`, so that clients know to refresh.
    async fn me(&self, context: &Context<'_>) -> Nullable<User> {
        match context.caller().standing() {
            Standing::Anonymous => None,
            Standing::Rejected => Some(Err(Error::unauthenticated())),
            Standing::SignedIn(_) => context.account().cloned().map(User::from).map(Ok),
        }
    }

    /// One person, or `null` when there is none: oneself, or anybody with `users:read`. Without
    /// the right the error is `FORBIDDEN`, whether or not there is somebody with this id.
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
        if id != Some(person.user()) && !context.holds(Permission::UsersRead) {
            return Some(Err(Error::forbidden()));
        }
        match context.loaders().user(id?).await {
            Ok(found) => found.map(User::from).map(Ok),
            Err(failure) => Some(Err(failure.into())),
        }
    }

    /// What happened, newest first; for holders of `audit:read`.
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
        context.signed_in()?;
        if !context.holds(Permission::AuditRead) {
            return Err(Error::forbidden());
        }
        let arguments = PageArguments::check(first, after, last, before)?;
        AuditEventConnection::matching(context, filter, arguments).await
    }

    /// What a sign-in page needs to know.
    async fn auth_config(&self) -> AuthConfig {
        AuthConfig
    }
}

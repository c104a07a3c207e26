//! The root of reads.

use async_graphql::{Context, ID, Object};

use super::error::{Error, Nullable};
use super::request::Asked as _;
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

    /// What a sign-in page needs to know.
    async fn auth_config(&self) -> AuthConfig {
        AuthConfig
    }
}

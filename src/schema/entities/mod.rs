//! The federation fields: `_entities` and `_service`.
//!
//! The engine's own are not used: they show the SDL to every client, accept any number of
//! references, and fail all references if one cannot be resolved. Which fields of an entity a
//! caller may see is decided by the guards on its type, as on every other path.

mod representation;

use async_graphql::{
    Any, Context, ID, Interface, MergedObject, Object, SchemaBuilder, SimpleObject, Union,
};
use futures_util::future::try_join_all;

use super::directives::Key;
use super::error::{Error, ErrorCode, Nullable};
use super::guard::{AccessContext, Guard as _, Holds, IsOwner};
use super::mutations::Mutation;
use super::query::Reads;
use super::request::ContextExt as _;
use super::sdl::Authorization;
use super::subgraph_sdl;
use super::subscription::Subscription;
use super::types::session::Session;
use super::types::user::User;
use crate::domain::email::EmailAddress;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::permission::Permission;
use representation::Reference;

/// The query root.
#[derive(Clone, Copy, Debug, Default, MergedObject)]
#[graphql(name = "Query")]
pub struct RouterQuery(Reads, Federation);

/// The account that performs an action. Other subgraphs can add fields to it by `@interfaceObject`,
/// without knowing its kinds.
#[derive(Debug, Interface)]
#[graphql(
    field(name = "id", ty = "ID", desc = "The ID."),
    directive = Key::apply("id")
)]
pub enum Principal {
    /// See [`User`].
    User(User),
}

/// An entity that other subgraphs can reference.
#[derive(Clone, Debug, Union)]
#[graphql(name = "_Entity")]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are users")]
pub enum Entity {
    /// A user account.
    User(User),
    /// A sign-in on a device.
    Session(Session),
}

/// The schema of this subgraph.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "_Service")]
pub struct Service {
    /// The SDL, with federation directives.
    sdl: String,
}

/// The schema with the federation fields.
pub(super) fn builder() -> SchemaBuilder<RouterQuery, Mutation, Subscription> {
    super::with_query_root(RouterQuery::default())
        .register_output_type::<Principal>()
        .enable_subscription_in_federation()
}

/// The fields for routers only.
#[derive(Clone, Copy, Debug, Default)]
pub struct Federation;

/// The fields for routers only.
#[Object]
impl Federation {
    /// The referenced entities, in the order of the references. `null` if there is no such entity,
    /// and `null` with an error if the caller may not access it.
    #[graphql(name = "_entities")]
    async fn entities(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "References: `__typename` and the fields of a key.")] representations: Vec<
            Any,
        >,
    ) -> Result<Vec<Nullable<Entity>>, Error> {
        // Already measured before execution; defence in depth.
        if representations.len() > context.app().config.router.max_representations {
            let message = "These are too many entities; ask for them in parts.";
            return Err(Error::of(ErrorCode::QueryTooExpensive, message));
        }
        // Resolved together, so that the loaders batch each kind of key into one statement.
        try_join_all(
            representations
                .iter()
                .map(|representation| resolve(context, representation)),
        )
        .await
    }

    /// The schema of this subgraph, for composition.
    #[graphql(name = "_service")]
    async fn service(&self, context: &Context<'_>) -> Service {
        let authorization = if context.app().config.router.authorization_directives {
            Authorization::Declared
        } else {
            Authorization::Omitted
        };
        Service {
            sdl: subgraph_sdl(authorization).to_owned(),
        }
    }
}

/// The entity of a representation. The outer error fails the whole field.
async fn resolve(context: &Context<'_>, representation: &Any) -> Result<Nullable<Entity>, Error> {
    match Reference::read(&representation.0) {
        Ok(Reference::User { id }) => user(context, id).await,
        Ok(Reference::UserByEmail { email }) => user_by_email(context, email).await,
        Ok(Reference::Session { id }) => session(context, id).await,
        Err(refusal) => Ok(Some(Err(refusal))),
    }
}

/// Any caller may reference a user; the fields have guards.
async fn user(context: &Context<'_>, id: &str) -> Result<Nullable<Entity>, Error> {
    let Ok(id) = id.parse::<UserId>() else {
        return Ok(None);
    };
    let found = context.loaders().user(id).await?;
    Ok(found.map(|user| Ok(Entity::User(user.into()))))
}

/// For the owner of the address and holders of `users:read`. Others get the same error whether or
/// not it has an account, to prevent enumeration.
async fn user_by_email(context: &Context<'_>, email: &str) -> Result<Nullable<Entity>, Error> {
    let wanted = EmailAddress::parse(email).ok();
    let own = context.account().filter(|account| {
        let address = account.email.as_deref().map(EmailAddress::parse);
        address
            .and_then(Result::ok)
            .is_some_and(|address| wanted.as_ref() == Some(&address))
    });
    let access = AccessContext {
        person: context.caller().signed_in(),
        is_own: own.is_some(),
    };
    if !IsOwner.or(Holds(Permission::UsersRead)).allows(access) {
        return Ok(Some(Err(Error::forbidden())));
    }
    let found = match (own, wanted) {
        (Some(account), _) => Some(account.clone()),
        (None, Some(wanted)) => context.loaders().user_by_email(&wanted).await?,
        (None, None) => None,
    };
    Ok(found.map(|user| Ok(Entity::User(user.into()))))
}

/// For the owner of the session and holders of `users:read`. Others get the same error whether or
/// not it exists.
async fn session(context: &Context<'_>, id: &str) -> Result<Nullable<Entity>, Error> {
    let Some(person) = context.caller().signed_in() else {
        return Ok(Some(Err(Error::forbidden())));
    };
    let found = match id.parse::<SessionId>() {
        Ok(id) => context.loaders().session(id).await?,
        Err(_) => None,
    };
    let found = found.map(|known| known.session);
    let found = found.filter(|session| session.is_live(context.now()));
    let access = AccessContext {
        person: Some(person),
        is_own: found
            .as_ref()
            .is_some_and(|session| session.user_id == person.user()),
    };
    if !IsOwner.or(Holds(Permission::UsersRead)).allows(access) {
        return Ok(Some(Err(Error::forbidden())));
    }
    Ok(found.map(|session| Ok(Entity::Session(Session(session)))))
}

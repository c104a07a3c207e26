//! What only a federation router asks: what other subgraphs refer to, and the schema it composes.
//!
//! The engine has fields of its own for both and they are not used: they hand the schema to
//! anybody, take as many references as a client likes, and one that cannot be resolved takes all
//! others away. What a referred entity shows is decided where it is decided for every other path,
//! by the guards on the fields of its type.

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

/// Everything that can be read.
#[derive(Clone, Copy, Debug, Default, MergedObject)]
#[graphql(name = "Query")]
pub struct RouterQuery(Reads, Federation);

/// Whoever acts: what other subgraphs give fields to without knowing who there is (they declare
/// it with `@interfaceObject`).
#[derive(Debug, Interface)]
#[graphql(
    field(name = "id", ty = "ID", desc = "The identifier."),
    directive = Key::apply("id")
)]
pub enum Principal {
    /// See [`User`].
    User(User),
}

/// What other subgraphs may refer to.
#[derive(Clone, Debug, Union)]
#[graphql(name = "_Entity")]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are users")]
pub enum Entity {
    /// A person with an account.
    User(User),
    /// A sign-in on a device.
    Session(Session),
}

/// This subgraph, as a router composes it.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "_Service")]
pub struct Service {
    /// The schema, with what routers need to know.
    sdl: String,
}

/// The schema with what routers ask.
pub(super) fn builder() -> SchemaBuilder<RouterQuery, Mutation, Subscription> {
    super::reading(RouterQuery::default())
        .register_output_type::<Principal>()
        .enable_subscription_in_federation()
}

/// What only routers ask.
#[derive(Clone, Copy, Debug, Default)]
pub struct Federation;

/// What only routers ask.
#[Object]
impl Federation {
    /// What other subgraphs refer to, each in the place of its reference. It is `null` for what
    /// does not exist, and `null` with an error for what the caller may not ask for.
    #[graphql(name = "_entities")]
    async fn entities(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The references: `__typename` and the fields of a key.")]
        representations: Vec<Any>,
    ) -> Result<Vec<Nullable<Entity>>, Error> {
        // The document was measured before it ran; this holds should its measure ever be wrong.
        if representations.len() > context.app().config.router.max_representations {
            let message = "These are too many entities; ask for them in parts.";
            return Err(Error::of(ErrorCode::QueryTooExpensive, message));
        }
        // All of them ask before the first is loaded, so each kind of key is one statement.
        try_join_all(representations.iter().map(|it| resolve(context, it))).await
    }

    /// This subgraph, as a router composes it.
    #[graphql(name = "_service")]
    async fn service(&self, context: &Context<'_>) -> Service {
        let authorization = if context.app().config.router.authorization_directives {
            Authorization::Declared
        } else {
            Authorization::Silent
        };
        Service {
            sdl: subgraph_sdl(authorization).to_owned(),
        }
    }
}

/// What a representation refers to. The outer error concerns all of them: something broke.
async fn resolve(context: &Context<'_>, written: &Any) -> Result<Nullable<Entity>, Error> {
    match Reference::read(&written.0) {
        Ok(Reference::User { id }) => user(context, id).await,
        Ok(Reference::UserOfEmail { email }) => user_of_email(context, email).await,
        Ok(Reference::Session { id }) => session(context, id).await,
        Err(refusal) => Ok(Some(Err(refusal))),
    }
}

/// Anybody may refer to a person; what they then see is up to the fields.
async fn user(context: &Context<'_>, id: &str) -> Result<Nullable<Entity>, Error> {
    let Ok(id) = id.parse::<UserId>() else {
        return Ok(None);
    };
    let found = context.loaders().user(id).await?;
    Ok(found.map(|user| Ok(Entity::User(user.into()))))
}

/// Who has an address is for its owner and for holders of `users:read`. Others hear the same
/// whether or not somebody has it: this would be the quickest way to find out who has an account.
async fn user_of_email(context: &Context<'_>, email: &str) -> Result<Nullable<Entity>, Error> {
    let wanted = EmailAddress::parse(email).ok();
    let own = context.account().filter(|account| {
        let address = account.email.as_deref().map(EmailAddress::parse);
        address
            .and_then(Result::ok)
            .is_some_and(|it| wanted.as_ref() == Some(&it))
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

/// A live session, for its owner and for holders of `users:read`. Others hear the same whether or
/// not there is one.
async fn session(context: &Context<'_>, id: &str) -> Result<Nullable<Entity>, Error> {
    let Some(person) = context.caller().signed_in() else {
        return Ok(Some(Err(Error::forbidden())));
    };
    let found = match id.parse::<SessionId>() {
        Ok(id) => context.loaders().session(id).await?,
        Err(_) => None,
    };
    let found = found.map(|known| known.session);
    let found = found.filter(|session| session.is_live(context.app().clock.now()));
    let access = AccessContext {
        person: Some(person),
        is_own: found.as_ref().is_some_and(|it| it.user_id == person.user()),
    };
    if !IsOwner.or(Holds(Permission::UsersRead)).allows(access) {
        return Ok(Some(Err(Error::forbidden())));
    }
    Ok(found.map(|session| Ok(Entity::Session(Session(session)))))
}

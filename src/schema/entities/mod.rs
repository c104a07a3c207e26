//! The federation fields: `_entities` and `_service`.
//!
//! The engine's own are not used: they show the SDL to every client, accept any number of
//! references, and fail all references if one cannot be resolved. Which fields of an entity a
//! caller may see is decided by the guards on its type, as on every other path.

mod representation;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    Any, Context, ContextSelectionSet, ID, Interface, MergedObject, Object, OutputType, Positioned,
    SchemaBuilder, ServerResult, SimpleObject, Union, Value,
};
use futures_util::future::{try_join, try_join_all};

use super::directives::Key;
use super::error::{Error, ErrorCode, Nullable};
use super::guard::{AccessContext, Guard as _, Holds, IsOwner};
use super::mutations::Mutation;
use super::query::Reads;
use super::request::ContextExt as _;
use super::sdl::Authorization;
use super::subgraph_sdl;
use super::subscription::Subscription;
use super::types::public_user::PublicSelection;
use super::types::session::Session;
use super::types::user::User;
use crate::app::App;
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
    ) -> Result<Entities, Error> {
        // Already measured before execution; defence in depth.
        if representations.len() > context.app().config.router.max_representations {
            let message = "These are too many entities; ask for them in parts.";
            return Err(Error::of(ErrorCode::QueryTooExpensive, message));
        }
        let wanted: Vec<Wanted<'_>> = representations
            .iter()
            .map(|representation| Wanted::read(&representation.0))
            .collect();
        // Resolved together, so that the loaders batch each kind of key into one statement.
        let others = wanted.iter().filter_map(|wanted| match wanted {
            Wanted::Other(read) => Some(resolve(context, read)),
            Wanted::User(_) | Wanted::Nothing => None,
        });
        let (users, others) = try_join(users(context, &wanted), try_join_all(others)).await?;
        let mut others = others.into_iter();
        let found = wanted.iter().map(|wanted| match wanted {
            Wanted::User(id) => users.get(id).cloned().map(|user| Ok(Entity::User(user))),
            Wanted::Nothing => None,
            Wanted::Other(_) => others.next().flatten(),
        });
        Ok(Entities(found.collect()))
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

/// What a representation asks for.
enum Wanted<'a> {
    /// A user by ID. Any caller may reference one; the fields have guards.
    User(UserId),
    /// A user by what is no ID.
    Nothing,
    /// Another entity, or a representation that cannot be read.
    Other(Result<Reference<'a>, Error>),
}

impl<'a> Wanted<'a> {
    fn read(representation: &'a Value) -> Self {
        match Reference::read(representation) {
            Ok(Reference::User { id }) => id.parse().map_or(Self::Nothing, Self::User),
            read => Self::Other(read),
        }
    }
}

/// The users among what is wanted. Only what every caller may see is read, if no more is selected.
async fn users(
    context: &Context<'_>,
    wanted: &[Wanted<'_>],
) -> Result<HashMap<UserId, User>, Error> {
    let mut found = HashMap::new();
    let mut others = HashSet::new();
    for wanted in wanted {
        match (wanted, context.account()) {
            (Wanted::User(id), Some(own)) if own.id == *id => {
                found.insert(*id, User::from(Arc::clone(own)));
            }
            (Wanted::User(id), _) => drop(others.insert(*id)),
            _ => {}
        }
    }
    if others.is_empty() {
        return Ok(found);
    }
    let (loaders, others) = (context.loaders(), others.into_iter());
    if public_selection(&context.with_selection_set(&context.item.node.selection_set)).is_some() {
        let read = loaders.public_profiles(others).await?.into_iter();
        found.extend(read.map(|(id, profile)| (id, profile.into())));
    } else {
        let read = loaders.users(others).await?.into_iter();
        found.extend(read.map(|(id, user)| (id, user.into())));
    }
    Ok(found)
}

fn public_selection(context: &ContextSelectionSet<'_>) -> Option<PublicSelection> {
    PublicSelection::of(&context.item.node, &context.query_env.fragments)
}

/// The entities of a request.
struct Entities(Vec<Nullable<Entity>>);

type List = Vec<Nullable<Entity>>;

impl OutputType for Entities {
    fn type_name() -> Cow<'static, str> {
        List::type_name()
    }

    fn qualified_type_name() -> String {
        List::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        List::create_type_info(registry)
    }

    /// By a [`PublicSelection`] where that is enough, else by the resolvers of the entities.
    async fn resolve(
        &self,
        context: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        if let Some(selection) = public_selection(context) {
            let app = context.data_unchecked::<Arc<App>>();
            let values = self.0.iter().map(|entity| match entity {
                None => Some(Value::Null),
                Some(Ok(Entity::User(user))) => Some(selection.value(user, app)),
                Some(_) => None,
            });
            if let Some(values) = values.collect() {
                return Ok(Value::List(values));
            }
        }
        Box::pin(self.0.resolve(context, field)).await
    }
}

/// An entity by another key than the ID of a user. The outer error fails the whole field.
async fn resolve(
    context: &Context<'_>,
    read: &Result<Reference<'_>, Error>,
) -> Result<Nullable<Entity>, Error> {
    match read {
        Ok(Reference::UserByEmail { email }) => user_by_email(context, email).await,
        Ok(Reference::Session { id }) => session(context, id).await,
        Ok(Reference::User { .. }) => Ok(None),
        Err(refusal) => Ok(Some(Err(refusal.clone()))),
    }
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

//! The directives of the schema: what a field says about itself besides its type.
//!
//! Each stands at the field or type that it describes, and nothing repeats it: a router reads it in
//! the subgraph's schema, the gateway through [`metadata`](super::metadata). They are not
//! registered with the engine, so that introspection and the schema of clients stay free of them.

use std::borrow::Cow;

use async_graphql::registry::location_traits::{
    Directive_At_FIELD_DEFINITION, Directive_At_INTERFACE, Directive_At_OBJECT,
};
use async_graphql::registry::{MetaDirectiveInvocation, Registry};
use async_graphql::{InputType, TypeDirective, Value};

use crate::domain::permission::Permission;

/// The names of the directives.
pub(super) mod name {
    pub(in crate::schema) const AUTHENTICATED: &str = "authenticated";
    pub(in crate::schema) const REQUIRES_SCOPES: &str = "requiresScopes";
    pub(in crate::schema) const KEY: &str = "key";
    pub(in crate::schema) const LIST_SIZE: &str = "listSize";
    pub(in crate::schema) const COST: &str = "cost";
}

macro_rules! directives {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:path, on $($location:ident)|+;)+) => { $(
        $(#[doc = $doc])+
        pub(super) struct $name;

        impl TypeDirective for $name {
            fn name(&self) -> Cow<'static, str> {
                Cow::Borrowed($text)
            }

            fn register(&self, _: &mut Registry) {}
        }

        $(impl $location for $name {})+
    )+ };
}

directives! {
    /// Federation 2.5: for signed-in callers only.
    Authenticated = name::AUTHENTICATED, on Directive_At_FIELD_DEFINITION;
    /// Federation 2.5: for callers with all scopes of one of the sets.
    RequiresScopes = name::REQUIRES_SCOPES, on Directive_At_FIELD_DEFINITION;
    /// Federation 2.0: fields by which other subgraphs refer to an entity.
    Key = name::KEY, on Directive_At_OBJECT | Directive_At_INTERFACE;
    /// Federation 2.9: a list with at most so many entries.
    AtMost = name::LIST_SIZE, on Directive_At_FIELD_DEFINITION;
    /// Federation 2.9: a connection, whose arguments say how many entries a page has.
    Paged = name::LIST_SIZE, on Directive_At_FIELD_DEFINITION;
    /// Federation 2.9: a mutation that checks or sends a secret. Its work is that of many fields,
    /// and only one may be in a document, or a single request could try many passwords.
    Credential = name::COST, on Directive_At_FIELD_DEFINITION;
}

/// What a mutation with [`Credential`] costs, in fields: hashing a password takes about as long as
/// resolving so many.
const CREDENTIAL_WEIGHT: i32 = 100;

/// Entries of a page by default.
pub(super) const DEFAULT_PAGE_SIZE: usize = 20;

/// Arguments by which a page is sliced, in the order in which they count.
pub(super) const SLICING_ARGUMENTS: [&str; 2] = ["first", "last"];

/// Fields of a connection that have as many entries as the page.
pub(super) const SIZED_FIELDS: [&str; 2] = ["nodes", "edges"];

fn invocation<const N: usize>(
    directive: &impl TypeDirective,
    arguments: [(&str, Value); N],
) -> MetaDirectiveInvocation {
    MetaDirectiveInvocation {
        name: directive.name().into_owned(),
        args: arguments
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect(),
    }
}

fn strings(texts: &[&str]) -> Value {
    texts.iter().copied().map(Value::from).collect()
}

impl Authenticated {
    pub(super) fn apply() -> MetaDirectiveInvocation {
        invocation(&Self, [])
    }
}

impl RequiresScopes {
    pub(super) fn apply(sets: &[&[Permission]]) -> MetaDirectiveInvocation {
        let set = |set: &&[Permission]| set.iter().map(|it| Value::from(it.as_str())).collect();
        let sets: Vec<Value> = sets.iter().map(set).collect();
        invocation(&Self, [("scopes", Value::List(sets))])
    }
}

impl Key {
    pub(super) fn apply(fields: &str) -> MetaDirectiveInvocation {
        invocation(&Self, [("fields", Value::from(fields))])
    }
}

impl AtMost {
    pub(super) fn apply(entries: usize) -> MetaDirectiveInvocation {
        invocation(&Self, [("assumedSize", entries.to_value())])
    }
}

impl Paged {
    pub(super) fn apply() -> MetaDirectiveInvocation {
        let arguments = [
            ("assumedSize", DEFAULT_PAGE_SIZE.to_value()),
            ("slicingArguments", strings(&SLICING_ARGUMENTS)),
            ("sizedFields", strings(&SIZED_FIELDS)),
            ("requireOneSlicingArgument", Value::from(false)),
        ];
        invocation(&Self, arguments)
    }
}

impl Credential {
    pub(super) fn apply() -> MetaDirectiveInvocation {
        invocation(&Self, [("weight", CREDENTIAL_WEIGHT.to_value())])
    }
}

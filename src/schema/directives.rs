//! Schema directives.
//!
//! Each is declared on the field or type it describes and nowhere else: routers read the federation
//! directives from the subgraph's SDL, the gateway reads them through [`metadata`](super::metadata).
//! They are not registered with the engine, so introspection and the client schema do not show them.

use std::borrow::Cow;

use async_graphql::registry::location_traits::{
    Directive_At_FIELD_DEFINITION, Directive_At_INTERFACE, Directive_At_OBJECT,
};
use async_graphql::registry::{MetaDirectiveInvocation, Registry};
use async_graphql::{InputType, TypeDirective, Value};

use crate::domain::permission::Permission;

/// Directive names.
pub(super) mod name {
    pub(in crate::schema) const AUTHENTICATED: &str = "authenticated";
    pub(in crate::schema) const REQUIRES_SCOPES: &str = "requiresScopes";
    pub(in crate::schema) const KEY: &str = "key";
    pub(in crate::schema) const LIST_SIZE: &str = "listSize";
    pub(in crate::schema) const COST: &str = "cost";
    pub(in crate::schema) const CREDENTIAL: &str = "credential";
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
    /// Federation 2.5: signed-in callers only.
    Authenticated = name::AUTHENTICATED, on Directive_At_FIELD_DEFINITION;
    /// Federation 2.5: callers who hold every scope of at least one of the sets.
    RequiresScopes = name::REQUIRES_SCOPES, on Directive_At_FIELD_DEFINITION;
    /// Federation 2.0: the fields that identify an entity to other subgraphs.
    Key = name::KEY, on Directive_At_OBJECT | Directive_At_INTERFACE;
    /// Federation 2.9: a list with a maximum length.
    AtMost = name::LIST_SIZE, on Directive_At_FIELD_DEFINITION;
    /// Federation 2.9: a connection; its arguments set the page size.
    Paged = name::LIST_SIZE, on Directive_At_FIELD_DEFINITION;
    /// Federation 2.9: the cost of a field to a router that plans by cost. The gateway does not read
    /// it.
    Cost = name::COST, on Directive_At_FIELD_DEFINITION;
    /// Read by the gateway alone: a mutation that verifies or sends a secret. Allowed once per
    /// document, so that one request cannot try many passwords.
    Credential = name::CREDENTIAL, on Directive_At_FIELD_DEFINITION;
}

/// The weight of a mutation that takes about as long as a password hash, in fields.
pub(super) const PASSWORD_HASH: i32 = 100;

/// Page size if none is requested.
pub(super) const DEFAULT_PAGE_SIZE: usize = 20;

/// Arguments that set the page size, in order of precedence.
pub(super) const SLICING_ARGUMENTS: [&str; 2] = ["first", "last"];

/// Connection fields with one entry per row of the page.
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
        let set = |set: &&[Permission]| {
            set.iter()
                .map(|permission| Value::from(permission.as_str()))
                .collect()
        };
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

impl Cost {
    pub(super) fn apply(weight: i32) -> MetaDirectiveInvocation {
        invocation(&Self, [("weight", weight.to_value())])
    }
}

impl Credential {
    pub(super) fn apply() -> MetaDirectiveInvocation {
        invocation(&Self, [])
    }
}

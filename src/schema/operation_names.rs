//! The names of root fields as a closed set: only these may appear as metric labels and in log
//! lines, not arbitrary client input.

use std::collections::HashSet;
use std::sync::LazyLock;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};

/// Root fields that every schema has, and those for routers.
const BUILT_IN: [&str; 5] = ["__schema", "__type", "__typename", "_entities", "_service"];

static ROOT_FIELDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let mut names: HashSet<String> = BUILT_IN.map(str::to_owned).into();
    // Our own SDL; the tests parse it as well.
    let Ok(document) = parse_schema(super::sdl()) else {
        return names;
    };
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let definition = definition.node;
        let is_root =
            ["Query", "Mutation", "Subscription"].contains(&definition.name.node.as_str());
        if let TypeKind::Object(object) = definition.kind
            && is_root
        {
            let fields = object.fields.into_iter();
            names.extend(fields.map(|field| field.node.name.node.to_string()));
        }
    }
    names
});

/// The static name of a root field, if the schema has it.
#[must_use]
pub fn root_field(name: &str) -> Option<&'static str> {
    ROOT_FIELDS.get(name).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_fields_are_known_and_nothing_else_is() {
        for name in ["me", "login", "sessionEvents", "_entities", "__schema"] {
            assert_eq!(root_field(name), Some(name));
        }
        for name in ["", "Me", "firstName", "email", "User", "me ", "login\n"] {
            assert_eq!(root_field(name), None, "{name:?}");
        }
        assert!(
            (40..200).contains(&ROOT_FIELDS.len()),
            "{}",
            ROOT_FIELDS.len()
        );
    }
}

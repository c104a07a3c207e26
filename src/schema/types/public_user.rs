//! Selections of what every caller may see of a user, answered without a resolver for each field: a router
//! asks for a hundred users at a time, and mostly for these fields.

use std::collections::HashMap;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{FragmentDefinition, Selection, SelectionSet};
use async_graphql::resolver_utils::enum_value;
use async_graphql::{Name, Positioned, Value};

use super::user::User;
use crate::app::App;

/// A selection of fields of `User` that need no guard, and no more of an account than a public profile.
#[derive(Debug)]
pub(in crate::schema) struct PublicSelection(Vec<(Name, PublicField)>);

/// A field, as the resolvers of [`User`] have it.
#[derive(Clone, Copy, Debug)]
enum PublicField {
    TypeName,
    Id,
    PublicId,
    FirstName,
    AvatarUrl,
    Role,
}

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

impl PublicSelection {
    /// The fields that a selection has for users; `None` if there is any other field, or a directive.
    pub(in crate::schema) fn of(set: &SelectionSet, fragments: &Fragments) -> Option<Self> {
        let mut selection = Self(Vec::new());
        selection.add(set, fragments)?;
        Some(selection)
    }

    fn add(&mut self, set: &SelectionSet, fragments: &Fragments) -> Option<()> {
        for selection in &set.items {
            if !selection.node.directives().is_empty() {
                return None;
            }
            let (condition, set) = match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let name = field.response_key().node.clone();
                    self.0.push((name, PublicField::named(&field.name.node)?));
                    continue;
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    (fragment.type_condition.as_ref(), &fragment.selection_set)
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = &fragments.get(&spread.node.fragment_name.node)?.node;
                    (Some(&fragment.type_condition), &fragment.selection_set)
                }
            };
            match condition.map(|condition| condition.node.on.node.as_str()) {
                None | Some("User" | "Principal" | "_Entity") => self.add(&set.node, fragments)?,
                Some("Session") => {}
                Some(_) => return None,
            }
        }
        Some(())
    }

    /// The selected fields of a user.
    pub(in crate::schema) fn value(&self, user: &User, app: &App) -> Value {
        let mut object = IndexMap::with_capacity(self.0.len());
        for (name, field) in &self.0 {
            object.insert(name.clone(), field.value(user, app));
        }
        Value::Object(object)
    }
}

impl PublicField {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "__typename" => Self::TypeName,
            "id" => Self::Id,
            "pid" => Self::PublicId,
            "firstName" => Self::FirstName,
            "avatarUrl" => Self::AvatarUrl,
            "role" => Self::Role,
            _ => return None,
        })
    }

    fn value(self, user: &User, app: &App) -> Value {
        match self {
            Self::TypeName => Value::from("User"),
            Self::Id => Value::String(user.user_id().to_string()),
            Self::PublicId => Value::from(user.public_id()),
            Self::FirstName => Value::from(user.given_name()),
            Self::AvatarUrl => user.picture(app).map_or(Value::Null, Value::String),
            Self::Role => enum_value(user.rank()),
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::ContainerType as _;
    use async_graphql::parser::parse_query;

    use super::*;

    fn two<A, B, F: Future>(_: impl FnOnce(A, B) -> F) -> usize {
        size_of::<F>()
    }

    /// The engine allocates one for each selected field of each user.
    #[test]
    fn the_future_of_a_field_is_no_larger_than_stated() {
        let size = two(User::resolve_field);
        assert!(size <= 890, "{size} bytes");
    }

    fn selects(text: &str) -> Option<Vec<String>> {
        let document = parse_query(format!(
            "{{ users {{ {text} }} }} fragment F on User {{ role }}"
        ));
        let document = document.unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let Selection::Field(users) = &operation.node.selection_set.node.items[0].node else {
            unreachable!("`users` is a field")
        };
        let set = &users.node.selection_set.node;
        let selection = PublicSelection::of(set, &document.fragments)?;
        Some(
            selection
                .0
                .iter()
                .map(|(name, _)| name.to_string())
                .collect(),
        )
    }

    #[test]
    fn only_fields_without_a_guard_are_selected() {
        let all = ["__typename", "i", "pid", "firstName", "avatarUrl", "role"].map(str::to_owned);
        let some = "... on User { __typename i: id ... { pid firstName } } ... on Session { userAgent } \
                    avatarUrl ...F";
        assert_eq!(selects(some).as_deref(), Some(&all[..]));
        for other in [
            "id email",
            "... on User { id lastName }",
            "id @include(if: true)",
            "... @skip(if: false) { id }",
            "...G",
            "... on Order { id }",
            "sessions { nodes { id } }",
        ] {
            assert_eq!(selects(other), None, "{other}");
        }
    }
}

//! Introspection where it is off: refused by name, before anything runs.
//!
//! The engine answers `null` without an error then, which clients take for an empty schema.

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use crate::schema::error::{Error, ErrorCode};

/// Refuses a document that asks for the schema anywhere: in any of its operations, and in
/// fragments, whether or not they are spread. What it is called in the answer does not matter.
/// `__typename` (GraphQL specification §4.4) tells nothing but the type of a value and stays.
pub(super) fn refuse(document: &ExecutableDocument) -> Result<(), Error> {
    let operations = document.operations.iter();
    let operations = operations.map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values();
    let fragments = fragments.map(|fragment| &fragment.node.selection_set.node);
    match operations.chain(fragments).find_map(meta_field) {
        None => Ok(()),
        Some(name) => {
            let message = format!("Introspection is off here: `{name}` cannot be asked for.");
            Err(Error::of(ErrorCode::ValidationFailed, message))
        }
    }
}

/// The first field that introspects. Recursion is bounded by the brackets of the text.
fn meta_field(set: &SelectionSet) -> Option<&str> {
    set.items
        .iter()
        .find_map(|selection| match &selection.node {
            Selection::Field(field) => match field.node.name.node.as_str() {
                name @ ("__schema" | "__type") => Some(name),
                _ => meta_field(&field.node.selection_set.node),
            },
            Selection::InlineFragment(fragment) => meta_field(&fragment.node.selection_set.node),
            Selection::FragmentSpread(_) => None,
        })
}

//! Rejects introspection where it is disabled.
//!
//! The engine would answer `null` without an error, which clients take for an empty schema.

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use crate::schema::error::{Error, ErrorCode};

/// Rejects a document that introspects in any operation or fragment, used or not, under any alias.
/// `__typename` (GraphQL specification §4.4) is allowed.
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

/// The first introspection field. Recursion is bounded by the nesting limit.
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

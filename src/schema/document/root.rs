//! The root field of a subscription.

use async_graphql::parser::types::{OperationDefinition, Selection};

use crate::schema::error::{Error, ErrorCode};

/// The only root field of a subscription.
///
/// GraphQL specification §5.2.3.1: one field, no introspection, and no `@skip` or `@include`. It
/// must be in the operation itself, as the engine does not look into fragments there.
pub(super) fn only_field(operation: &OperationDefinition) -> Result<&str, Error> {
    let refuse = |message: &str| Err(Error::of(ErrorCode::ValidationFailed, message));
    let [selection] = operation.selection_set.node.items.as_slice() else {
        return refuse("A subscription has exactly one field at its root.");
    };
    let Selection::Field(field) = &selection.node else {
        return refuse("The field at the root of a subscription stands there, not in a fragment.");
    };
    let field = &field.node;
    if field.name.node.starts_with("__") {
        return refuse("A subscription cannot ask for the schema.");
    }
    let is_conditional = |name: &str| matches!(name, "skip" | "include");
    if field
        .directives
        .iter()
        .any(|directive| is_conditional(&directive.node.name.node))
    {
        return refuse("The field at the root of a subscription cannot depend on a condition.");
    }
    Ok(field.name.node.as_str())
}

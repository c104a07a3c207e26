//! Limits on the variables of a request.

use async_graphql::{Value, Variables};

use super::{Limit, Limits, Refusal, null_character};

/// Rejects too many variables, too many values in them, and values nested too deeply.
///
/// The engine walks a variable for each argument that uses it.
pub(super) fn check(variables: &Variables, limits: &Limits) -> Result<(), Refusal> {
    Limit::Variables.check(variables.len(), limits.variables)?;
    let mut values = 0;
    // Iterative: the depth is not bounded yet.
    let mut open: Vec<(&Value, usize)> = variables.values().map(|value| (value, 0)).collect();
    while let Some((value, depth)) = open.pop() {
        values += 1;
        Limit::VariableValues.check(values, limits.variable_values)?;
        let inside = depth + 1;
        match value {
            Value::List(entries) => {
                Limit::VariableDepth.check(inside, limits.variable_depth)?;
                open.extend(entries.iter().map(|entry| (entry, inside)));
            }
            Value::Object(fields) => {
                Limit::VariableDepth.check(inside, limits.variable_depth)?;
                open.extend(fields.values().map(|field| (field, inside)));
            }
            Value::String(text) if text.contains('\0') => return Err(null_character().into()),
            _ => {}
        }
    }
    Ok(())
}

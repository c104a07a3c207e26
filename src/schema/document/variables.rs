//! How large the variables of a request are.

use async_graphql::{Value, Variables};

use super::{Limit, Limits, Refusal, null_character};

/// Refuses too many variables, too many values in them, or values nested too deeply.
///
/// The engine walks them for each argument that names them, and hands them to resolvers.
pub(super) fn check(variables: &Variables, limits: &Limits) -> Result<(), Refusal> {
    Limit::Variables.check(variables.len(), limits.variables)?;
    let mut values = 0;
    // Not by recursion: how deep they are is what is to be found out.
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

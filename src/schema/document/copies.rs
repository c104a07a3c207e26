//! Memory amplification through variables that a document uses more than once.
//!
//! The engine clones a variable for each use before it checks the type of the position: a 1 MB
//! variable in a list of two thousand uses took gigabytes.

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value, Variables};
use async_graphql_value::Value as Literal;

use super::{Limit, Refusal};

/// Maximum bytes of variable copies beyond the first use, which the body limit covers. Legitimate
/// documents reuse a few variables, mostly ids.
const MAX_COPIED_BYTES: usize = 4 * 1024 * 1024;
/// Estimated size of a value, without its text.
const VALUE_OVERHEAD: usize = 64;

/// Variables used more than once, with the number of additional uses.
#[derive(Debug, Default)]
pub(super) struct Copies(Vec<(Name, usize)>);

impl Copies {
    /// Counts uses in the whole document: the engine also validates unreachable fragments.
    pub(super) fn of(document: &ExecutableDocument) -> Self {
        let mut places = Places::default();
        for (_, operation) in document.operations.iter() {
            places.directives(&operation.node.directives);
            places.selections(&operation.node.selection_set.node);
        }
        for fragment in document.fragments.values() {
            places.directives(&fragment.node.directives);
            places.selections(&fragment.node.selection_set.node);
        }
        let repeated = places.0.into_iter().filter(|(_, count)| *count > 1);
        Self(
            repeated
                .map(|(name, count)| (name.clone(), count - 1))
                .collect(),
        )
    }

    /// Rejects variables whose copies would take too much memory.
    pub(super) fn check(
        &self,
        operation: &OperationDefinition,
        variables: &Variables,
    ) -> Result<(), Refusal> {
        let copied = self.0.iter().map(|(name, times)| {
            let value = variables.get(name).or_else(|| default(operation, name));
            value.map_or(0, bytes).saturating_mul(*times)
        });
        Limit::VariableCopies.check(copied.fold(0, usize::saturating_add), MAX_COPIED_BYTES)
    }
}

pub(super) fn default<'a>(operation: &'a OperationDefinition, name: &Name) -> Option<&'a Value> {
    let mut definitions = operation.variable_definitions.iter();
    let found = definitions.find(|definition| definition.node.name.node == *name)?;
    found.node.default_value.as_ref().map(|value| &value.node)
}

/// Estimated memory use of a value.
fn bytes(value: &Value) -> usize {
    let mut sum = 0_usize;
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        let text = match value {
            Value::String(text) => text.len(),
            Value::Enum(name) => name.len(),
            Value::List(entries) => {
                open.extend(entries);
                0
            }
            Value::Object(fields) => {
                open.extend(fields.values());
                fields.keys().map(|name| name.len()).sum()
            }
            _ => 0,
        };
        sum = sum.saturating_add(text).saturating_add(VALUE_OVERHEAD);
    }
    sum
}

/// Number of uses per variable.
#[derive(Default)]
struct Places<'a>(HashMap<&'a Name, usize>);

impl<'a> Places<'a> {
    /// Recursion is bounded: nesting of brackets is limited before parsing.
    fn selections(&mut self, set: &'a SelectionSet) {
        for selection in &set.items {
            self.directives(selection.node.directives());
            match &selection.node {
                Selection::Field(field) => {
                    for (_, value) in &field.node.arguments {
                        self.value(&value.node);
                    }
                    self.selections(&field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => {
                    self.selections(&fragment.node.selection_set.node);
                }
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn directives(&mut self, directives: &'a [Positioned<Directive>]) {
        for directive in directives {
            for (_, value) in &directive.node.arguments {
                self.value(&value.node);
            }
        }
    }

    fn value(&mut self, value: &'a Literal) {
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            match value {
                Literal::Variable(name) => *self.0.entry(name).or_default() += 1,
                Literal::List(entries) => open.extend(entries),
                Literal::Object(fields) => open.extend(fields.values()),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    /// Whether the first operation passes with this variable.
    fn runs(text: &str, variables: serde_json::Value) -> bool {
        let document = parse_query(text).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let variables = Variables::from_json(variables);
        let checked = Copies::of(&document).check(&operation.node, &variables);
        checked.is_ok()
    }

    #[test]
    fn a_large_variable_stands_in_few_places_wherever_they_are() {
        let many = "$a ".repeat(80);
        for text in [
            format!("query($a: ID) {{ b(c: [{many}] d: {{ e: [{many}] }}) }}"),
            format!("{{ b(c: [{many}]) {{ ... @c(d: [{many}]) {{ a }} }} }}"),
            format!("{{ b }} fragment f on Query @c(d: [{many}]) {{ b(c: [{many}]) }}"),
            format!("{{ ...f @c(d: [{many}]) }} fragment f on Query {{ b(c: [{many}]) }}"),
        ] {
            assert!(!runs(&text, json!({ "a": "a".repeat(50_000) })), "{text}");
            let parts = vec!["a".repeat(10); 1_000];
            assert!(!runs(&text, json!({ "a": [{ "b": parts }] })), "{text}");
            assert!(runs(&text, json!({ "a": "a".repeat(10_000) })), "{text}");
        }
        let large = "a".repeat(50_000);
        let default = format!("query($a: ID = \"{large}\") {{ b(c: [{many} {many}]) }}");
        assert!(!runs(&default, json!({})));
        assert!(runs(&default, json!({ "a": null })));
    }

    #[test]
    fn what_stands_in_one_place_is_as_large_as_a_body_may_be() {
        let text = "query($a: ID, $b: ID) { b(c: $a, d: $b) }";
        let large = "a".repeat(9_000_000);
        assert!(runs(text, json!({ "a": large, "b": large })));
    }
}

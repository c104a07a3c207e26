//! How often a document names each variable, and what that makes of the variables of a request.
//!
//! The engine copies a variable for each place that names it, before it looks whether the place
//! can hold it: a megabyte that stands in a list two thousand times became gigabytes.

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value, Variables};
use async_graphql_value::Value as Literal;

use super::{Limit, Refusal};

/// Bytes of copies that a request may have made of its variables. What stands in one place alone
/// is bounded by the body; a document names few variables twice, and they are ids.
const MOST_COPIED: usize = 4 * 1024 * 1024;
/// What a value takes besides its text.
const OF_A_VALUE: usize = 64;

/// Variables that stand in several places of a document, each with the places after the first.
#[derive(Debug, Default)]
pub(super) struct Copies(Vec<(Name, usize)>);

impl Copies {
    /// Looks at all of a document: the engine checks also what no operation leads to.
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

    /// Refuses variables that are too large to be copied as often as they are named.
    pub(super) fn check(
        &self,
        operation: &OperationDefinition,
        variables: &Variables,
    ) -> Result<(), Refusal> {
        let copied = self.0.iter().map(|(name, times)| {
            let value = variables.get(name).or_else(|| default(operation, name));
            value.map_or(0, bytes).saturating_mul(*times)
        });
        Limit::VariableCopies.check(copied.fold(0, usize::saturating_add), MOST_COPIED)
    }
}

pub(super) fn default<'a>(operation: &'a OperationDefinition, name: &Name) -> Option<&'a Value> {
    let mut definitions = operation.variable_definitions.iter();
    let found = definitions.find(|definition| definition.node.name.node == *name)?;
    found.node.default_value.as_ref().map(|value| &value.node)
}

/// About what a value takes in memory.
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
        sum = sum.saturating_add(text).saturating_add(OF_A_VALUE);
    }
    sum
}

/// In how many places each variable stands.
#[derive(Default)]
struct Places<'a>(HashMap<&'a Name, usize>);

impl<'a> Places<'a> {
    /// Goes as deep as brackets do, which are bounded before a text is parsed.
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

    /// Whether the first operation runs with this.
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

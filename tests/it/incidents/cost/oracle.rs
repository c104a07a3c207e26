//! A second count of the fields that a document resolves, as the specification has them collected
//! (§6.3.2), when every list is as long as it can be. It shares no code with the one it judges.

use std::collections::HashMap;
use std::sync::LazyLock;

use async_graphql::parser::types::{
    BaseType, Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
    Type, TypeKind,
};
use async_graphql::{Name, Positioned};
use async_graphql_value::Value as Literal;
use serde_json::Value;

use crate::incidents::sdl;

/// The actual maximum length of lists without a page.
pub(super) const MAX_LIST_SIZES: [(&str, usize); 14] = [
    ("amr", 4),
    ("byProvider", 3),
    ("byRole", 4),
    // `an_event_has_no_more_changes_than_are_counted` holds this one.
    ("changes", 11),
    ("fields", 7),
    ("headers", 2),
    ("identities", 20),
    ("methods", 3),
    ("newPerDay", 367),
    ("permissions", 9),
    ("registrationRoles", 4),
    ("staffFunctions", 3),
    ("taken", 3),
    ("violations", 16),
];

/// The type at the bottom of lists and exclamation marks.
pub(super) fn named(kind: &Type) -> &str {
    match &kind.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

/// Type and field, to the type below and whether it is a list.
static FIELDS: LazyLock<HashMap<(String, String), (String, bool)>> = LazyLock::new(|| {
    let mut fields = HashMap::new();
    for definition in sdl::types() {
        let TypeKind::Object(object) = definition.kind else {
            continue;
        };
        for field in object.fields {
            let (name, kind) = (field.node.name.to_string(), field.node.ty.node);
            let is_list = matches!(kind.base, BaseType::List(_));
            let below = (named(&kind).to_owned(), is_list);
            fields.insert((definition.name.to_string(), name), below);
        }
    }
    fields
});

pub(super) struct Oracle<'a> {
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    variables: &'a Value,
    conditions: bool,
}

impl<'a> Oracle<'a> {
    pub(super) fn new(document: &'a ExecutableDocument, variables: &'a Value) -> Self {
        let (_, operation) = document.operations.iter().next().unwrap();
        Self {
            document,
            operation: &operation.node,
            variables,
            conditions: true,
        }
    }

    /// The fields that are resolved at most.
    pub(super) fn resolved(&self) -> usize {
        self.count("Query", &self.operation.selection_set.node, 1)
    }

    /// The same if every `@skip` and `@include` let everything through.
    pub(super) fn with_everything_included(mut self) -> usize {
        self.conditions = false;
        self.resolved()
    }

    /// `page` is how many entries `nodes` and `edges` have here.
    fn count(&self, of: &str, set: &SelectionSet, page: usize) -> usize {
        let mut sum = 0;
        for selection in &set.items {
            if self.is_left_out(selection.node.directives()) {
                continue;
            }
            sum += match &selection.node {
                Selection::Field(field) => self.field(of, &field.node, page),
                Selection::InlineFragment(fragment) => {
                    self.count(of, &fragment.node.selection_set.node, page)
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let fragment = &self.document.fragments[name].node;
                    self.count(of, &fragment.selection_set.node, page)
                }
            };
        }
        sum
    }

    fn field(&self, of: &str, field: &Field, page: usize) -> usize {
        let name = field.name.node.as_str();
        let Some((below, is_list)) = FIELDS.get(&(of.to_owned(), name.to_owned())) else {
            assert_eq!(name, "__typename");
            return 1;
        };
        let entries = match MAX_LIST_SIZES.iter().find(|(list, _)| *list == name) {
            Some((_, longest)) => *longest,
            None if *is_list => page,
            None => 1,
        };
        1 + entries * self.count(below, &field.selection_set.node, self.page(field))
    }

    /// As the arguments of a connection are read: `first`, else `last`, else twenty.
    fn page(&self, field: &Field) -> usize {
        let size = |name: &str| {
            field
                .get_argument(name)
                .and_then(|value| self.number(&value.node))
        };
        let size = size("first").or_else(|| size("last")).unwrap_or(20);
        usize::try_from(size).unwrap()
    }

    fn number(&self, literal: &Literal) -> Option<u64> {
        match literal {
            Literal::Number(number) => number.as_u64(),
            Literal::Variable(name) => self.variable(name).as_u64(),
            _ => None,
        }
    }

    /// What was sent, else the default.
    fn variable(&self, name: &Name) -> Value {
        if let Some(sent) = self.variables.get(name.as_str()) {
            return sent.clone();
        }
        let mut definitions = self.operation.variable_definitions.iter();
        let found = definitions.find(|definition| definition.node.name.node == *name);
        let default = found.and_then(|definition| definition.node.default_value.clone());
        default.map_or(Value::Null, |value| value.node.into_json().unwrap())
    }

    fn is_left_out(&self, directives: &[Positioned<Directive>]) -> bool {
        self.conditions
            && directives.iter().any(|directive| {
                let condition = match &directive.node.get_argument("if").unwrap().node {
                    Literal::Boolean(condition) => *condition,
                    Literal::Variable(name) => self.variable(name) == Value::Bool(true),
                    other => panic!("{other}"),
                };
                condition != (directive.node.name.node == "include")
            })
    }
}

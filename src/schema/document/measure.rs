//! How large a document really is: fragments written out, pages multiplied.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    Field, FragmentDefinition, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;

use super::{Limits, too_expensive};
use crate::schema::connection::DEFAULT_SIZE;
use crate::schema::error::{Error, ErrorCode};

/// Mutations that take a secret: guessing many in one document is refused whole.
const CREDENTIAL_MUTATIONS: [&str; 19] = [
    "login",
    "loginWithGoogle",
    "linkGoogle",
    "register",
    "refreshSession",
    "verifyEmail",
    "stepUp",
    "requestEmailVerification",
    "requestOtp",
    "verifyOtp",
    "requestPasswordReset",
    "confirmPasswordReset",
    "changePassword",
    "setPassword",
    "confirmEmailChange",
    "confirmPhoneChange",
    "revertEmailChange",
    "requestEmailChange",
    "requestPhoneChange",
];

/// The field by which a router asks for what other subgraphs refer to.
const ENTITIES: &str = "_entities";

/// The lists through which introspection can go in circles.
const REFLECTING_LISTS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];
/// How often it may: the queries of common tools do it twice at most.
const REFLECTIONS: usize = 3;

/// What a selection set amounts to once its fragments are written out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    nodes: usize,
    depth: usize,
    aliases: usize,
    directives: usize,
    root_fields: usize,
    credentials: usize,
    cost: usize,
    representations: usize,
    pages: bool,
    reflections: usize,
}

impl Size {
    /// Adds a sibling; saturates, since fragments can double at every level.
    fn beside(self, other: Self) -> Self {
        Self {
            nodes: self.nodes.saturating_add(other.nodes),
            depth: self.depth.max(other.depth),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            root_fields: self.root_fields.saturating_add(other.root_fields),
            credentials: self.credentials.saturating_add(other.credentials),
            cost: self.cost.saturating_add(other.cost),
            representations: self.representations.saturating_add(other.representations),
            pages: self.pages || other.pages,
            reflections: self.reflections.max(other.reflections),
        }
    }

    pub(super) fn check(self, limits: &Limits) -> Result<(), Error> {
        let bounds = [
            (self.nodes, limits.expanded_nodes, "has too many fields"),
            (self.depth, limits.depth, "is nested too deeply"),
            (self.aliases, limits.aliases, "has too many aliases"),
            (
                self.directives,
                limits.directives,
                "has too many directives",
            ),
            // Before the cost, which multiplies them: this says what to change.
            (
                self.representations,
                limits.representations,
                "refers to too many entities; ask for them in parts",
            ),
            (
                self.cost,
                limits.cost,
                "asks for too much at once; use smaller pages",
            ),
            (
                self.root_fields,
                limits.root_fields,
                "has too many root fields",
            ),
            (
                self.reflections,
                REFLECTIONS,
                "asks for the schema in circles",
            ),
            // One password per request, whatever aliases and fragments say.
            (
                self.credentials,
                1,
                "has more than one mutation that takes a credential",
            ),
        ];
        match bounds.iter().find(|(size, limit, _)| size > limit) {
            Some((_, _, how)) => Err(too_expensive(how)),
            None => Ok(()),
        }
    }
}

/// Where the sizes of pages come from.
#[derive(Clone, Copy)]
pub(super) struct Pages<'a> {
    pub(super) operation: &'a OperationDefinition,
    /// Unknown while a document is prepared: then a page counts as one entry.
    pub(super) variables: Option<&'a Variables>,
}

impl Pages<'_> {
    /// How many entries a field has at most: by `first` or `last`, or because it looks like a page.
    fn size(self, field: &Field, inner: Size) -> usize {
        if field.name.node == ENTITIES {
            return self.representations(field);
        }
        let argument = field
            .get_argument("first")
            .or_else(|| field.get_argument("last"));
        match argument.map(|value| &value.node) {
            Some(Value::Number(number)) => entries(number.as_u64()),
            Some(Value::Variable(name)) => match self.variables {
                None => 1,
                Some(variables) => match variables.get(name).or_else(|| self.default(name)) {
                    Some(ConstValue::Number(number)) => entries(number.as_u64()),
                    _ => DEFAULT_SIZE,
                },
            },
            _ if inner.pages => DEFAULT_SIZE,
            _ => 1,
        }
    }

    /// How many entities a field refers to.
    fn representations(self, field: &Field) -> usize {
        match field.get_argument("representations").map(|it| &it.node) {
            Some(Value::List(items)) => items.len(),
            Some(Value::Variable(name)) => {
                let given = self.variables.and_then(|variables| variables.get(name));
                match given.or_else(|| self.default(name)) {
                    Some(ConstValue::List(items)) => items.len(),
                    // Unknown as yet, or one alone, which counts as a list of one.
                    _ => 1,
                }
            }
            _ => 1,
        }
    }

    fn default(&self, name: &Name) -> Option<&ConstValue> {
        let definitions = self.operation.variable_definitions.iter();
        let mut found = definitions.filter(|definition| definition.node.name.node == *name);
        found
            .next()?
            .node
            .default_value
            .as_ref()
            .map(|value| &value.node)
    }
}

/// A size that is no size is refused by the field itself.
fn entries(number: Option<u64>) -> usize {
    number
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or(1)
}

/// Introspection is deep by nature; what multiplies its answer is going in circles through its
/// lists, which is counted instead. Elsewhere in the graph nothing is named like these.
fn introspection(inner: Size) -> Size {
    Size {
        nodes: inner.nodes.saturating_add(1),
        depth: 1,
        aliases: inner.aliases,
        directives: inner.directives,
        root_fields: 1,
        cost: 1,
        reflections: inner.reflections,
        ..Size::default()
    }
}

/// Measures selection sets, each fragment once.
pub(super) struct Measure<'a> {
    pages: Pages<'a>,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    known: HashMap<&'a str, Size>,
    open: HashSet<&'a str>,
}

impl<'a> Measure<'a> {
    pub(super) fn new(
        fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
        pages: Pages<'a>,
    ) -> Self {
        Self {
            pages,
            fragments,
            known: HashMap::new(),
            open: HashSet::new(),
        }
    }

    pub(super) fn operation(&mut self) -> Result<Size, Error> {
        let operation = self.pages.operation;
        let size = self.selections(&operation.selection_set.node)?;
        let mutates = operation.ty == OperationType::Mutation;
        Ok(Size {
            directives: size.directives.saturating_add(operation.directives.len()),
            credentials: if mutates { size.credentials } else { 0 },
            ..size
        })
    }

    /// `root_fields` and `credentials` count the level of the set itself, the others all levels.
    fn selections(&mut self, set: &'a SelectionSet) -> Result<Size, Error> {
        let mut total = Size::default();
        for selection in &set.items {
            let size = match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let inner = self.selections(&field.selection_set.node)?;
                    let name = field.name.node.as_str();
                    if matches!(name, "__schema" | "__type") {
                        total = total.beside(introspection(inner));
                        continue;
                    }
                    let referred = match name {
                        ENTITIES => self.pages.representations(field),
                        _ => 0,
                    };
                    Size {
                        nodes: inner.nodes.saturating_add(1),
                        depth: inner.depth + 1,
                        aliases: inner.aliases + usize::from(field.alias.is_some()),
                        directives: inner.directives + field.directives.len(),
                        root_fields: 1,
                        credentials: usize::from(CREDENTIAL_MUTATIONS.contains(&name)),
                        cost: self.pages.size(field, inner).saturating_mul(inner.cost) + 1,
                        representations: inner.representations.saturating_add(referred),
                        pages: matches!(name, "nodes" | "edges"),
                        reflections: inner.reflections
                            + usize::from(REFLECTING_LISTS.contains(&name)),
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let inner = self.selections(&fragment.node.selection_set.node)?;
                    let own = fragment.node.directives.len();
                    Size {
                        directives: inner.directives.saturating_add(own),
                        ..inner
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let inner = self.fragment(spread.node.fragment_name.node.as_str())?;
                    let own = spread.node.directives.len();
                    Size {
                        directives: inner.directives.saturating_add(own),
                        ..inner
                    }
                }
            };
            total = total.beside(size);
        }
        Ok(total)
    }

    fn fragment(&mut self, name: &str) -> Result<Size, Error> {
        // Validation names an unknown fragment better than we could.
        let Some((name, fragment)) = self.fragments.get_key_value(name) else {
            return Ok(Size::default());
        };
        let name = name.as_str();
        if let Some(size) = self.known.get(name) {
            return Ok(*size);
        }
        if !self.open.insert(name) {
            let message = format!("The fragment {name} contains itself.");
            return Err(Error::of(ErrorCode::ValidationFailed, message));
        }
        let size = self.selections(&fragment.node.selection_set.node)?;
        self.open.remove(name);
        self.known.insert(name, size);
        Ok(size)
    }
}

//! How large a document really is: fragments written out, pages multiplied.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    Field, FragmentDefinition, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;

use super::copies::default;
use super::{Limit, Limits, Refusal};
use crate::schema::connection::MAX_PAGE_SIZE;
use crate::schema::directives::{DEFAULT_PAGE_SIZE, SLICING_ARGUMENTS};
use crate::schema::error::{Error, ErrorCode};
use crate::schema::metadata::{ListSize, Metadata};

/// The field by which a router asks for what other subgraphs refer to.
const ENTITIES: &str = "_entities";

/// The lists through which introspection can go in circles.
const REFLECTING_LISTS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];
/// How often it may: the queries of common tools do it twice at most.
const REFLECTIONS: usize = 3;

/// How deep the walk below goes, fragments and conditions included: it takes stack for each level,
/// and so does the engine, which goes no deeper either.
const DEEPEST_WALK: usize = 32;

/// What a selection set amounts to once its fragments are written out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    nodes: usize,
    depth: usize,
    levels: usize,
    aliases: usize,
    directives: usize,
    root_fields: usize,
    credentials: usize,
    cost: usize,
    /// What one entry of the page costs whose size only the field around it knows.
    entry: usize,
    representations: usize,
    reflections: usize,
}

impl Size {
    /// Adds a sibling; saturates, since fragments can double at every level.
    fn beside(self, other: Self) -> Self {
        Self {
            nodes: self.nodes.saturating_add(other.nodes),
            depth: self.depth.max(other.depth),
            levels: self.levels.max(other.levels),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            root_fields: self.root_fields.saturating_add(other.root_fields),
            credentials: self.credentials.saturating_add(other.credentials),
            cost: self.cost.saturating_add(other.cost),
            entry: self.entry.saturating_add(other.entry),
            representations: self.representations.saturating_add(other.representations),
            reflections: self.reflections.max(other.reflections),
        }
    }

    /// What everything below costs when the page around it has this many entries.
    const fn total(self, page: usize) -> usize {
        self.cost.saturating_add(self.entry.saturating_mul(page))
    }

    /// Another operation of the same document: the engine walks them all, and runs one.
    pub(super) fn of_document(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            root_fields: self.root_fields.max(other.root_fields),
            credentials: self.credentials.max(other.credentials),
            cost: self.cost.max(other.cost),
            representations: self.representations.max(other.representations),
            entry: 0,
            ..self.beside(other)
        }
    }

    pub(super) fn check(self, limits: &Limits) -> Result<(), Refusal> {
        Limit::ExpandedNodes.check(self.nodes, limits.expanded_nodes)?;
        Limit::Depth.check(self.depth, limits.depth)?;
        Limit::Nesting.check(self.levels, DEEPEST_WALK)?;
        Limit::Aliases.check(self.aliases, limits.aliases)?;
        Limit::Directives.check(self.directives, limits.directives)?;
        // Before the cost, which multiplies them: this says what to change.
        Limit::Representations.check(self.representations, limits.representations)?;
        Limit::Cost.check(self.cost, limits.cost)?;
        Limit::RootFields.check(self.root_fields, limits.root_fields)?;
        Limit::Introspection.check(self.reflections, REFLECTIONS)?;
        // One password per request, whatever aliases and fragments say.
        Limit::Credentials.check(self.credentials, 1)
    }

    /// The fields that may be resolved.
    pub(super) const fn cost(self) -> usize {
        self.cost
    }
}

/// Where the sizes of pages come from.
#[derive(Clone, Copy)]
pub(super) struct Pages<'a> {
    pub(super) operation: &'a OperationDefinition,
    /// Unknown while a document is prepared: then a page counts as one entry.
    pub(super) variables: Option<&'a Variables>,
    pub(super) metadata: &'static Metadata,
}

impl Pages<'_> {
    /// How many entries the page of a field has at most, as `PageArguments` reads its arguments:
    /// `first`, else `last`, else what a page has when nobody says.
    fn size(self, field: &Field) -> usize {
        for name in SLICING_ARGUMENTS {
            let size = match field.get_argument(name).map(|value| &value.node) {
                Some(Value::Number(number)) => entries(number.as_u64()),
                Some(Value::Variable(name)) => match self.variables {
                    None => 1,
                    Some(variables) => match variables
                        .get(name)
                        .or_else(|| default(self.operation, name))
                    {
                        Some(ConstValue::Number(number)) => entries(number.as_u64()),
                        // Absent or `null` is as if it was not said.
                        _ => continue,
                    },
                },
                _ => continue,
            };
            return size;
        }
        DEFAULT_PAGE_SIZE
    }

    /// How many entities a field refers to; none if it is no such field.
    fn representations(self, field: &Field) -> usize {
        if field.name.node != ENTITIES {
            return 0;
        }
        match field.get_argument("representations").map(|it| &it.node) {
            Some(Value::List(items)) => items.len(),
            Some(Value::Variable(name)) => {
                let given = self.variables.and_then(|variables| variables.get(name));
                match given.or_else(|| default(self.operation, name)) {
                    Some(ConstValue::List(items)) => items.len(),
                    // Unknown as yet, or one alone, which counts as a list of one.
                    _ => 1,
                }
            }
            _ => 1,
        }
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
        levels: inner.levels + 1,
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

    pub(super) fn operation(&mut self) -> Result<Size, Refusal> {
        let operation = self.pages.operation;
        let size = self.selections(&operation.selection_set.node, 1)?;
        let mutates = operation.ty == OperationType::Mutation;
        Ok(Size {
            directives: size.directives.saturating_add(operation.directives.len()),
            credentials: if mutates { size.credentials } else { 0 },
            cost: size.total(MAX_PAGE_SIZE),
            entry: 0,
            ..size
        })
    }

    /// `root_fields` and `credentials` count the level of the set itself, the others all levels.
    fn selections(&mut self, set: &'a SelectionSet, level: usize) -> Result<Size, Refusal> {
        Limit::Nesting.check(level, DEEPEST_WALK)?;
        let mut total = Size::default();
        for selection in &set.items {
            let size = match &selection.node {
                Selection::Field(field) => self.field(&field.node, level)?,
                Selection::InlineFragment(fragment) => {
                    let inner = self.selections(&fragment.node.selection_set.node, level + 1)?;
                    spread(inner, fragment.node.directives.len())
                }
                Selection::FragmentSpread(fragment) => {
                    let name = fragment.node.fragment_name.node.as_str();
                    let inner = self.fragment(name, level + 1)?;
                    spread(inner, fragment.node.directives.len())
                }
            };
            total = total.beside(size);
        }
        Ok(total)
    }

    fn field(&mut self, field: &'a Field, level: usize) -> Result<Size, Refusal> {
        let inner = self.selections(&field.selection_set.node, level + 1)?;
        let name = field.name.node.as_str();
        if matches!(name, "__schema" | "__type") {
            let aliases = inner.aliases + usize::from(field.alias.is_some());
            let directives = inner.directives + field.directives.len();
            return Ok(introspection(Size {
                aliases,
                directives,
                ..inner
            }));
        }
        let below = inner.total(self.pages.size(field));
        let referred = self.pages.representations(field);
        let list = match name {
            ENTITIES => Some(ListSize::AtMost(referred)),
            _ => self.pages.metadata.list_size(name),
        };
        let (cost, entry) = match list {
            Some(ListSize::Page) => (1, below),
            None | Some(ListSize::AtMost(0)) => (below.saturating_add(1), 0),
            Some(ListSize::AtMost(entries)) => {
                (below.max(1).saturating_mul(entries).saturating_add(1), 0)
            }
        };
        Ok(Size {
            nodes: inner.nodes.saturating_add(1),
            depth: inner.depth + 1,
            levels: inner.levels + 1,
            aliases: inner
                .aliases
                .saturating_add(usize::from(field.alias.is_some())),
            directives: inner.directives.saturating_add(field.directives.len()),
            root_fields: 1,
            credentials: usize::from(self.pages.metadata.is_credential(name)),
            cost,
            entry,
            representations: inner.representations.saturating_add(referred),
            reflections: inner.reflections + usize::from(REFLECTING_LISTS.contains(&name)),
        })
    }

    fn fragment(&mut self, name: &str, level: usize) -> Result<Size, Refusal> {
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
            return Err(Error::of(ErrorCode::ValidationFailed, message).into());
        }
        let size = self.selections(&fragment.node.selection_set.node, level)?;
        self.open.remove(name);
        self.known.insert(name, size);
        Ok(size)
    }
}

/// A fragment where it stands: a level of its own, with the directives it has there.
fn spread(inner: Size, directives: usize) -> Size {
    Size {
        levels: inner.levels + 1,
        directives: inner.directives.saturating_add(directives),
        ..inner
    }
}

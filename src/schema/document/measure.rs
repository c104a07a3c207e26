//! Measures a document with fragments expanded and page sizes multiplied.

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

/// The federation field that resolves entity references.
const ENTITIES: &str = "_entities";

/// Introspection lists that allow cycles, as in `fields { type { fields } }`.
const CYCLIC_INTROSPECTION_FIELDS: [&str; 4] =
    ["fields", "inputFields", "interfaces", "possibleTypes"];
/// Maximum passes through them; the introspection queries of common tools take two.
const MAX_INTROSPECTION_CYCLES: usize = 3;

/// Maximum recursion of the walk below, inline fragments included. It uses stack for each level;
/// the engine has the same limit.
const MAX_NESTING: usize = 32;

/// The size of a selection set, fragments expanded.
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
    /// Cost per entry of the enclosing page, whose size only the parent field knows.
    per_entry: usize,
    representations: usize,
    introspection_cycles: usize,
}

impl Size {
    /// Adds a sibling. Saturates, since fragments can double at every level.
    fn plus(self, other: Self) -> Self {
        Self {
            nodes: self.nodes.saturating_add(other.nodes),
            depth: self.depth.max(other.depth),
            levels: self.levels.max(other.levels),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            root_fields: self.root_fields.saturating_add(other.root_fields),
            credentials: self.credentials.saturating_add(other.credentials),
            cost: self.cost.saturating_add(other.cost),
            per_entry: self.per_entry.saturating_add(other.per_entry),
            representations: self.representations.saturating_add(other.representations),
            introspection_cycles: self.introspection_cycles.max(other.introspection_cycles),
        }
    }

    /// The total cost with the size of the enclosing page.
    const fn total(self, page: usize) -> usize {
        self.cost
            .saturating_add(self.per_entry.saturating_mul(page))
    }

    /// Combines two operations of a document: the engine validates all of them but runs one.
    pub(super) fn with_operation(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            root_fields: self.root_fields.max(other.root_fields),
            credentials: self.credentials.max(other.credentials),
            cost: self.cost.max(other.cost),
            representations: self.representations.max(other.representations),
            per_entry: 0,
            ..self.plus(other)
        }
    }

    pub(super) fn check(self, limits: &Limits) -> Result<(), Refusal> {
        Limit::ExpandedNodes.check(self.nodes, limits.expanded_nodes)?;
        Limit::Depth.check(self.depth, limits.depth)?;
        Limit::Nesting.check(self.levels, MAX_NESTING)?;
        Limit::Aliases.check(self.aliases, limits.aliases)?;
        Limit::Directives.check(self.directives, limits.directives)?;
        // Checked before the cost, which they multiply, for a more specific message.
        Limit::Representations.check(self.representations, limits.representations)?;
        Limit::Cost.check(self.cost, limits.cost)?;
        Limit::RootFields.check(self.root_fields, limits.root_fields)?;
        Limit::Introspection.check(self.introspection_cycles, MAX_INTROSPECTION_CYCLES)?;
        // One password per request, whatever aliases and fragments do.
        Limit::Credentials.check(self.credentials, 1)
    }

    /// The number of fields to resolve.
    pub(super) const fn cost(self) -> usize {
        self.cost
    }
}

/// Reads page sizes from arguments, variables and defaults.
#[derive(Clone, Copy)]
pub(super) struct PageSizes<'a> {
    pub(super) operation: &'a OperationDefinition,
    /// `None` while the document is prepared: a page of unknown size may be empty, and counts as such.
    pub(super) variables: Option<&'a Variables>,
    pub(super) metadata: &'static Metadata,
}

impl PageSizes<'_> {
    /// The maximum page size of a field: `first`, else `last`, else the default. Must agree with
    /// `PageArguments`.
    fn size(self, field: &Field) -> usize {
        for name in SLICING_ARGUMENTS {
            let size = match field.get_argument(name).map(|value| &value.node) {
                Some(Value::Number(number)) => page_size(number.as_u64()),
                Some(Value::Variable(name)) => match self.variables {
                    None => 0,
                    Some(variables) => match variables
                        .get(name)
                        .or_else(|| default(self.operation, name))
                    {
                        Some(ConstValue::Number(number)) => page_size(number.as_u64()),
                        // Absent and `null` are the same.
                        _ => continue,
                    },
                },
                _ => continue,
            };
            return size;
        }
        DEFAULT_PAGE_SIZE
    }

    /// The number of entity references of an `_entities` field.
    fn representations(self, field: &Field) -> usize {
        if field.name.node != ENTITIES {
            return 0;
        }
        match field
            .get_argument("representations")
            .map(|value| &value.node)
        {
            Some(Value::List(items)) => items.len(),
            Some(Value::Variable(name)) => {
                let given = self.variables.and_then(|variables| variables.get(name));
                match given.or_else(|| default(self.operation, name)) {
                    Some(ConstValue::List(items)) => items.len(),
                    // Not known yet, or a single value, which coerces to a list of one.
                    _ => 1,
                }
            }
            _ => 1,
        }
    }
}

/// Invalid sizes count as one entry; the field rejects them.
fn page_size(number: Option<u64>) -> usize {
    number
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or(1)
}

/// Introspection is deep by nature, so it is limited by cycles through its lists instead of depth
/// and cost. No other field of the schema has the name of such a list.
fn introspection(inner: Size) -> Size {
    Size {
        nodes: inner.nodes.saturating_add(1),
        depth: 1,
        levels: inner.levels + 1,
        aliases: inner.aliases,
        directives: inner.directives,
        root_fields: 1,
        cost: 1,
        introspection_cycles: inner.introspection_cycles,
        ..Size::default()
    }
}

/// Measures selection sets, each fragment once.
pub(super) struct Measure<'a> {
    page_sizes: PageSizes<'a>,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    known: HashMap<&'a str, Size>,
    open: HashSet<&'a str>,
}

impl<'a> Measure<'a> {
    pub(super) fn new(
        fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
        page_sizes: PageSizes<'a>,
    ) -> Self {
        Self {
            page_sizes,
            fragments,
            known: HashMap::new(),
            open: HashSet::new(),
        }
    }

    pub(super) fn operation(&mut self) -> Result<Size, Refusal> {
        let operation = self.page_sizes.operation;
        let size = self.selections(&operation.selection_set.node, 1)?;
        let is_mutation = operation.ty == OperationType::Mutation;
        Ok(Size {
            directives: size.directives.saturating_add(operation.directives.len()),
            credentials: if is_mutation { size.credentials } else { 0 },
            cost: size.total(MAX_PAGE_SIZE),
            per_entry: 0,
            ..size
        })
    }

    /// `root_fields` and `credentials` count this level only, the rest all levels.
    fn selections(&mut self, set: &'a SelectionSet, level: usize) -> Result<Size, Refusal> {
        Limit::Nesting.check(level, MAX_NESTING)?;
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
            total = total.plus(size);
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
        let below = inner.total(self.page_sizes.size(field));
        let references = self.page_sizes.representations(field);
        let list = match name {
            ENTITIES => Some(ListSize::AtMost(references)),
            _ => self.page_sizes.metadata.list_size(name),
        };
        let (cost, per_entry) = match list {
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
            credentials: usize::from(self.page_sizes.metadata.is_credential(name)),
            cost,
            per_entry,
            representations: inner.representations.saturating_add(references),
            introspection_cycles: inner.introspection_cycles
                + usize::from(CYCLIC_INTROSPECTION_FIELDS.contains(&name)),
        })
    }

    fn fragment(&mut self, name: &str, level: usize) -> Result<Size, Refusal> {
        // The engine's validation reports unknown fragments.
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

/// A fragment adds a level of nesting and the directives of its spread.
fn spread(inner: Size, directives: usize) -> Size {
    Size {
        levels: inner.levels + 1,
        directives: inner.directives.saturating_add(directives),
        ..inner
    }
}

//! What the schema's directives say, read once from the type registry.
//!
//! A field name has the same list size wherever it occurs, so that a document can be measured
//! without type information. A test enforces this.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::OperationType;
use async_graphql::registry::{MetaDirectiveInvocation, MetaField, MetaType, Registry};
use async_graphql::{OutputType, SubscriptionType, Value};

use super::directives::{SIZED_FIELDS, name};
use super::error::Error;
use crate::domain::caller::SignedIn;
use crate::domain::permission::{Permission, PermissionSet};

/// Who may run an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Signed-in callers.
    SignedIn,
    /// Callers who hold all permissions of at least one of these sets.
    Scopes(Vec<PermissionSet>),
}

impl Access {
    /// Returns the caller if they may run the operation.
    pub(super) fn check<'a>(&self, caller: Option<&'a SignedIn>) -> Result<&'a SignedIn, Error> {
        let person = caller.ok_or_else(Error::unauthenticated)?;
        let is_granted = |set: &PermissionSet| person.permissions().covers(*set);
        match self {
            Self::Scopes(sets) if !sets.iter().any(is_granted) => Err(Error::forbidden()),
            Self::SignedIn | Self::Scopes(_) => Ok(person),
        }
    }

    /// Whether it requires this permission.
    pub(super) fn implies(&self, permission: Permission) -> bool {
        match self {
            Self::SignedIn => false,
            Self::Scopes(sets) => sets.iter().all(|set| set.holds(permission)),
        }
    }
}

/// The maximum length of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListSize {
    /// A fixed maximum.
    AtMost(usize),
    /// The page size of the enclosing connection.
    Page,
}

/// The directives of the schema.
#[derive(Debug, Default)]
pub struct Metadata {
    /// By root type and field.
    access: HashMap<String, HashMap<String, Access>>,
    lists: HashMap<String, ListSize>,
    credentials: HashSet<String>,
}

impl Metadata {
    /// Reads the directives of a schema with these root types.
    pub(super) fn of<Q: OutputType, M: OutputType, S: SubscriptionType>() -> Self {
        let mut registry = Registry::default();
        Q::create_type_info(&mut registry);
        M::create_type_info(&mut registry);
        S::create_type_info(&mut registry);
        Self::read_all(&registry)
    }

    /// Who may run an operation; `None` if anyone may.
    pub(super) fn access(&self, kind: OperationType, field: &str) -> Option<&Access> {
        let root = match kind {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        self.access.get(root)?.get(field)
    }

    /// The size of a list field; `None` for other fields.
    pub(super) fn list_size(&self, field: &str) -> Option<ListSize> {
        self.lists.get(field).copied()
    }

    /// Whether a mutation verifies or sends a secret.
    pub(super) fn is_credential(&self, mutation: &str) -> bool {
        self.credentials.contains(mutation)
    }

    fn read_all(registry: &Registry) -> Self {
        let mut metadata = Self::default();
        let paged = SIZED_FIELDS.map(|field| (field.to_owned(), ListSize::Page));
        metadata.lists.extend(paged);
        for (parent, kind) in &registry.types {
            let MetaType::Object { fields, .. } = kind else {
                continue;
            };
            for field in fields.values() {
                metadata.read(parent, field);
            }
        }
        metadata
    }

    fn read(&mut self, parent: &str, field: &MetaField) {
        for directive in &field.directive_invocations {
            match directive.name.as_str() {
                name::AUTHENTICATED => self.set_access(parent, field, Access::SignedIn),
                name::REQUIRES_SCOPES => {
                    let sets = directive
                        .args
                        .get("scopes")
                        .map(scope_sets)
                        .unwrap_or_default();
                    self.set_access(parent, field, Access::Scopes(sets));
                }
                name::LIST_SIZE => {
                    if let Some(entries) = assumed_size(directive) {
                        let size = ListSize::AtMost(entries);
                        self.lists.insert(field.name.clone(), size);
                    }
                }
                name::CREDENTIAL => {
                    self.credentials.insert(field.name.clone());
                }
                _ => {}
            }
        }
    }

    fn set_access(&mut self, parent: &str, field: &MetaField, access: Access) {
        let operations = self.access.entry(parent.to_owned()).or_default();
        operations.insert(field.name.clone(), access);
    }
}

/// The fixed maximum of a list without page arguments.
fn assumed_size(directive: &MetaDirectiveInvocation) -> Option<usize> {
    if directive.args.contains_key("slicingArguments") {
        return None;
    }
    let Some(Value::Number(number)) = directive.args.get("assumedSize") else {
        return None;
    };
    number.as_u64().and_then(|size| usize::try_from(size).ok())
}

fn scope_sets(scopes: &Value) -> Vec<PermissionSet> {
    let items = |value: &Value| match value {
        Value::List(items) => items.clone(),
        _ => Vec::new(),
    };
    let permission = |scope: &Value| match scope {
        Value::String(text) => Permission::ALL
            .into_iter()
            .find(|permission| permission.as_str() == text),
        _ => None,
    };
    let set = |set: &Value| items(set).iter().map(permission).collect::<Option<_>>();
    let sets: Option<_> = items(scopes).iter().map(set).collect();
    // Fail closed: without any set, no caller passes.
    sets.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::METADATA;
    use crate::schema::directives::{Cost, Credential};
    use crate::schema::entities::RouterQuery;
    use crate::schema::mutations::Mutation;
    use crate::schema::subscription::Subscription;

    fn fields() -> Vec<(String, MetaField)> {
        let mut registry = Registry::default();
        RouterQuery::create_type_info(&mut registry);
        Mutation::create_type_info(&mut registry);
        Subscription::create_type_info(&mut registry);
        let types = registry.types;
        let objects = types.into_iter().filter_map(|(parent, kind)| match kind {
            MetaType::Object { fields, .. } => Some((parent, fields)),
            _ => None,
        });
        objects
            .flat_map(|(parent, fields)| {
                fields
                    .into_values()
                    .map(move |field| (parent.clone(), field))
            })
            .collect()
    }

    /// Without a size a list would count as one entry; with two sizes it would be ambiguous.
    #[test]
    fn every_list_says_how_long_it_is_and_lists_of_one_name_agree() {
        let mut sizes = HashMap::new();
        for (parent, field) in fields() {
            let directive = field
                .directive_invocations
                .iter()
                .find(|directive| directive.name == name::LIST_SIZE);
            let place = format!("{parent}.{}", field.name);
            let is_sized = parent.ends_with("Connection") && SIZED_FIELDS.contains(&&*field.name);
            let is_list = field.ty.contains('[') && field.name != "_entities" && !is_sized;
            let has_pages = field.ty.trim_end_matches('!').ends_with("Connection");
            assert_eq!(directive.is_some(), is_list || has_pages, "{place}");
            let Some(directive) = directive else { continue };
            let size = assumed_size(directive);
            assert_eq!(size.is_some(), is_list, "{place}");
            let known = *sizes.entry(field.name).or_insert(size);
            assert_eq!(known, size, "{place}");
        }
        assert!(sizes.len() > 10);
    }

    /// A field may be expensive without taking a secret, so the weight alone must not count.
    #[test]
    fn a_credential_mutation_is_declared_as_one_and_not_by_its_cost() {
        let declares = |field: &MetaField, name: &str| {
            let mut directives = field.directive_invocations.iter();
            directives.any(|directive| directive.name == name)
        };
        let mut credentials = 0;
        for (parent, field) in fields() {
            let is_credential = declares(&field, name::CREDENTIAL);
            let place = format!("{parent}.{}", field.name);
            assert_eq!(
                METADATA.is_credential(&field.name),
                is_credential,
                "{place}"
            );
            assert!(!is_credential || parent.contains("Mutation"), "{place}");
            assert!(!is_credential || declares(&field, name::COST), "{place}");
            credentials += usize::from(is_credential);
        }
        assert!(credentials > 15, "{credentials}");
        let mut metadata = Metadata::default();
        let (_, mut field) = fields().remove(0);
        field.directive_invocations = vec![Cost::apply(7)];
        metadata.read("Mutation", &field);
        assert!(!metadata.is_credential(&field.name));
        field.directive_invocations = vec![Credential::apply()];
        metadata.read("Mutation", &field);
        assert!(metadata.is_credential(&field.name));
    }

    #[test]
    fn access_is_declared_on_operations_alone_and_names_known_scopes() {
        let mut scoped = 0;
        for (parent, field) in fields() {
            for directive in &field.directive_invocations {
                if ![name::AUTHENTICATED, name::REQUIRES_SCOPES].contains(&&*directive.name) {
                    continue;
                }
                let operation = match parent.as_str() {
                    "Query" => OperationType::Query,
                    "Mutation" => OperationType::Mutation,
                    "Subscription" => OperationType::Subscription,
                    // The engine merges these into the root types.
                    part if part.contains("Reads") || part.contains("Mutations") => continue,
                    other => panic!("{other}.{}", field.name),
                };
                if let Some(Access::Scopes(sets)) = METADATA.access(operation, &field.name) {
                    assert!(!sets.is_empty() && !sets.contains(&PermissionSet::NONE));
                    let written: String = sets.iter().map(|set| set.scope()).collect();
                    let printed = directive.sdl().replace(['"', '[', ']', ',', ' '], "");
                    assert_eq!(printed, format!("@requiresScopes(scopes:{written})"));
                    scoped += 1;
                }
            }
        }
        assert!(scoped > 9, "{scoped}");
    }
}

//! Documents before execution: parsed and measured once, then cached.
//!
//! Limits are checked before the engine's validation, which walks the document: a few hundred bytes
//! of nested fragments expand to millions of fields.

mod copies;
mod introspection;
mod json;
mod length;
mod limit;
mod measure;
mod rewrite;
mod root;
mod tokens;
mod variables;

use std::borrow::Cow;

use async_graphql::parser::types::{
    ExecutableDocument, OperationDefinition, OperationType, Selection,
};
use async_graphql::parser::{self, parse_query};
use async_graphql::{Name, Value, Variables};

pub(super) use self::json::check as check_json;
pub(super) use self::length::check as check_length;
pub use self::limit::{Limit, Limits, Refusal};
use super::error::{Error, ErrorCode};
use super::live_event::Topic;
use super::metadata::Metadata;
use super::operation_names;
use copies::Copies;
use measure::{Measure, PageSizes, Size};
use rewrite::StringError;
use tokens::Scan;

/// Maximum nesting of brackets: the parser recurses for each. It has the same limit for nested
/// selections.
const MAX_OPEN_BRACKETS: usize = 64;
/// Maximum length of a name. Error messages repeat names, the audit log stores operation names, and
/// the engine compares unknown names with all known ones for its suggestions.
const MAX_NAME_LENGTH: usize = 256;

/// Upper estimate of the memory per parsed token: the size of a field.
const PARSED_TOKEN_BYTES: usize = 256;

/// A document within the limits.
#[derive(Debug)]
pub struct Document {
    /// The text as received.
    pub text: String,
    /// The parsed document.
    pub parsed: ExecutableDocument,
    copies: Copies,
    tokens: usize,
    metadata: &'static Metadata,
}

/// The operation selected by a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Query, mutation or subscription.
    pub kind: OperationType,
    /// Its name.
    pub name: Option<String>,
}

impl Document {
    /// Parses and measures a document.
    ///
    /// # Errors
    ///
    /// The limit that the document exceeds, or a syntax error.
    pub fn prepare(text: String, limits: &Limits) -> Result<Self, Refusal> {
        length::check(&text, limits)?;
        let scanned = scan(&text, limits)?;
        let rewritten = rewrite::rewrite(&text).map_err(|error| string_error(&text, error))?;
        let mut nul = scanned.nul || rewritten.nul;
        if matches!(rewritten.text, Cow::Owned(_)) {
            // Measure what is parsed.
            nul |= scan(&rewritten.text, limits)?.nul;
        }
        let parsed = parse_query(&rewritten.text).map_err(|error| syntax_error(&error))?;
        drop(rewritten);
        if nul {
            return Err(null_character().into());
        }
        if !limits.introspection {
            introspection::refuse(&parsed)?;
        }
        let mut whole = Size::default();
        for (_, operation) in parsed.operations.iter() {
            let page_sizes = PageSizes {
                operation: &operation.node,
                variables: None,
                metadata: limits.metadata,
            };
            let size = Measure::new(&parsed.fragments, page_sizes).operation()?;
            whole = whole.with_operation(size);
            whole.check(limits)?;
            if operation.node.ty == OperationType::Subscription {
                root::only_field(&operation.node)?;
            }
        }
        Ok(Self {
            copies: Copies::of(&parsed),
            tokens: scanned.tokens,
            text,
            parsed,
            metadata: limits.metadata,
        })
    }

    /// Estimated memory use.
    pub(super) fn bytes(&self) -> usize {
        let parsed = self.tokens.saturating_mul(PARSED_TOKEN_BYTES);
        self.text.len().saturating_add(parsed)
    }

    /// The operation selected by `operationName`, or the only one.
    pub fn operation(&self, name: Option<&str>) -> Result<Operation, Error> {
        let (found, definition) = self.definition(name)?;
        Ok(Operation {
            kind: definition.ty,
            name: found.map(ToString::to_string),
        })
    }

    /// The topic of a subscription.
    pub fn topic(&self, name: Option<&str>) -> Result<Topic, Error> {
        let (_, definition) = self.definition(name)?;
        root::only_field(definition).map(Topic::of)
    }

    /// The only root field of an operation, if the schema has it.
    #[must_use]
    pub fn root_field(&self, name: Option<&str>) -> Option<&'static str> {
        let (_, definition) = self.definition(name).ok()?;
        match definition.selection_set.node.items.as_slice() {
            [selection] => match &selection.node {
                Selection::Field(field) => operation_names::root_field(&field.node.name.node),
                _ => None,
            },
            _ => None,
        }
    }

    /// Checks the variables of a request: their size, that required ones are present, and the cost
    /// with the actual page sizes.
    pub(super) fn check_variables(
        &self,
        name: Option<&str>,
        variables: &Variables,
        limits: &Limits,
    ) -> Result<(), Refusal> {
        variables::check(variables, limits)?;
        let (_, operation) = self.definition(name)?;
        self.copies.check(operation, variables)?;
        if operation.variable_definitions.is_empty() {
            return Ok(());
        }
        for definition in &operation.variable_definitions {
            let definition = &definition.node;
            let name = &definition.name.node;
            let given = variables
                .get(name)
                .is_some_and(|value| *value != Value::Null);
            // GraphQL specification §6.1.2: a missing required variable is a request error. The
            // engine would notice in the middle of the execution.
            if !(given || definition.var_type.node.nullable || definition.default_value.is_some()) {
                let message = format!("The variable ${name} is required.");
                return Err(Error::of(ErrorCode::BadUserInput, message).into());
            }
        }
        self.size(operation, variables)?.check(limits)
    }

    /// The maximum number of fields that an operation resolves with these variables.
    ///
    /// # Errors
    ///
    /// If there is no such operation.
    pub fn cost(&self, name: Option<&str>, variables: &Variables) -> Result<usize, Refusal> {
        let (_, operation) = self.definition(name)?;
        Ok(self.size(operation, variables)?.cost())
    }

    fn size(
        &self,
        operation: &OperationDefinition,
        variables: &Variables,
    ) -> Result<Size, Refusal> {
        let page_sizes = PageSizes {
            operation,
            variables: Some(variables),
            metadata: self.metadata,
        };
        Measure::new(&self.parsed.fragments, page_sizes).operation()
    }

    fn definition(
        &self,
        name: Option<&str>,
    ) -> Result<(Option<&Name>, &OperationDefinition), Error> {
        let unknown = |message: &str| Error::of(ErrorCode::BadUserInput, message);
        let mut operations = self.parsed.operations.iter();
        let (found, definition) = match name {
            Some(name) => operations
                .find(|(found, _)| found.is_some_and(|found| found.as_str() == name))
                .ok_or_else(|| unknown("The document has no operation of this name."))?,
            None => match (operations.next(), operations.next()) {
                (Some(only), None) => only,
                _ => {
                    return Err(unknown(
                        "The document has several operations; name one by `operationName`.",
                    ));
                }
            },
        };
        Ok((found, &definition.node))
    }
}

/// Scans a text and checks the limits that need no parsing.
fn scan(text: &str, limits: &Limits) -> Result<Scan, Refusal> {
    let scanned = Scan::of(text);
    Limit::Tokens.check(scanned.tokens, limits.tokens)?;
    Limit::Name.check(scanned.longest, MAX_NAME_LENGTH)?;
    Limit::Nesting.check(scanned.nesting, MAX_OPEN_BRACKETS)?;
    Limit::Directives.check(scanned.directives, limits.directives)?;
    Ok(scanned)
}

/// Postgres stores no text with U+0000 and `SQLite` does, so it is rejected before execution.
fn null_character() -> Error {
    let message = "The character U+0000 cannot be part of a text.";
    Error::of(ErrorCode::BadUserInput, message)
}

/// The error for a malformed string, with its position.
fn string_error(text: &str, error: StringError) -> Error {
    let before = text.get(..error.at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit(['\n', '\r']).next().unwrap_or_default();
    let (column, expected) = (column.chars().count() + 1, error.expected);
    let message = format!("Syntax error at line {line}, column {column}: expected {expected}");
    Error::of(ErrorCode::ParseFailed, message)
}

/// The parser's syntax error without the source line, which may be the whole document.
fn syntax_error(error: &parser::Error) -> Error {
    let printed = error.to_string();
    let place = match error.positions().next() {
        Some(place) => format!(" at line {}, column {}", place.line, place.column),
        None => String::new(),
    };
    let expected = match error {
        parser::Error::Syntax { .. } => printed.rsplit_once(" = ").map_or("", |(_, rest)| rest),
        _ => printed.as_str(),
    };
    let message = format!("Syntax error{place}: {}", expected.trim_end());
    Error::of(ErrorCode::ParseFailed, message.trim_end_matches([':', ' ']))
}

#[cfg(test)]
mod tests;

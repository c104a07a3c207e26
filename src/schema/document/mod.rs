//! A document before it runs: parsed once, measured once, remembered.
//!
//! Limits are checked here, before the library's own validation walks the document: a few hundred
//! bytes of nested fragments can expand to millions of fields, and every walk over them costs.

mod copies;
mod introspection;
mod json;
mod length;
mod limit;
mod measure;
mod root;
mod spelling;
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
use measure::{Measure, Pages, Size};
use spelling::Malformed;
use tokens::Text;

/// How many brackets may be open at once in a text: the parser takes stack for each. It gives up
/// at as many nested selections, too.
const DEEPEST_TEXT: usize = 64;
/// Characters of a name. Errors repeat names, the audit log keeps those of operations, and what is
/// unknown is compared with all that is known, letter by letter.
const LONGEST_NAME: usize = 256;

/// Bytes that a field takes once it is parsed; most tokens are less.
const OF_A_TOKEN: usize = 256;

/// A document that keeps within the limits.
#[derive(Debug)]
pub struct Document {
    /// The text as it came.
    pub text: String,
    /// The parsed form.
    pub parsed: ExecutableDocument,
    copies: Copies,
    tokens: usize,
    metadata: &'static Metadata,
}

/// The operation of a document that a request wants to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Whether it reads, changes or subscribes.
    pub kind: OperationType,
    /// Its name.
    pub name: Option<String>,
}

impl Document {
    /// Parses and measures a document.
    ///
    /// # Errors
    ///
    /// A limit that it exceeds, or what is wrong with it.
    pub fn prepare(text: String, limits: &Limits) -> Result<Self, Refusal> {
        length::check(&text, limits)?;
        let seen = look_over(&text, limits)?;
        let spelled = spelling::spell(&text).map_err(|wrong| misspelled(&text, wrong))?;
        let mut nul = seen.nul || spelled.nul;
        if matches!(spelled.text, Cow::Owned(_)) {
            // What is parsed is what is measured.
            nul |= look_over(&spelled.text, limits)?.nul;
        }
        let parsed = parse_query(&spelled.text).map_err(|error| unreadable(&error))?;
        drop(spelled);
        if nul {
            return Err(null_character().into());
        }
        if !limits.introspection {
            introspection::refuse(&parsed)?;
        }
        let mut whole = Size::default();
        for (_, operation) in parsed.operations.iter() {
            let pages = Pages {
                operation: &operation.node,
                variables: None,
                metadata: limits.metadata,
            };
            let size = Measure::new(&parsed.fragments, pages).operation()?;
            whole = whole.of_document(size);
            whole.check(limits)?;
            if operation.node.ty == OperationType::Subscription {
                root::only_field(&operation.node)?;
            }
        }
        Ok(Self {
            copies: Copies::of(&parsed),
            tokens: seen.tokens,
            text,
            parsed,
            metadata: limits.metadata,
        })
    }

    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let parsed = self.tokens.saturating_mul(OF_A_TOKEN);
        self.text.len().saturating_add(parsed)
    }

    /// The operation that a request names, or the only one.
    pub fn operation(&self, name: Option<&str>) -> Result<Operation, Error> {
        let (found, definition) = self.definition(name)?;
        Ok(Operation {
            kind: definition.ty,
            name: found.map(ToString::to_string),
        })
    }

    /// What a subscription of the document is about.
    pub fn topic(&self, name: Option<&str>) -> Result<Topic, Error> {
        let (_, definition) = self.definition(name)?;
        root::only_field(definition).map(Topic::of)
    }

    /// The only field at the root of an operation, if the schema has it.
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

    /// Checks the variables that came with the document: how large they are, that the required
    /// ones are there, and what pages cost now that their sizes are known.
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
            // GraphQL specification §6.1.2: nothing runs while a required variable is missing. The
            // engine would find out in the middle of the operation.
            if !(given || definition.var_type.node.nullable || definition.default_value.is_some()) {
                let message = format!("The variable ${name} is required.");
                return Err(Error::of(ErrorCode::BadUserInput, message).into());
            }
        }
        self.size(operation, variables)?.check(limits)
    }

    /// How many fields an operation may resolve at most with these variables.
    ///
    /// # Errors
    ///
    /// When there is no such operation.
    pub fn cost(&self, name: Option<&str>, variables: &Variables) -> Result<usize, Refusal> {
        let (_, operation) = self.definition(name)?;
        Ok(self.size(operation, variables)?.cost())
    }

    fn size(
        &self,
        operation: &OperationDefinition,
        variables: &Variables,
    ) -> Result<Size, Refusal> {
        let pages = Pages {
            operation,
            variables: Some(variables),
            metadata: self.metadata,
        };
        Measure::new(&self.parsed.fragments, pages).operation()
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

/// Measures a text before it is parsed.
fn look_over(text: &str, limits: &Limits) -> Result<Text, Refusal> {
    let seen = Text::of(text);
    Limit::Tokens.check(seen.tokens, limits.tokens)?;
    Limit::Name.check(seen.longest, LONGEST_NAME)?;
    Limit::Nesting.check(seen.nesting, DEEPEST_TEXT)?;
    Limit::Directives.check(seen.directives, limits.directives)?;
    Ok(seen)
}

/// Postgres takes no text with U+0000 and `SQLite` does; none means anything to people. It is
/// refused before anything runs, so that no statement meets it.
fn null_character() -> Error {
    let message = "The character U+0000 cannot be part of a text.";
    Error::of(ErrorCode::BadUserInput, message)
}

/// Says where a string stops being one.
fn misspelled(text: &str, wrong: Malformed) -> Error {
    let before = text.get(..wrong.at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit(['\n', '\r']).next().unwrap_or_default();
    let (column, expected) = (column.chars().count() + 1, wrong.expected);
    let message = format!("Syntax error at line {line}, column {column}: expected {expected}");
    Error::of(ErrorCode::ParseFailed, message)
}

/// Says where a text stops being GraphQL, and what could stand there. The parser's own words show
/// the whole line, which may be the whole document.
fn unreadable(error: &parser::Error) -> Error {
    let said = error.to_string();
    let place = match error.positions().next() {
        Some(place) => format!(" at line {}, column {}", place.line, place.column),
        None => String::new(),
    };
    let expected = match error {
        parser::Error::Syntax { .. } => said.rsplit_once(" = ").map_or("", |(_, rest)| rest),
        _ => said.as_str(),
    };
    let message = format!("Syntax error{place}: {}", expected.trim_end());
    Error::of(ErrorCode::ParseFailed, message.trim_end_matches([':', ' ']))
}

#[cfg(test)]
mod tests;

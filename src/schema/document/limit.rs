//! Request limits, with their names in messages and metrics.

use std::sync::LazyLock;

use super::super::error::{Error, ErrorCode};
use super::super::metadata::Metadata;
use crate::config::Config;

/// Limits for one document and its variables.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The list sizes and credential mutations of the schema.
    pub metadata: &'static LazyLock<Metadata>,
    /// Whether introspection is enabled.
    pub introspection: bool,
    /// Nesting of selections, fragments expanded.
    pub depth: usize,
    /// Aliases, fragments expanded.
    pub aliases: usize,
    /// Root fields, fragments expanded.
    pub root_fields: usize,
    /// Directives, fragments expanded.
    pub directives: usize,
    /// Lexical tokens.
    pub tokens: usize,
    /// Selections, fragments expanded.
    pub expanded_nodes: usize,
    /// Fields to resolve; fields of a list count once per entry of the page.
    pub cost: usize,
    /// Entity references, fragments expanded.
    pub representations: usize,
    /// Number of variables.
    pub variables: usize,
    /// Nesting of lists and objects within a variable.
    pub variable_depth: usize,
    /// Values in all variables together.
    pub variable_values: usize,
}

impl Limits {
    /// The configured limits.
    #[must_use]
    pub fn of(config: &Config, metadata: &'static LazyLock<Metadata>, introspection: bool) -> Self {
        let limits = &config.graphql;
        Self {
            metadata,
            introspection,
            depth: limits.max_depth,
            aliases: limits.max_aliases,
            root_fields: limits.max_root_fields,
            directives: limits.max_directives,
            tokens: limits.max_tokens,
            expanded_nodes: limits.max_expanded_nodes,
            cost: limits.max_complexity,
            representations: config.router.max_representations,
            variables: limits.max_variables,
            variable_depth: limits.max_variable_depth,
            variable_values: limits.max_variable_values,
        }
    }
}

/// A limit that was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Bytes of the request body.
    Body,
    /// Values in the JSON text.
    Values,
    /// Bytes of the document.
    Document,
    /// Lexical tokens and comments.
    Tokens,
    /// Length of a name.
    Name,
    /// Open brackets.
    Nesting,
    /// Nesting of selections.
    Depth,
    /// Fields to resolve.
    Cost,
    /// Entity references.
    Representations,
    /// Selections, fragments expanded.
    ExpandedNodes,
    /// Aliases.
    Aliases,
    /// Root fields.
    RootFields,
    /// Directives.
    Directives,
    /// Cycles through introspection lists.
    Introspection,
    /// Credential mutations.
    Credentials,
    /// Variables.
    Variables,
    /// Nesting within a variable.
    VariableDepth,
    /// Values in variables.
    VariableValues,
    /// Bytes of variable copies beyond the first use.
    VariableCopies,
    /// Errors in a response.
    Errors,
}

impl Limit {
    /// All limits.
    pub const ALL: [Self; 20] = [
        Self::Body,
        Self::Values,
        Self::Document,
        Self::Tokens,
        Self::Name,
        Self::Nesting,
        Self::Depth,
        Self::Cost,
        Self::Representations,
        Self::ExpandedNodes,
        Self::Aliases,
        Self::RootFields,
        Self::Directives,
        Self::Introspection,
        Self::Credentials,
        Self::Variables,
        Self::VariableDepth,
        Self::VariableValues,
        Self::VariableCopies,
        Self::Errors,
    ];

    /// The value of the metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Values => "values",
            Self::Document => "document",
            Self::Tokens => "tokens",
            Self::Name => "name",
            Self::Nesting => "nesting",
            Self::Depth => "depth",
            Self::Cost => "cost",
            Self::Representations => "representations",
            Self::ExpandedNodes => "expanded_nodes",
            Self::Aliases => "aliases",
            Self::RootFields => "root_fields",
            Self::Directives => "directives",
            Self::Introspection => "introspection",
            Self::Credentials => "credentials",
            Self::Variables => "variables",
            Self::VariableDepth => "variable_depth",
            Self::VariableValues => "variable_values",
            Self::VariableCopies => "variable_copies",
            Self::Errors => "errors",
        }
    }

    /// The start of the error message.
    const fn exceeded(self) -> &'static str {
        match self {
            Self::Body => "The body is too large",
            Self::Values => "The request holds too many JSON values",
            Self::Document => "The document is too long",
            Self::Tokens => "The document has too many tokens",
            Self::Name => "The document has a name or number that is too long",
            Self::Nesting => "The document has brackets nested too deeply",
            Self::Depth => "The document is nested too deeply",
            Self::Cost => "The document asks for too much at once; use smaller pages",
            Self::Representations => {
                "The document refers to too many entities; ask for them in parts"
            }
            Self::ExpandedNodes => "The document has too many fields",
            Self::Aliases => "The document has too many aliases",
            Self::RootFields => "The document has too many root fields",
            Self::Directives => "The document has too many directives",
            Self::Introspection => "The document asks for the schema in circles",
            Self::Credentials => "The document has more than one mutation that takes a credential",
            Self::Variables => "The request has too many variables",
            Self::VariableDepth => "The variables are nested too deeply",
            Self::VariableValues => "The variables hold too many values",
            Self::VariableCopies => "The document repeats large variables in too many places",
            Self::Errors => "The answer has too many errors",
        }
    }

    /// Rejects a size above `max`.
    pub(super) const fn check(self, size: usize, max: usize) -> Result<(), Refusal> {
        if size > max {
            Err(Refusal::Limit { limit: self, max })
        } else {
            Ok(())
        }
    }
}

/// Why a document was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It exceeds a limit.
    Limit {
        /// The limit.
        limit: Limit,
        /// Its value.
        max: usize,
    },
    /// It is invalid.
    Error(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Error(error) => error,
            Refusal::Limit { limit, max } => {
                let message = format!("{}. The limit is {max}.", limit.exceeded());
                Self::of(ErrorCode::QueryTooExpensive, message)
            }
        }
    }
}

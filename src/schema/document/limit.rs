//! The limits of the edge: their names, for people and for metrics.

use std::sync::LazyLock;

use super::super::error::{Error, ErrorCode};
use super::super::metadata::Metadata;
use crate::config::Config;

/// What one document and its variables may ask for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// What the fields of the schema cost.
    pub metadata: &'static LazyLock<Metadata>,
    /// Whether the schema may be asked for.
    pub introspection: bool,
    /// Nesting of selections, fragments followed.
    pub depth: usize,
    /// Fields with an alias, fragments followed.
    pub aliases: usize,
    /// Fields of the root, fragments followed.
    pub root_fields: usize,
    /// Directives, fragments followed.
    pub directives: usize,
    /// Lexical tokens of the text.
    pub tokens: usize,
    /// Selections once every fragment is written out.
    pub expanded_nodes: usize,
    /// Fields that may be resolved: those of a list count once for each entry of its page.
    pub cost: usize,
    /// Entities that may be referred to, fragments followed.
    pub representations: usize,
    /// Variables that may be sent.
    pub variables: usize,
    /// Nesting of the lists and objects in one variable.
    pub variable_depth: usize,
    /// Values in all variables together.
    pub variable_values: usize,
}

impl Limits {
    /// Those of the configuration.
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

/// A limit that was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Bytes of the body.
    Body,
    /// Values in a JSON text.
    Values,
    /// Bytes of a document.
    Document,
    /// Lexical tokens and comments.
    Tokens,
    /// Characters of a name.
    Name,
    /// Brackets that are open at once.
    Nesting,
    /// Levels of selections.
    Depth,
    /// Fields that may be resolved.
    Cost,
    /// Entities that are referred to.
    Representations,
    /// Selections written out.
    ExpandedNodes,
    /// Aliases.
    Aliases,
    /// Fields of the root.
    RootFields,
    /// Directives.
    Directives,
    /// Circles through the schema.
    Introspection,
    /// Mutations that take a credential.
    Credentials,
    /// Variables.
    Variables,
    /// Levels inside a variable.
    VariableDepth,
    /// Values inside variables.
    VariableValues,
    /// Bytes of variables, for each place after the first that names them.
    VariableCopies,
    /// Errors of an answer.
    Errors,
}

impl Limit {
    /// Every limit.
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

    /// Its name as a label of metrics.
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

    /// What exceeds it, as the end of a sentence.
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

    /// Nothing, or the refusal of more than `most`.
    pub(super) const fn check(self, size: usize, most: usize) -> Result<(), Refusal> {
        if size > most {
            Err(Refusal::Limit { limit: self, most })
        } else {
            Ok(())
        }
    }
}

/// Why a document does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It exceeds a limit.
    Limit {
        /// Which one.
        limit: Limit,
        /// The most there may be.
        most: usize,
    },
    /// It is wrong.
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
            Refusal::Limit { limit, most } => {
                let message = format!("{}. The limit is {most}.", limit.exceeded());
                Self::of(ErrorCode::QueryTooExpensive, message)
            }
        }
    }
}

//! `[graphql]`: what a document may ask for and cost.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::report::Review;
use crate::config::values;

/// Openness and limits of the GraphQL edge.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graphql {
    /// Whether the schema can be asked for and errors suggest names.
    #[serde(deserialize_with = "values::switch")]
    pub introspection: bool,
    /// Which documents run.
    pub trusted_documents: TrustedDocuments,
    /// Manifests and folders of further trusted documents.
    pub documents: Vec<PathBuf>,
    /// Whether GraphiQL is served.
    #[serde(deserialize_with = "values::switch")]
    pub graphiql: bool,
    /// Whom the staff listener shows the schema and runs any document for.
    pub staff_introspection: StaffIntrospection,
    /// Levels a selection may nest.
    pub max_depth: usize,
    /// Fields an operation may resolve.
    pub max_complexity: usize,
    /// Aliases a document may use.
    pub max_aliases: usize,
    /// Fields an operation may start with.
    pub max_root_fields: usize,
    /// Directives a document may use.
    pub max_directives: usize,
    /// Words and signs a document may have.
    pub max_tokens: usize,
    /// Fields a document may have once its fragments are spread.
    pub max_expanded_nodes: usize,
    /// Variables a request may send.
    pub max_variables: usize,
    /// Levels a variable may nest.
    pub max_variable_depth: usize,
    /// Values in all variables together.
    pub max_variable_values: usize,
    /// Errors an answer may tell.
    pub max_errors: usize,
    /// Seconds one operation may take.
    pub timeout_seconds: u64,
}

/// Which documents are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrustedDocuments {
    /// Any document.
    Off,
    /// Those of the gateway and of `graphql.documents`.
    Required,
}

/// Whom the staff listener trusts with the schema and with any document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StaffIntrospection {
    /// Staff who are signed in; anybody else runs trusted documents.
    SignedIn,
    /// Whoever reaches the listener.
    Listener,
}

impl Graphql {
    pub(super) fn check(&self, review: &mut Review<'_>) {
        review.within("graphql.max_depth", self.max_depth, 3..=30);
        review.within(
            "graphql.max_complexity",
            self.max_complexity,
            10..=1_000_000,
        );
        review.within("graphql.max_aliases", self.max_aliases, 0..=10_000);
        review.within("graphql.max_root_fields", self.max_root_fields, 1..=1_000);
        review.within("graphql.max_directives", self.max_directives, 0..=1_000);
        review.within("graphql.max_tokens", self.max_tokens, 100..=1_000_000);
        review.within(
            "graphql.max_expanded_nodes",
            self.max_expanded_nodes,
            10..=1_000_000,
        );
        review.within("graphql.max_variables", self.max_variables, 1..=1_000);
        review.within(
            "graphql.max_variable_depth",
            self.max_variable_depth,
            3..=100,
        );
        review.within(
            "graphql.max_variable_values",
            self.max_variable_values,
            100..=1_000_000,
        );
        review.within("graphql.max_errors", self.max_errors, 1..=1_000);
        review.within("graphql.timeout_seconds", self.timeout_seconds, 1..=300);
    }
}

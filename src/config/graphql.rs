//! `[graphql]`: who may see the schema, which documents run, and how large they may be.

use std::path::PathBuf;

use serde::Deserialize;

use super::declaration::list;
use super::read::read_from_text;
use super::section::{Check, section};

section! {
    /// Openness and limits of the GraphQL endpoint.
    pub struct Graphql("graphql") {
        /// Whether introspection is allowed and errors suggest names.
        pub introspection: bool = "", development true, production false;
        /// Which documents run: "required" only trusted ones, "off" any.
        pub trusted_documents: TrustedDocuments = "",
            development "off", production "required";
        /// Your own trusted documents: manifests (of Apollo, graphql-codegen, Relay or idgate) and
        /// folders of .graphql files. SIGHUP reloads them.
        pub documents: Vec<PathBuf> = list([]);
        /// Whether GraphiQL, a page to try queries, is served.
        pub graphiql: bool = "", development true, production false;
        /// For whom the staff listener runs any document and allows introspection: "signed-in" staff,
        /// or all clients of the "listener".
        pub staff_introspection: StaffIntrospection = "",
            development "listener", production "signed-in";
        /// Levels of nested selections, each of which multiplies the work of the one above.
        pub max_depth: usize = 12, in 3..=30;
        /// Cost of an operation in fields to resolve; a list counts as many times as it has items at
        /// most. Every built-in trusted document fits.
        pub max_complexity: usize = 6_000, in 10..=1_000_000;
        /// Aliases in a document, each of which repeats work.
        pub max_aliases: usize = 30, in 0..=10_000;
        /// Root fields of an operation, each of which is a request of its own.
        pub max_root_fields: usize = 20, in 1..=1_000;
        /// Directives in a document, each of which costs before execution.
        pub max_directives: usize = 20, in 0..=1_000;
        /// Lexical tokens of a document, counted before it is parsed.
        pub max_tokens: usize = 5_000, in 100..=1_000_000;
        /// Fields of a document with its fragments expanded, against fragments that double each other.
        pub max_expanded_nodes: usize = 2_000, in 10..=1_000_000;
        /// Variables of a request.
        pub max_variables: usize = 50, in 1..=1_000;
        /// Levels of nested lists and objects in a variable, which are read recursively.
        pub max_variable_depth: usize = 12, in 3..=100;
        /// Values in all variables together, each of which is checked and copied for every argument
        /// that uses it.
        pub max_variable_values: usize = 10_000, in 100..=1_000_000;
        /// Errors in a response; the last one says how many were left out.
        pub max_errors: usize = 20, in 1..=1_000;
        /// Seconds after which an operation is cancelled.
        pub timeout_seconds: u64 = 10, in 1..=300;
    }
}

/// Which documents run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrustedDocuments {
    /// Any document.
    Off,
    /// The built-in ones and those of `graphql.documents`.
    Required,
}

/// For whom the staff listener allows introspection and runs any document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StaffIntrospection {
    /// Staff who are signed in; all others run trusted documents.
    SignedIn,
    /// Every client of the listener.
    Listener,
}

read_from_text!(TrustedDocuments, StaffIntrospection);

impl Graphql {
    /// Whether only trusted documents run.
    #[must_use]
    pub fn requires_trusted_documents(&self) -> bool {
        self.trusted_documents == TrustedDocuments::Required
    }
}

impl Check for Graphql {}

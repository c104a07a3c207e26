//! Validates documents without executing them: syntax, limits, and schema.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation};
use async_graphql::{Request, ServerError, ValidationResult};

use super::document::{Document, Limits};
use super::engine::Engine;
use super::error::Error;
use super::{METADATA, builder};
use crate::config::Config;

/// Checks documents against the client schema and its limits.
pub struct Validator {
    engine: Box<dyn Engine>,
    limits: Limits,
}

impl std::fmt::Debug for Validator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Validator").finish_non_exhaustive()
    }
}

impl Validator {
    /// A validator with the limits of this configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            engine: Box::new(builder().extension(StopAfterValidation).finish()),
            limits: Limits::of(config, &METADATA, config.graphql.introspection),
        }
    }

    /// The name of the first named operation, if the text can be parsed.
    #[must_use]
    pub fn name(&self, text: &str) -> Option<String> {
        let document = Document::prepare(text.to_owned(), &self.limits).ok()?;
        let mut names = document.parsed.operations.iter();
        names.find_map(|(name, _)| name.map(ToString::to_string))
    }

    /// The errors of a document; empty if it is valid.
    pub async fn check(&self, text: &str) -> Vec<String> {
        let document = match Document::prepare(text.to_owned(), &self.limits) {
            Ok(document) => document,
            Err(refusal) => return vec![Error::from(refusal).message],
        };
        let mut problems = BTreeSet::new();
        for (name, _) in document.parsed.operations.iter() {
            let mut request = Request::new(text);
            request.operation_name = name.map(ToString::to_string);
            request.set_parsed_query(document.parsed.clone());
            let response = self.engine.execute(request).await;
            let errors = response.errors.into_iter();
            problems.extend(errors.filter(|error| error.message != VALID).map(described));
        }
        problems.into_iter().collect()
    }
}

fn described(error: ServerError) -> String {
    match error.locations.first() {
        Some(place) => format!(
            "line {}, column {}: {}",
            place.line, place.column, error.message
        ),
        None => error.message,
    }
}

/// The marker error that stops a valid document before any resolver runs.
const VALID: &str = "valid";

struct StopAfterValidation;

impl ExtensionFactory for StopAfterValidation {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for StopAfterValidation {
    async fn validation(
        &self,
        context: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        next.run(context).await?;
        Err(vec![ServerError::new(VALID, None)])
    }
}

//! The graph: thin over services and selectors. Knows no HTTP and no table.
//!
//! Input is parsed, one service or selector is called, output is shaped. What a service refuses
//! is data (`problem`); what is decided before one runs is an error (`error`).

mod answer;
pub mod connection;
pub mod document;
mod engine;
pub mod entities;
pub mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod guard;
pub mod mutations;
pub mod operation_names;
pub mod problem;
pub mod query;
mod remembered;
pub mod request;
pub mod scalars;
pub mod subscription;
pub mod types;
mod validator;

use std::sync::Arc;

use async_graphql::{
    IntrospectionMode, ObjectType, Request, Response, SDLExportOptions, SchemaBuilder,
    SubscriptionType, Variables,
};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use crate::app::App;
use crate::telemetry::Metrics;

pub use entities::sdl::Authorization;
pub use validator::Validator;

use document::{Document, Limit, Limits, Refusal};
use engine::Engine;
use error::{Error, ErrorCode};
use remembered::Remembered;
use request::RequestData;
use subscription::Occasion;

/// The executable schema with its cache of documents.
pub struct Schema {
    engine: Box<dyn Engine>,
    limits: Limits,
    max_errors: usize,
    metrics: Metrics,
    introspection: bool,
    documents: Remembered,
}

/// An operation with variables that keep within the limits.
pub struct Fitting {
    document: Arc<Document>,
    operation_name: Option<String>,
    variables: Variables,
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Schema").finish_non_exhaustive()
    }
}

fn builder() -> SchemaBuilder<query::Query, mutations::Mutation, subscription::Subscription> {
    reading(query::Query::default())
}

/// The schema with a root of reads of one's choice.
fn reading<Q: ObjectType + 'static>(
    query: Q,
) -> SchemaBuilder<Q, mutations::Mutation, subscription::Subscription> {
    async_graphql::Schema::build(
        query,
        mutations::Mutation::default(),
        subscription::Subscription,
    )
    .register_output_type::<problem::Problem>()
    .override_output_type_description::<DateTime<Utc>>("An instant, as RFC 3339 text in UTC.")
    .register_output_type::<error::ErrorCode>()
}

/// The schema in its own language, sorted so that a change shows as a change.
#[must_use]
pub fn sdl() -> String {
    let mut text = builder().finish().sdl_with_options(export_options());
    let length = text.trim_end().len();
    text.truncate(length);
    text.push('\n');
    text
}

/// The schema as a supergraph composes it.
#[must_use]
pub fn subgraph_sdl(authorization: Authorization) -> &'static str {
    entities::sdl::subgraph(authorization)
}

fn export_options() -> SDLExportOptions {
    SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by()
}

impl Schema {
    /// Builds the schema around the application.
    #[must_use]
    pub fn new(app: &Arc<App>, introspection: bool) -> Self {
        Self::of(app, builder(), introspection)
    }

    /// The schema of the federation router, which also asks for entities and may ask for more.
    #[must_use]
    pub fn for_router(app: &Arc<App>) -> Self {
        let introspection = app.config.introspection();
        let mut schema = Self::of(app, entities::builder(), introspection);
        schema.limits.cost = app.config.router.max_complexity;
        schema
    }

    /// The same with root types of the caller's choice: other tests than ours judge the transport
    /// by a schema of their own.
    #[must_use]
    pub fn of<Q, M, S>(app: &Arc<App>, builder: SchemaBuilder<Q, M, S>, introspection: bool) -> Self
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        let mut builder = builder.data(Arc::clone(app));
        // "Did you mean" would spell out a schema that cannot be asked for.
        if !introspection {
            builder = builder.disable_introspection().disable_suggestions();
        }
        Self {
            engine: Box::new(builder.finish()),
            introspection,
            limits: Limits::of(&app.config, introspection),
            max_errors: app.config.graphql.max_errors,
            metrics: app.metrics.clone(),
            documents: Remembered::new(),
        }
    }

    /// Refuses JSON that holds more values than any request needs, before it is parsed.
    pub fn check_json(&self, text: &[u8]) -> Result<(), Error> {
        document::check_json(text, &self.limits).map_err(|it| self.refuse(it))
    }

    /// Refuses a document by its length, before anything walks it.
    pub fn check_length(&self, text: &str) -> Result<(), Error> {
        document::check_length(text, &self.limits).map_err(|it| self.refuse(it))
    }

    /// A document that is parsed and keeps within the limits, from memory if it was seen before.
    pub fn prepare(&self, text: String) -> Result<Arc<Document>, Error> {
        let prepare = |text| Document::prepare(text, &self.limits);
        let prepared = self.documents.or_prepare(text, prepare);
        prepared.map_err(|it| self.refuse(it))
    }

    /// One operation of a document with its variables, unless they are too large or their page
    /// sizes make it cost too much. This asks nobody anything, so it comes before who asks.
    pub fn fit(
        &self,
        document: Arc<Document>,
        operation_name: Option<String>,
        variables: Variables,
    ) -> Result<Fitting, Error> {
        document
            .check_variables(operation_name.as_deref(), &variables, &self.limits)
            .map_err(|it| self.refuse(it))?;
        Ok(Fitting {
            document,
            operation_name,
            variables,
        })
    }

    /// Runs an operation that keeps within the limits.
    pub async fn execute(&self, fitting: Fitting, data: Arc<RequestData>) -> Response {
        let Fitting {
            document,
            operation_name,
            variables,
        } = fitting;
        let request = self.request(&document, operation_name, variables, &data);
        let response = data.serve(self.engine.execute(request)).await;
        self.cut(response)
    }

    /// Runs a subscription once for each occasion, all of them batched as one request, and says
    /// what comes of it, in their order: nothing for most of them.
    pub async fn react(
        &self,
        document: &Document,
        operation_name: Option<&str>,
        variables: &Variables,
        data: &Arc<RequestData>,
        occasions: &[Occasion],
    ) -> Result<Vec<Response>, Error> {
        document
            .check_variables(operation_name, variables, &self.limits)
            .map_err(|it| self.refuse(it))?;
        let runs = occasions.iter().map(|occasion| {
            let name = operation_name.map(str::to_owned);
            let request = self.request(document, name, variables.clone(), data);
            self.engine.subscribe(request.data(*occasion))
        });
        let responses = data.serve(join_all(runs)).await;
        let responses = responses.into_iter().flatten();
        Ok(responses.map(|it| self.cut(it)).collect())
    }

    fn request(
        &self,
        document: &Document,
        operation_name: Option<String>,
        variables: Variables,
        data: &Arc<RequestData>,
    ) -> Request {
        let mut request = Request::new(document.text.clone())
            .variables(variables)
            .data(Arc::clone(data));
        request.operation_name = operation_name;
        request.introspection_mode = if self.introspection {
            IntrospectionMode::Enabled
        } else {
            IntrospectionMode::Disabled
        };
        request.set_parsed_query(document.parsed.clone());
        request
    }

    /// Leaves out the errors of an answer that are too many.
    fn cut(&self, mut response: Response) -> Response {
        if error::cut(&mut response, self.max_errors) {
            self.metrics.limit(Limit::Errors.as_str());
        }
        response
    }

    /// Counts a refusal, if it is a limit that was met.
    fn refuse(&self, refusal: Refusal) -> Error {
        if let Refusal::Limit { limit, .. } = refusal {
            self.metrics.limit(limit.as_str());
        }
        refusal.into()
    }
}

/// A response that says only why nothing ran.
#[must_use]
pub fn refusal(error: Error, request_id: &str) -> Response {
    let mut response = Response::from_errors(vec![error.into_server_error()]);
    error::complete(&mut response, request_id);
    response
}

/// The refusal of a request that took too long.
#[must_use]
pub fn timed_out() -> Error {
    Error::of(
        ErrorCode::RequestTimeout,
        "The request took too long and was given up.",
    )
}

//! The GraphQL schema: a thin layer over services and selectors, without HTTP or SQL.
//!
//! A resolver parses input, calls one service or selector, and shapes the output. Refusals of a
//! service are data ([`problem`]); what is rejected before that is an error ([`error`]).

mod answer;
pub mod connection;
mod directives;
pub mod document;
mod document_cache;
mod engine;
pub mod entities;
pub mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod guard;
pub mod live_event;
pub mod metadata;
#[expect(
    missing_docs,
    reason = "a test requires a description of all that clients see"
)]
pub mod mutations;
pub mod operation_names;
#[expect(
    missing_docs,
    reason = "a test requires a description of all that clients see"
)]
pub mod problem;
pub mod query;
pub mod request;
pub mod scalars;
mod sdl;
pub mod subscription;
#[expect(
    missing_docs,
    reason = "a test requires a description of all that clients see"
)]
pub mod types;
mod validator;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_graphql::{
    IntrospectionMode, ObjectType, Request, Response, SchemaBuilder, SubscriptionType, Variables,
};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use crate::app::App;
use crate::selectors::ListenerReads;
use crate::telemetry::Metrics;

pub use sdl::Authorization;
pub use validator::Validator;

use document::{Document, Limit, Limits, Refusal};
use document_cache::DocumentCache;
use engine::Engine;
use error::{Error, ErrorCode};
use live_event::Trigger;
use metadata::Metadata;
use request::{RequestData, RequestIdentity};
use types::audit_event::AuditEventConnection;
use types::deleted_record::DeletedRecordConnection;
use types::session::SessionConnection;
use types::user_list::UserConnection;

/// The executable schema with its document cache.
pub struct Schema {
    engine: Box<dyn Engine>,
    limits: Limits,
    max_errors: usize,
    metrics: Metrics,
    introspection: bool,
    documents: DocumentCache,
    listeners: Arc<ListenerReads>,
}

/// An operation with its variables, within the limits.
pub struct BoundOperation {
    document: Arc<Document>,
    operation_name: Option<String>,
    variables: Variables,
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Schema").finish_non_exhaustive()
    }
}

/// The directives of the schema.
pub static METADATA: LazyLock<Metadata> = LazyLock::new(
    Metadata::of::<entities::RouterQuery, mutations::Mutation, subscription::Subscription>,
);

fn builder() -> SchemaBuilder<query::Query, mutations::Mutation, subscription::Subscription> {
    with_query_root(query::Query::default())
}

/// A builder with this query root.
fn with_query_root<Q: ObjectType + 'static>(
    query: Q,
) -> SchemaBuilder<Q, mutations::Mutation, subscription::Subscription> {
    async_graphql::Schema::build(
        query,
        mutations::Mutation::default(),
        subscription::Subscription,
    )
    .register_output_type::<problem::Problem>()
    .override_output_type_description::<DateTime<Utc>>("An instant, as RFC 3339 text in UTC.")
    .override_output_type_description::<AuditEventConnection>("A page of audit events.")
    .override_output_type_description::<DeletedRecordConnection>("A page of deleted records.")
    .override_output_type_description::<SessionConnection>("A page of sessions.")
    .override_output_type_description::<UserConnection>("A page of accounts.")
    .register_output_type::<error::ErrorCode>()
}

/// The client SDL.
#[must_use]
pub fn sdl() -> String {
    sdl::client(&builder().finish().sdl_with_options(sdl::options()))
}

/// The subgraph SDL.
#[must_use]
pub fn subgraph_sdl(authorization: Authorization) -> &'static str {
    static TEXTS: LazyLock<[String; 2]> = LazyLock::new(|| {
        let options = sdl::options().federation();
        let export = entities::builder().finish().sdl_with_options(options);
        [Authorization::Declared, Authorization::Omitted].map(|kind| sdl::subgraph(&export, kind))
    });
    let [declared, omitted] = &*TEXTS;
    match authorization {
        Authorization::Declared => declared,
        Authorization::Omitted => omitted,
    }
}

impl Schema {
    /// Builds the schema around the application.
    #[must_use]
    pub fn new(app: &Arc<App>, introspection: bool) -> Self {
        Self::of(app, builder(), introspection)
    }

    /// The schema for federation routers, with entity fields and limits of its own.
    #[must_use]
    pub fn for_router(app: &Arc<App>) -> Self {
        let introspection = app.config.graphql.introspection;
        let mut schema = Self::of(app, entities::builder(), introspection);
        schema.limits.cost = app.config.router.max_complexity;
        schema
    }

    /// Like [`Self::new`], with other root types: for tests of the transport with a schema of their
    /// own.
    #[must_use]
    pub fn of<Q, M, S>(app: &Arc<App>, builder: SchemaBuilder<Q, M, S>, introspection: bool) -> Self
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        let metadata: &'static Metadata = &METADATA;
        let mut builder = builder.data(Arc::clone(app)).data(metadata);
        // Suggestions would leak a schema that cannot be introspected.
        if !introspection {
            builder = builder.disable_introspection().disable_suggestions();
        }
        Self {
            engine: Box::new(builder.finish()),
            introspection,
            limits: Limits::of(&app.config, &METADATA, introspection),
            max_errors: app.config.graphql.max_errors,
            metrics: app.metrics.clone(),
            documents: DocumentCache::new(),
            listeners: listener_reads(app),
        }
    }

    /// Rejects JSON with more values than a legitimate request has, before it is parsed.
    pub fn check_json(&self, text: &[u8]) -> Result<(), Error> {
        document::check_json(text, &self.limits).map_err(|refusal| self.refuse(refusal))
    }

    /// Rejects a document that is too long, before it is parsed.
    pub fn check_length(&self, text: &str) -> Result<(), Error> {
        document::check_length(text, &self.limits).map_err(|refusal| self.refuse(refusal))
    }

    /// Parses a document and measures it against the limits, or takes it from the cache.
    pub fn prepare(&self, text: String) -> Result<Arc<Document>, Error> {
        let prepare = |text| Document::prepare(text, &self.limits);
        let prepared = self.documents.get_or_prepare(text, prepare);
        prepared.map_err(|refusal| self.refuse(refusal))
    }

    /// Binds variables to an operation, unless they are too large or their page sizes make it too
    /// expensive. This needs no I/O, so it precedes authentication.
    pub fn bind_variables(
        &self,
        document: Arc<Document>,
        operation_name: Option<String>,
        variables: Variables,
    ) -> Result<BoundOperation, Error> {
        document
            .check_variables(operation_name.as_deref(), &variables, &self.limits)
            .map_err(|refusal| self.refuse(refusal))?;
        Ok(BoundOperation {
            document,
            operation_name,
            variables,
        })
    }

    /// Executes an operation.
    pub async fn execute(&self, operation: BoundOperation, data: Arc<RequestData>) -> Response {
        let BoundOperation {
            document,
            operation_name,
            variables,
        } = operation;
        let request = self.request(&document, operation_name, variables, &data);
        let response = data.serve(self.engine.execute(request)).await;
        self.truncate_errors(response)
    }

    /// The data of one batch of events for a listener, who was authenticated for it.
    #[must_use]
    pub fn listener_data(&self, app: &App, identity: RequestIdentity) -> Arc<RequestData> {
        RequestData::for_listener(app, identity, &self.listeners)
    }

    /// Executes a subscription once for each trigger, with their reads batched, and returns the
    /// responses in order. Most triggers yield none.
    pub async fn execute_subscription(
        &self,
        document: &Document,
        operation_name: Option<&str>,
        variables: &Variables,
        data: &Arc<RequestData>,
        triggers: &[Trigger],
    ) -> Result<Vec<Response>, Error> {
        document
            .check_variables(operation_name, variables, &self.limits)
            .map_err(|refusal| self.refuse(refusal))?;
        let executions = triggers.iter().map(|trigger| {
            let name = operation_name.map(str::to_owned);
            let request = self.request(document, name, variables.clone(), data);
            self.engine.subscribe(request.data(*trigger))
        });
        let responses = data.serve(join_all(executions)).await;
        let responses = responses.into_iter().flatten();
        Ok(responses
            .map(|response| self.truncate_errors(response))
            .collect())
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

    /// Drops the errors of a response beyond the limit.
    fn truncate_errors(&self, mut response: Response) -> Response {
        if error::truncate_errors(&mut response, self.max_errors) {
            self.metrics.limit(Limit::Errors.as_str());
        }
        response
    }

    /// Counts a refusal in the metrics if a limit was exceeded.
    fn refuse(&self, refusal: Refusal) -> Error {
        if let Refusal::Limit { limit, .. } = refusal {
            self.metrics.limit(limit.as_str());
        }
        refusal.into()
    }
}

/// The reads of listeners. A quarter of the database's connections is theirs at most, so that frequent events
/// do not starve requests.
fn listener_reads(app: &App) -> Arc<ListenerReads> {
    let connections = usize::try_from(app.config.database.max_connections).unwrap_or(1);
    let patience = Duration::from_millis(app.config.subscriptions.gather_milliseconds);
    ListenerReads::new(connections.div_ceil(4), patience)
}

/// The response to a request that was rejected before execution.
#[must_use]
pub fn refusal(error: Error, request_id: &str) -> Response {
    let mut response = Response::from_errors(vec![error.into_server_error()]);
    error::complete(&mut response, request_id);
    response
}

/// The error of a request that exceeded its time limit.
#[must_use]
pub fn timed_out() -> Error {
    Error::of(
        ErrorCode::RequestTimeout,
        "The request took too long and was given up.",
    )
}

//! One batch of events: the user is authenticated again, then the documents run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Response, ServerError, Variables};
use serde_json::Value;
use tokio::time::timeout;

use super::close_reason::CloseReason;
use super::identity::Identity;
use crate::domain::event::DomainEvent;
use crate::fault::Fault;
use crate::schema::document::Document;
use crate::schema::error::{self, Error, ErrorCode};
use crate::schema::live_event::{Topic, Trigger};
use crate::schema::request::{CookieCredential, RequestData, RequestIdentity, TokenDelivery};
use crate::schema::{refusal, timed_out};
use crate::telemetry::request::{Operation, Outcome};
use crate::telemetry::subscription::SubscriptionLog;
use crate::transport::graphql_request::GraphqlRequest;
use crate::transport::server::Server;
use crate::transport::{request_log, trusted_documents};

/// Bytes of a document and its variables. They are kept for hours and copied for every event.
const MAX_SUBSCRIPTION_BYTES: usize = 32 * 1024;

/// A document that runs for every event.
pub(super) struct Subscription {
    id: String,
    document: Arc<Document>,
    operation_name: Option<String>,
    variables: Variables,
    topic: Topic,
    is_open: AtomicBool,
    operation: Operation,
    log: OnceLock<SubscriptionLog>,
}

impl Subscription {
    /// Resolves and checks the document by the same rules as for a POST request.
    pub(super) fn prepare(
        server: &Server,
        id: String,
        mut request: GraphqlRequest,
        is_required: bool,
    ) -> Result<Self, Error> {
        // Variables were parsed from JSON, so serializing them cannot fail.
        let variables = serde_json::to_string(&request.variables).unwrap_or_default();
        let check_size = |text: &str| {
            if text.len() + variables.len() <= MAX_SUBSCRIPTION_BYTES {
                return Ok(());
            }
            let message = "A subscription may have 32 KiB, its document and variables together.";
            Err(Error::of(ErrorCode::QueryTooExpensive, message))
        };
        let prepared = trusted_documents::prepare(server, &mut request, is_required, check_size)?;
        let (document, name) = (prepared.document, request.operation_name);
        if prepared.operation.kind != OperationType::Subscription {
            let message = "Only subscriptions run here. Use POST /graphql.";
            return Err(Error::of(ErrorCode::BadUserInput, message));
        }
        Ok(Self {
            id,
            topic: document.topic(name.as_deref())?,
            document,
            operation_name: name,
            variables: Variables::from_json(Value::Object(request.variables)),
            is_open: AtomicBool::new(false),
            operation: prepared.logged,
            log: OnceLock::new(),
        })
    }

    /// Starts its log line, which is written when it ends.
    pub(super) fn begin(&self, server: &Server) {
        self.log
            .get_or_init(|| request_log::subscription(server, self.operation.clone()));
    }

    /// Records that its connection was closed.
    pub(super) fn end(&self, reason: CloseReason) {
        let outcome = match reason {
            CloseReason::Lagged | CloseReason::Unavailable => {
                request_log::of_code(ErrorCode::ServiceUnavailable.as_str())
            }
            _ => Outcome::OK,
        };
        if let Some(log) = self.log.get() {
            log.record_end(outcome, reason.label());
        }
    }

    fn record_refusal(&self, errors: &[ServerError]) {
        if let Some(log) = self.log.get() {
            log.record_end(request_log::of_errors(errors), "refused");
        }
    }

    fn record_sent(&self) {
        if let Some(log) = self.log.get() {
            log.record_event();
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn topic(&self) -> Topic {
        self.topic
    }
}

/// What a batch consists of.
pub(super) enum Task {
    /// A new subscription: run its guards and check its arguments.
    Open(Arc<Subscription>),
    /// An event.
    Event(DomainEvent),
    /// Only authenticate the user again.
    Recheck,
}

impl Task {
    fn opens(&self, subscription: &Arc<Subscription>) -> bool {
        matches!(self, Self::Open(opened) if Arc::ptr_eq(opened, subscription))
    }
}

/// A message to the client.
pub(super) enum ServerMessage {
    /// The response to an event.
    Next(Arc<Subscription>, Response),
    /// The subscription is refused, or its user has lost the right to it.
    Error(Arc<Subscription>, Vec<ServerError>),
}

/// The result of a batch.
#[derive(Default)]
pub(super) struct BatchOutcome {
    pub(super) messages: Vec<ServerMessage>,
    /// Why the connection must be closed, if it must.
    pub(super) close: Option<CloseReason>,
}

impl BatchOutcome {
    pub(super) fn closed(reason: CloseReason) -> Self {
        Self {
            messages: Vec::new(),
            close: Some(reason),
        }
    }
}

/// Runs a batch. The user is authenticated for this very batch before anything is executed.
pub(super) async fn run(
    server: Arc<Server>,
    identity: Arc<Identity>,
    subscriptions: Vec<Arc<Subscription>>,
    tasks: Vec<Task>,
) -> BatchOutcome {
    let data = match reauthenticate(&server, &identity).await {
        Ok(data) => data,
        Err(reason) => return BatchOutcome::closed(reason),
    };
    let batch = Batch {
        server: &server,
        identity: &identity,
        data: &data,
    };
    let mut messages = Vec::new();
    for subscription in &subscriptions {
        batch
            .run_subscription(subscription, &tasks, &mut messages)
            .await;
    }
    BatchOutcome {
        messages,
        close: None,
    }
}

/// Authenticates the user again, with the same statement as every request.
async fn reauthenticate(
    server: &Server,
    identity: &Identity,
) -> Result<Arc<RequestData>, CloseReason> {
    let authenticated = identity
        .reauthenticate(server)
        .await
        .map_err(|fault| unavailable(&fault))?;
    if authenticated.caller.signed_in().is_none() {
        return Err(if server.app.clock.now() < identity.expires_at {
            CloseReason::SignedOut
        } else {
            CloseReason::TokenExpired
        });
    }
    let request = RequestIdentity {
        caller: authenticated.caller,
        rows: authenticated.rows,
        delivery: TokenDelivery::Body,
        cookie: CookieCredential::None,
    };
    Ok(server.schema.listener_data(&server.app, request))
}

/// Fails closed when authentication has a fault, which is logged.
pub(super) fn unavailable(fault: &Fault) -> CloseReason {
    let _ = Error::hiding(fault);
    CloseReason::Unavailable
}

struct Batch<'a> {
    server: &'a Server,
    identity: &'a Identity,
    data: &'a Arc<RequestData>,
}

impl Batch<'_> {
    async fn run_subscription(
        &self,
        subscription: &Arc<Subscription>,
        tasks: &[Task],
        messages: &mut Vec<ServerMessage>,
    ) {
        let mut tasks = tasks.iter();
        if !subscription.is_open.load(Ordering::Relaxed) {
            // Events from before the subscription are not delivered.
            if !tasks.any(|task| task.opens(subscription)) {
                return;
            }
            let mut opened = self.execute(subscription, &[Trigger::Start]).await;
            let errors = opened
                .iter_mut()
                .flat_map(|response| std::mem::take(&mut response.errors));
            let errors: Vec<ServerError> = errors.collect();
            if !errors.is_empty() {
                subscription.record_refusal(&errors);
                messages.push(ServerMessage::Error(Arc::clone(subscription), errors));
                return;
            }
            subscription.is_open.store(true, Ordering::Relaxed);
        }
        let user = self.identity.user;
        let triggers: Vec<Trigger> = tasks
            .filter_map(|task| match task {
                Task::Event(event) if subscription.topic.concerns(user, event) => {
                    Some(Trigger::Event(*event))
                }
                _ => None,
            })
            .collect();
        for response in self.execute(subscription, &triggers).await {
            if is_refusal(&response) {
                subscription.record_refusal(&response.errors);
                messages.push(ServerMessage::Error(
                    Arc::clone(subscription),
                    response.errors,
                ));
                return;
            }
            subscription.record_sent();
            messages.push(ServerMessage::Next(Arc::clone(subscription), response));
        }
    }

    async fn execute(&self, subscription: &Subscription, triggers: &[Trigger]) -> Vec<Response> {
        if triggers.is_empty() {
            return Vec::new();
        }
        let request_id = self.identity.request_id();
        let running = self.server.schema.execute_subscription(
            &subscription.document,
            subscription.operation_name.as_deref(),
            &subscription.variables,
            self.data,
            triggers,
        );
        let limit = Duration::from_secs(self.server.app.config.graphql.timeout_seconds);
        let result = timeout(limit, running).await;
        match result.unwrap_or_else(|_| Err(timed_out())) {
            Ok(mut responses) => {
                for response in &mut responses {
                    error::complete(response, request_id);
                }
                responses
            }
            Err(error) => vec![refusal(error, request_id)],
        }
    }
}

/// Whether the user has lost the right to the subscription.
fn is_refusal(response: &Response) -> bool {
    let codes = [ErrorCode::Unauthenticated, ErrorCode::Forbidden].map(ErrorCode::as_str);
    response.data == async_graphql::Value::Null
        && response
            .errors
            .iter()
            .any(|error| error::code_of(error).is_some_and(|code| codes.contains(&code)))
}

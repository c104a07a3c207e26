//! One round: who listens is proven again, then the documents run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Response, ServerError, Variables};
use serde_json::Value;
use tokio::time::timeout;

use super::ending::Ending;
use super::feed::Identity;
use crate::domain::occurrence::Occurrence;
use crate::fault::Fault;
use crate::schema::document::Document;
use crate::schema::error::{self, Error, ErrorCode};
use crate::schema::request::{Arrival, CookieCredential, Delivery, RequestData};
use crate::schema::subscription::{Occasion, Topic};
use crate::schema::{refusal, timed_out};
use crate::telemetry::request::{self, Operation};
use crate::telemetry::subscription::Listening;
use crate::transport::incoming::Call;
use crate::transport::{Server, observed, trusted_documents};

/// Bytes of a document with its variables. They stay for hours, and are copied for every event.
const LARGEST_KEPT: usize = 32 * 1024;

/// A document that runs at every event.
pub(super) struct Subscription {
    id: String,
    document: Arc<Document>,
    operation_name: Option<String>,
    variables: Variables,
    topic: Topic,
    is_open: AtomicBool,
    operation: Operation,
    listening: OnceLock<Listening>,
}

impl Subscription {
    /// Finds and reads the document, by the same rules as for a POST: it may have to be a trusted
    /// one.
    pub(super) fn prepare(
        server: &Server,
        id: String,
        mut call: Call,
        is_required: bool,
    ) -> Result<Self, Error> {
        if let Some(text) = &call.query {
            server.schema.check_length(text)?;
        }
        let resolved = trusted_documents::named(&server.app.documents(), &mut call, is_required)?;
        // Variables come out of JSON, and go back into it.
        let variables = serde_json::to_string(&call.variables).unwrap_or_default();
        if resolved.text.len() + variables.len() > LARGEST_KEPT {
            let message = "A subscription may have 32 KiB, its document and variables together.";
            return Err(Error::of(ErrorCode::QueryTooExpensive, message));
        }
        let document = server.schema.prepare(resolved.text)?;
        let name = call.operation_name;
        let found = document.operation(name.as_deref())?;
        let operation = observed::operation(resolved.id.as_deref(), &document, &found);
        if found.kind != OperationType::Subscription {
            let message = "Only subscriptions run here. Use POST /graphql.";
            return Err(Error::of(ErrorCode::BadUserInput, message));
        }
        Ok(Self {
            id,
            topic: document.topic(name.as_deref())?,
            document,
            operation_name: name,
            variables: Variables::from_json(Value::Object(call.variables)),
            is_open: AtomicBool::new(false),
            operation,
            listening: OnceLock::new(),
        })
    }

    /// From here on it is one that ends, and leaves a line then.
    pub(super) fn begin(&self, server: &Server) {
        let begun = || observed::subscription(server, self.operation.clone());
        self.listening.get_or_init(begun);
    }

    /// Notes that its connection ends.
    pub(super) fn end(&self, ending: Ending) {
        let outcome = match ending {
            Ending::Behind | Ending::Unavailable => {
                observed::of_code(ErrorCode::ServiceUnavailable.as_str())
            }
            _ => request::Outcome::OK,
        };
        if let Some(listening) = self.listening.get() {
            listening.ends(outcome, ending.label());
        }
    }

    fn refused(&self, errors: &[ServerError]) {
        if let Some(listening) = self.listening.get() {
            listening.ends(observed::of_errors(errors), "refused");
        }
    }

    fn told(&self) {
        if let Some(listening) = self.listening.get() {
            listening.told();
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn topic(&self) -> Topic {
        self.topic
    }
}

/// What a round has to look at.
pub(super) enum Task {
    /// A new subscription: does it hold?
    Open(Arc<Subscription>),
    /// Something happened.
    Occurred(Occurrence),
    /// Nothing, but may the person still listen?
    Check,
}

impl Task {
    fn opens(&self, subscription: &Arc<Subscription>) -> bool {
        matches!(self, Self::Open(opened) if Arc::ptr_eq(opened, subscription))
    }
}

/// What there is to say to a client.
pub(super) enum Said {
    /// An event of a subscription.
    Next(Arc<Subscription>, Response),
    /// A subscription is refused, or is so from now on.
    Refused(Arc<Subscription>, Vec<ServerError>),
}

/// What came of a round.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) said: Vec<Said>,
    /// Why the connection ends, if it does.
    pub(super) ending: Option<Ending>,
}

impl Outcome {
    pub(super) fn ends(ending: Ending) -> Self {
        Self {
            said: Vec::new(),
            ending: Some(ending),
        }
    }
}

/// Does a round. Nothing is shown unless the person was let in for this very round.
pub(super) async fn run(
    server: Arc<Server>,
    identity: Arc<Identity>,
    subscriptions: Vec<Arc<Subscription>>,
    tasks: Vec<Task>,
) -> Outcome {
    // It only fails when it is closed, which nobody does.
    let _turn = server.rounds.acquire().await.ok();
    let data = match admit(&server, &identity).await {
        Ok(data) => data,
        Err(ending) => return Outcome::ends(ending),
    };
    let round = Round {
        server: &server,
        identity: &identity,
        data: &data,
    };
    let mut said = Vec::new();
    for subscription in &subscriptions {
        round.visit(subscription, &tasks, &mut said).await;
    }
    Outcome { said, ending: None }
}

/// Asks whether the person may still listen, by the same statement as at every request.
async fn admit(server: &Server, identity: &Identity) -> Result<Arc<RequestData>, Ending> {
    let proven = identity
        .prove(server)
        .await
        .map_err(|fault| unavailable(&fault))?;
    if proven.caller.signed_in().is_none() {
        return Err(if server.app.clock.now() < identity.expires_at {
            Ending::SignedOut
        } else {
            Ending::TokenExpired
        });
    }
    let arrival = Arrival {
        caller: proven.caller,
        rows: proven.rows,
        delivery: Delivery::Body,
        cookie: CookieCredential::None,
    };
    Ok(RequestData::new(&server.app, arrival))
}

/// Who cannot be proven is not let in; the fault is logged.
pub(super) fn unavailable(fault: &Fault) -> Ending {
    let _ = Error::hiding(fault);
    Ending::Unavailable
}

struct Round<'a> {
    server: &'a Server,
    identity: &'a Identity,
    data: &'a Arc<RequestData>,
}

impl Round<'_> {
    async fn visit(&self, subscription: &Arc<Subscription>, tasks: &[Task], said: &mut Vec<Said>) {
        let mut tasks = tasks.iter();
        if !subscription.is_open.load(Ordering::Relaxed) {
            // What happened before somebody began to listen is not theirs to hear.
            if !tasks.any(|task| task.opens(subscription)) {
                return;
            }
            let mut opened = self.react(subscription, &[Occasion::Opening]).await;
            let errors = opened
                .iter_mut()
                .flat_map(|it| std::mem::take(&mut it.errors));
            let errors: Vec<ServerError> = errors.collect();
            if !errors.is_empty() {
                subscription.refused(&errors);
                said.push(Said::Refused(Arc::clone(subscription), errors));
                return;
            }
            subscription.is_open.store(true, Ordering::Relaxed);
        }
        let person = self.identity.person;
        let occasions: Vec<Occasion> = tasks
            .filter_map(|task| match task {
                Task::Occurred(it) if subscription.topic.concerns(person, it) => {
                    Some(Occasion::Occurred(*it))
                }
                _ => None,
            })
            .collect();
        for response in self.react(subscription, &occasions).await {
            if is_refusal(&response) {
                subscription.refused(&response.errors);
                said.push(Said::Refused(Arc::clone(subscription), response.errors));
                return;
            }
            subscription.told();
            said.push(Said::Next(Arc::clone(subscription), response));
        }
    }

    async fn react(&self, subscription: &Subscription, occasions: &[Occasion]) -> Vec<Response> {
        if occasions.is_empty() {
            return Vec::new();
        }
        let request_id = self.identity.request_id();
        let running = self.server.schema.react(
            &subscription.document,
            subscription.operation_name.as_deref(),
            &subscription.variables,
            self.data,
            occasions,
        );
        let patience = Duration::from_secs(self.server.app.config.graphql.timeout_seconds);
        let ran = timeout(patience, running).await;
        match ran.unwrap_or_else(|_| Err(timed_out())) {
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

/// Whether the person may not listen to this any more.
fn is_refusal(response: &Response) -> bool {
    let codes = [ErrorCode::Unauthenticated, ErrorCode::Forbidden].map(ErrorCode::as_str);
    response.data == async_graphql::Value::Null
        && response
            .errors
            .iter()
            .any(|error| error::code_of(error).is_some_and(|code| codes.contains(&code)))
}

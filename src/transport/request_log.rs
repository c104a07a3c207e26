//! What is logged and counted for a request: names from closed sets, nothing that a client wrote.

use std::borrow::Cow;

use async_graphql::parser::types::OperationType;
use async_graphql::{Response as GraphqlResponse, ServerError, Value};
use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

use super::server::{Audience, Server};
use crate::domain::caller::{AuthState, Caller};
use crate::domain::role::Role;
use crate::schema::document::{self, Document};
use crate::schema::error::{self, ErrorCode};
use crate::schema::problem;
use crate::telemetry::request::{self, Class, LogEntry, Operation, Outcome, RequestKind};
use crate::telemetry::subscription::SubscriptionLog;

/// Runs the handler of a request, and logs the request.
pub(super) async fn log(server: &Server, request: Request, next: Next) -> Response {
    let app = &server.app;
    let entry = LogEntry::begin(
        app.config.telemetry.request_policy(),
        &app.metrics,
        surface(server),
        kind(&request),
        || app.random.bytes(),
    );
    let response = entry.scope(next.run(request)).await;
    let bytes = response.body().size_hint().exact();
    entry.finish(response.status().as_u16(), bytes);
    response
}

/// The method, if it is a standard one; a client may send any token.
pub(super) fn method(request: &Request) -> &'static str {
    match *request.method() {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => request::OTHER,
    }
}

/// The matched pattern of the path.
pub(super) fn route(request: &Request) -> Option<&str> {
    request.extensions().get().map(MatchedPath::as_str)
}

fn kind(request: &Request) -> RequestKind {
    match route(request) {
        Some("/health/live" | "/health/ready" | "/metrics") => RequestKind::Probe,
        _ => RequestKind::Ordinary,
    }
}

fn surface(server: &Server) -> &'static str {
    match server.audience {
        Audience::Public => "public",
        Audience::Staff => "staff",
        Audience::Router => "router",
    }
}

/// Notes that this is a request for an operation.
pub(super) fn has_operation() {
    request::note(|fields| fields.has_operation = true);
}

/// Notes the operation of a REST request.
pub(super) fn rest_operation(name: &'static str) {
    let operation = Operation {
        name: Cow::Borrowed(name),
        document: None,
        kind: "rest",
    };
    request::note(|fields| fields.operation = Some(operation));
}

/// Notes the code of a refusal.
pub(super) fn refusal(code: &'static str) {
    request::note(|fields| fields.outcome = Some(of_code(code)));
}

/// Notes that another server serves the request: the router may share the public listener.
pub(super) fn served_by(server: &Server) {
    request::note(|fields| fields.surface = surface(server));
}

/// Notes the size of the body.
pub(super) fn body(bytes: usize) {
    request::note(|fields| fields.request_bytes = u64::try_from(bytes).ok());
}

/// Notes the kind of caller; who it is, the audit log records.
pub(super) fn caller(caller: &Caller) {
    let kind = match caller.auth_state() {
        AuthState::Anonymous => "anonymous",
        AuthState::Rejected => "rejected",
        AuthState::SignedIn(person) => match person.role() {
            Role::Client | Role::Vendor => "user",
            Role::Staff => "staff",
            Role::Admin => "admin",
        },
    };
    request::note(|fields| fields.caller = Some(kind));
}

/// Notes the operation, and returns it.
pub(super) fn operation(
    document_id: Option<&str>,
    document: &Document,
    found: &document::Operation,
) -> Operation {
    // The names in trusted documents are not from the client.
    let trusted = found.name.clone().filter(|_| document_id.is_some());
    let root_field = || {
        document
            .root_field(found.name.as_deref())
            .map(Cow::Borrowed)
    };
    let operation = Operation {
        name: trusted
            .map(Cow::Owned)
            .or_else(root_field)
            .unwrap_or(Cow::Borrowed(request::OTHER)),
        document: document_id.map(str::to_owned),
        kind: match found.kind {
            OperationType::Query => "query",
            OperationType::Mutation => "mutation",
            OperationType::Subscription => "subscription",
        },
    };
    request::note(|fields| fields.operation = Some(operation.clone()));
    operation
}

/// Starts the log entry of a subscription.
pub(super) fn subscription(server: &Server, operation: Operation) -> SubscriptionLog {
    let app = &server.app;
    let draw = || app.random.bytes();
    let policy = app.config.telemetry.request_policy();
    SubscriptionLog::begin(policy, &app.metrics, operation, draw)
}

/// Logs a subscription that was refused before it started.
pub(super) fn refused_subscription(server: &Server, code: ErrorCode) {
    let operation = Operation {
        name: Cow::Borrowed(request::OTHER),
        document: None,
        kind: "subscription",
    };
    subscription(server, operation).record_end(of_code(code.as_str()), "refused");
}

/// Notes the outcome of a response.
pub(super) fn response(response: &GraphqlResponse) {
    let outcome = outcome(response);
    request::note(|fields| fields.outcome = Some(outcome));
}

/// The outcome of a response: its first error, or else its first problem, if the client selected the
/// code.
pub(super) fn outcome(response: &GraphqlResponse) -> Outcome {
    if !response.errors.is_empty() {
        return of_errors(&response.errors);
    }
    let problem = match &response.data {
        Value::Object(fields) => fields.values().find_map(problem_in),
        _ => None,
    };
    problem.map_or(Outcome::OK, |code| Outcome {
        code,
        class: Class::Refused,
    })
}

/// The outcome of the first error.
pub(super) fn of_errors(errors: &[ServerError]) -> Outcome {
    let code = errors.first().and_then(error::known_code_of);
    of_code(code.unwrap_or("UNKNOWN"))
}

/// The outcome of an error code.
pub(super) fn of_code(code: &'static str) -> Outcome {
    const FAILURES: [ErrorCode; 3] = [
        ErrorCode::InternalServerError,
        ErrorCode::ServiceUnavailable,
        ErrorCode::RequestTimeout,
    ];
    let is_failure = FAILURES.iter().any(|failure| failure.as_str() == code);
    let class = if is_failure {
        Class::Failed
    } else {
        Class::Refused
    };
    Outcome { code, class }
}

fn problem_in(result: &Value) -> Option<&'static str> {
    let Value::Object(members) = result else {
        return None;
    };
    match members.get("code")? {
        Value::Enum(code) => problem::known_code(code),
        Value::String(code) => problem::known_code(code),
        _ => None,
    }
}

/// The span of a request, which adds its id to all its log lines.
pub(super) fn span(request: &Request, id: &str) -> tracing::Span {
    crate::telemetry::request_span(id, method(request), route(request))
}

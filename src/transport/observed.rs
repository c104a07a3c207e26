//! What is noted about requests for their log lines and metrics: names out of closed sets, and
//! nothing that a client wrote.

use std::borrow::Cow;

use async_graphql::parser::types::OperationType;
use async_graphql::{Response as Answer, ServerError, Value};
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
use crate::telemetry::request::{self, Class, Interest, Line, Operation, Outcome};
use crate::telemetry::subscription::Listening;

/// Runs what serves a request, and writes its line.
pub(super) async fn served(server: &Server, request: Request, next: Next) -> Response {
    let app = &server.app;
    let line = Line::begin(
        app.config.telemetry.request_policy(),
        &app.metrics,
        surface(server),
        interest(&request),
        || app.random.bytes(),
    );
    let response = line.scope(next.run(request)).await;
    let bytes = response.body().size_hint().exact();
    line.finish(response.status().as_u16(), bytes);
    response
}

/// The method, if it is one that HTTP knows: any token may stand there.
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

/// The pattern that the path matched.
pub(super) fn route(request: &Request) -> Option<&str> {
    request.extensions().get().map(MatchedPath::as_str)
}

fn interest(request: &Request) -> Interest {
    match route(request) {
        Some("/health/live" | "/health/ready" | "/metrics") => Interest::Probe,
        _ => Interest::Ordinary,
    }
}

fn surface(server: &Server) -> &'static str {
    match server.audience {
        Audience::Public => "public",
        Audience::Staff => "staff",
        Audience::Router => "router",
    }
}

/// Notes that an operation is asked for.
pub(super) fn graphql() {
    request::note(|facts| facts.is_graphql = true);
}

/// Notes that another server than the listener's answers: a router may come to the public listener.
pub(super) fn answered_by(server: &Server) {
    request::note(|facts| facts.surface = surface(server));
}

/// Notes how much of a body was read.
pub(super) fn body(bytes: usize) {
    request::note(|facts| facts.request_bytes = u64::try_from(bytes).ok());
}

/// Notes what kind of caller asks; whom, the audit log knows.
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
    request::note(|facts| facts.caller = Some(kind));
}

/// Notes what is run, and gives it back.
pub(super) fn operation(
    document_id: Option<&str>,
    document: &Document,
    found: &document::Operation,
) -> Operation {
    // What a trusted document names was not written by who asks.
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
    request::note(|facts| facts.operation = Some(operation.clone()));
    operation
}

/// Begins to count what is sent for a subscription.
pub(super) fn subscription(server: &Server, operation: Operation) -> Listening {
    let app = &server.app;
    let draw = || app.random.bytes();
    let policy = app.config.telemetry.request_policy();
    Listening::begin(policy, &app.metrics, operation, draw)
}

/// Writes the line of a subscription that was refused before it was one.
pub(super) fn refused_subscription(server: &Server, code: ErrorCode) {
    let operation = Operation {
        name: Cow::Borrowed(request::OTHER),
        document: None,
        kind: "subscription",
    };
    subscription(server, operation).ends(of_code(code.as_str()), "refused");
}

/// Notes what an answer says.
pub(super) fn answer(answer: &Answer) {
    let outcome = outcome(answer);
    request::note(|facts| facts.outcome = Some(outcome));
}

/// What an answer says: its first error, else the problem in it, as far as the client asked for its
/// code.
pub(super) fn outcome(answer: &Answer) -> Outcome {
    if !answer.errors.is_empty() {
        return of_errors(&answer.errors);
    }
    let problem = match &answer.data {
        Value::Object(fields) => fields.values().find_map(problem_in),
        _ => None,
    };
    problem.map_or(Outcome::OK, |code| Outcome {
        code,
        class: Class::Refused,
    })
}

/// What the first error says.
pub(super) fn of_errors(errors: &[ServerError]) -> Outcome {
    let code = errors.first().and_then(error::known_code_of);
    of_code(code.unwrap_or("UNKNOWN"))
}

/// The outcome of a code of an error.
pub(super) fn of_code(code: &'static str) -> Outcome {
    const OURS: [ErrorCode; 3] = [
        ErrorCode::InternalServerError,
        ErrorCode::ServiceUnavailable,
        ErrorCode::RequestTimeout,
    ];
    let is_ours = OURS.iter().any(|it| it.as_str() == code);
    let class = if is_ours {
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

/// Names a request, in the answer and in everything logged for it.
pub(super) fn span(request: &Request, id: &str) -> tracing::Span {
    crate::telemetry::request_span(id, method(request), route(request))
}

//! Top-level errors: requests rejected before a service runs, and unexpected failures.
//!
//! The only place that creates the engine's errors: its blanket conversion from any error would
//! send that error's text to the client.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_graphql::{Enum, ErrorExtensionValues, Response, ServerError, Value};

use crate::app;
use crate::fault::Fault;
use crate::selectors::ReadFailure;

/// The `extensions.code` of a top-level error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum ErrorCode {
    /// The document is not valid GraphQL syntax.
    #[graphql(name = "GRAPHQL_PARSE_FAILED")]
    ParseFailed,
    /// The document does not match the schema.
    #[graphql(name = "GRAPHQL_VALIDATION_FAILED")]
    ValidationFailed,
    /// A variable or argument has the wrong shape, or the request is malformed.
    BadUserInput,
    /// There is no trusted document with this id.
    PersistedDocumentNotFound,
    /// This server runs trusted documents only: send a document id.
    PersistedDocumentRequired,
    /// Same as `PERSISTED_DOCUMENT_NOT_FOUND`, for Apollo clients, which then send the text as
    /// well.
    PersistedQueryNotFound,
    /// Sign in, or refresh the access token.
    Unauthenticated,
    /// Signed in, but not allowed.
    Forbidden,
    /// A request authenticated by a cookie needs the header `Idgate-Csrf: 1`.
    CsrfPreventionFailed,
    /// The document exceeds a limit for a single request.
    QueryTooExpensive,
    /// Only one operation per request is supported.
    BatchingNotSupported,
    /// This operation cannot be sent with this HTTP method.
    MethodNotAllowed,
    /// None of the accepted media types can be produced.
    NotAcceptable,
    /// The body is too large.
    PayloadTooLarge,
    /// The body must be `application/json`.
    UnsupportedMediaType,
    /// Too many requests: retry after `extensions.retryAfter` seconds.
    TooManyRequests,
    /// The request took too long and was cancelled.
    RequestTimeout,
    /// A dependency is unavailable: retry after `extensions.retryAfter` seconds.
    ServiceUnavailable,
    /// An unexpected failure. The server's log has details under the request id.
    InternalServerError,
}

impl ErrorCode {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::PersistedDocumentNotFound => "PERSISTED_DOCUMENT_NOT_FOUND",
            Self::PersistedDocumentRequired => "PERSISTED_DOCUMENT_REQUIRED",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::CsrfPreventionFailed => "CSRF_PREVENTION_FAILED",
            Self::QueryTooExpensive => "QUERY_TOO_EXPENSIVE",
            Self::BatchingNotSupported => "BATCHING_NOT_SUPPORTED",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::NotAcceptable => "NOT_ACCEPTABLE",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::TooManyRequests => "TOO_MANY_REQUESTS",
            Self::RequestTimeout => "REQUEST_TIMEOUT",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
            Self::InternalServerError => "INTERNAL_SERVER_ERROR",
        }
    }
}

/// A top-level error: a code, a message that is safe to show, and when to retry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The code, for programs.
    pub code: ErrorCode,
    /// The message, for people.
    pub message: String,
    /// Seconds to wait before a retry.
    pub retry_after: Option<u64>,
}

/// The type of a nullable field that can fail: `null` with an error.
///
/// For a `Result<Option<_>, _>` the engine would propagate the error to the parent, and one
/// forbidden field would null everything around it.
pub type Nullable<T> = Option<Result<T, Error>>;

impl Error {
    /// An error that a retry does not solve.
    #[must_use]
    pub fn of(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    /// No caller is signed in, or the token is invalid or expired.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::of(
            ErrorCode::Unauthenticated,
            "Sign in, or refresh the access token.",
        )
    }

    /// The caller lacks a permission.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::of(ErrorCode::Forbidden, "You are not allowed to do this.")
    }

    /// New accounts are not accepted.
    #[must_use]
    pub fn registration_closed() -> Self {
        Self::of(ErrorCode::Forbidden, "Registration is closed.")
    }

    /// A dependency is unavailable or overloaded.
    #[must_use]
    pub fn unavailable() -> Self {
        let message = "The server cannot do this right now. Try again shortly.";
        Self {
            retry_after: Some(1),
            ..Self::of(ErrorCode::ServiceUnavailable, message)
        }
    }

    /// Logs an unexpected failure once, and hides its details from the client.
    #[must_use]
    pub fn hiding(fault: &Fault) -> Self {
        if app::is_unavailable(fault) {
            log_unavailable(fault);
            return Self::unavailable();
        }
        tracing::error!(?fault, "a request failed unexpectedly");
        let message = "Something went wrong. The request id leads to it in the log.";
        Self::of(ErrorCode::InternalServerError, message)
    }

    /// Converts to the engine's error type.
    #[must_use]
    pub fn into_server_error(self) -> ServerError {
        let error: async_graphql::Error = self.into();
        ServerError {
            message: error.message,
            source: None,
            locations: Vec::new(),
            path: Vec::new(),
            extensions: error.extensions,
        }
    }
}

/// How often an outage that fails every request is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// When an outage was last logged, and how many requests failed since.
static LAST_LOGGED: Mutex<(Option<Instant>, u64)> = Mutex::new((None, 0));

fn log_unavailable(fault: &Fault) {
    let due = {
        let mut last = LAST_LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
        is_due(&mut last, Instant::now())
    };
    if let Some(others) = due {
        tracing::warn!(?fault, others, "a dependency is unavailable");
    } else {
        tracing::debug!(?fault, "a dependency is unavailable");
    }
}

/// The number of failures since the last log line, if another one is due.
fn is_due(log: &mut (Option<Instant>, u64), now: Instant) -> Option<u64> {
    if log
        .0
        .is_some_and(|last| now.duration_since(last) < LOG_INTERVAL)
    {
        log.1 += 1;
        return None;
    }
    log.0 = Some(now);
    Some(std::mem::take(&mut log.1))
}

impl From<Fault> for Error {
    #[track_caller]
    fn from(fault: Fault) -> Self {
        Self::hiding(&fault.at_caller())
    }
}

impl From<ReadFailure> for Error {
    fn from(failure: ReadFailure) -> Self {
        Self::hiding(failure.fault())
    }
}

impl From<Error> for async_graphql::Error {
    fn from(error: Error) -> Self {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", error.code.as_str());
        if let Some(seconds) = error.retry_after {
            extensions.set("retryAfter", seconds);
        }
        Self {
            message: error.message,
            source: None,
            extensions: Some(extensions),
        }
    }
}

/// Adds a code and the request id to every error of a response.
pub fn complete(response: &mut Response, request_id: &str) {
    for error in &mut response.errors {
        set_code(error);
        let extensions = error
            .extensions
            .get_or_insert_with(ErrorExtensionValues::default);
        extensions.set("requestId", request_id);
    }
}

/// Our own errors have a code. Of the engine's, those without a path concern the document, the
/// others an argument.
fn set_code(error: &mut ServerError) {
    let code = if error.path.is_empty() && !concerns_input(&error.message) {
        ErrorCode::ValidationFailed
    } else {
        ErrorCode::BadUserInput
    };
    let extensions = error
        .extensions
        .get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_none() {
        extensions.set("code", code.as_str());
    }
}

/// Limits the errors of a response to `max`, but at least one, and notes the omitted number in the
/// last one. Returns whether any were omitted.
pub fn truncate_errors(response: &mut Response, max: usize) -> bool {
    let found = response.errors.len();
    let kept = max.max(1);
    if found <= kept {
        return false;
    }
    response.errors.truncate(kept);
    if let Some(last) = response.errors.last_mut() {
        set_code(last);
        let omitted = found - kept;
        last.message = format!(
            "{} And {omitted} more errors, which are not told.",
            last.message
        );
    }
    true
}

/// The engine reports invalid variables without a path.
fn concerns_input(message: &str) -> bool {
    message.starts_with("Variable ") || message.starts_with("Invalid value for argument")
}

/// The code of the first error of a completed response, for metrics.
#[must_use]
pub fn first_code(response: &Response) -> Option<&'static str> {
    known_code_of(response.errors.first()?)
}

/// The code of an error of a completed response, as a static string.
#[must_use]
pub fn known_code_of(error: &ServerError) -> Option<&'static str> {
    let code = code_of(error)?;
    let codes = <ErrorCode as async_graphql::resolver_utils::EnumType>::items();
    codes
        .iter()
        .map(|item| item.name)
        .find(|name| *name == code)
}

/// The code of an error of a completed response.
#[must_use]
pub fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_that_fails_every_request_is_logged_at_intervals() {
        let (start, mut last) = (Instant::now(), (None, 0));
        let due: Vec<u64> = (0..25_000)
            .filter_map(|moment| is_due(&mut last, start + Duration::from_millis(moment)))
            .collect();
        assert_eq!(due, [0, 9_999, 9_999]);
    }
}

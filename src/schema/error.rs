//! What the edge tells a client when it decides before a service runs, or when something broke.
//!
//! The only place that makes the library's errors: its own conversion from any error would send
//! that error's text to the client.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_graphql::{Enum, ErrorExtensionValues, Response, ServerError, Value};

use crate::app;
use crate::fault::Fault;
use crate::selectors::ReadFailure;

/// The `extensions.code` of a top-level error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum ErrorCode {
    /// The document is not GraphQL.
    #[graphql(name = "GRAPHQL_PARSE_FAILED")]
    ParseFailed,
    /// The document does not fit the schema.
    #[graphql(name = "GRAPHQL_VALIDATION_FAILED")]
    ValidationFailed,
    /// A variable or argument has the wrong shape, or the request is malformed.
    BadUserInput,
    /// No trusted document has this id.
    PersistedDocumentNotFound,
    /// This server runs trusted documents only; send a document id.
    PersistedDocumentRequired,
    /// The same as `PERSISTED_DOCUMENT_NOT_FOUND`, in the word that Apollo's clients know: they send
    /// the text as well.
    PersistedQueryNotFound,
    /// Sign in, or refresh the access token.
    Unauthenticated,
    /// Signed in, but not allowed to see or do this.
    Forbidden,
    /// A request that is authenticated by a cookie needs the header `Idgate-Csrf: 1`.
    CsrfPreventionFailed,
    /// The document asks for more than one request may cost.
    QueryTooExpensive,
    /// One request is one operation.
    BatchingNotSupported,
    /// This operation cannot be run with this HTTP method.
    MethodNotAllowed,
    /// None of the media types that the client accepts can be produced.
    NotAcceptable,
    /// The body is too large.
    PayloadTooLarge,
    /// The body must be `application/json`.
    UnsupportedMediaType,
    /// Too many requests; `extensions.retryAfter` says when to come back.
    TooManyRequests,
    /// The request took too long and was given up.
    RequestTimeout,
    /// Something this server depends on is away; `extensions.retryAfter` says when to come back.
    ServiceUnavailable,
    /// Something broke. The request id leads to it in the server's log.
    InternalServerError,
}

impl ErrorCode {
    /// Its spelling on the wire.
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

/// A top-level error: a code, a message that is safe by construction, and when to come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What clients match.
    pub code: ErrorCode,
    /// What people read.
    pub message: String,
    /// Seconds until trying again makes sense.
    pub retry_after: Option<u64>,
}

/// What a nullable field that can fail returns: a failure is `null` there and an error beside it.
///
/// The engine would hand the failure of a `Result<Option<_>, _>` to the parent, and one forbidden
/// field would take everything around it away.
pub type Nullable<T> = Option<Result<T, Error>>;

impl Error {
    /// An error that trying again does not mend.
    #[must_use]
    pub fn of(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    /// Nobody is signed in, or their token no longer holds.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::of(
            ErrorCode::Unauthenticated,
            "Sign in, or refresh the access token.",
        )
    }

    /// The caller may not see or do this.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::of(ErrorCode::Forbidden, "You are not allowed to do this.")
    }

    /// Something this server needs is away or has no room.
    #[must_use]
    pub fn unavailable() -> Self {
        let message = "The server cannot do this right now. Try again shortly.";
        Self {
            retry_after: Some(1),
            ..Self::of(ErrorCode::ServiceUnavailable, message)
        }
    }

    /// Logs an unexpected failure, once, and hides it.
    #[must_use]
    pub fn hiding(fault: &Fault) -> Self {
        if app::is_unavailable(fault) {
            tell_unavailable(fault);
            return Self::unavailable();
        }
        tracing::error!(?fault, "a request failed unexpectedly");
        let message = "Something went wrong. The request id leads to it in the log.";
        Self::of(ErrorCode::InternalServerError, message)
    }

    /// The error as the library sends it.
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

/// An outage that fails every request is told this often.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// When an unavailable dependency was last told, and how many requests met it since.
static TOLD: Mutex<(Option<Instant>, u64)> = Mutex::new((None, 0));

fn tell_unavailable(fault: &Fault) {
    let untold = {
        let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        is_due(&mut told, Instant::now())
    };
    if let Some(others) = untold {
        tracing::warn!(?fault, others, "a dependency is unavailable");
    } else {
        tracing::debug!(?fault, "a dependency is unavailable");
    }
}

/// How many were left out since the last line, if it is time for another one.
fn is_due(told: &mut (Option<Instant>, u64), now: Instant) -> Option<u64> {
    if told
        .0
        .is_some_and(|last| now.duration_since(last) < BETWEEN_LINES)
    {
        told.1 += 1;
        return None;
    }
    told.0 = Some(now);
    Some(std::mem::take(&mut told.1))
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

/// Gives every error of a response its code and the request id.
pub fn complete(response: &mut Response, request_id: &str) {
    for error in &mut response.errors {
        set_code(error);
        let extensions = error
            .extensions
            .get_or_insert_with(ErrorExtensionValues::default);
        extensions.set("requestId", request_id);
    }
}

/// Errors of our own have a code already. What the library found by itself concerns the document
/// when it has no path, and an argument when it has one.
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

/// Leaves at most so many errors in a response, at least one, and says in the last of them how
/// many are not told. Whether there were more.
pub fn cut(response: &mut Response, most: usize) -> bool {
    let found = response.errors.len();
    let told = most.max(1);
    if found <= told {
        return false;
    }
    response.errors.truncate(told);
    if let Some(last) = response.errors.last_mut() {
        set_code(last);
        let untold = found - told;
        last.message = format!(
            "{} And {untold} more errors, which are not told.",
            last.message
        );
    }
    true
}

/// The library reports variables of the wrong shape without a path.
fn concerns_input(message: &str) -> bool {
    message.starts_with("Variable ") || message.starts_with("Invalid value for argument")
}

/// The first error's code of a response that has been completed, as metrics name it.
#[must_use]
pub fn first_code(response: &Response) -> Option<&'static str> {
    known_code_of(response.errors.first()?)
}

/// The code of an error that has been completed, out of the closed set.
#[must_use]
pub fn known_code_of(error: &ServerError) -> Option<&'static str> {
    let told = code_of(error)?;
    let codes = <ErrorCode as async_graphql::resolver_utils::EnumType>::items();
    codes.iter().map(|it| it.name).find(|name| *name == told)
}

/// The code of an error that has been completed.
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
    fn an_outage_that_fails_every_request_is_a_line_now_and_then() {
        let (start, mut told) = (Instant::now(), (None, 0));
        let due: Vec<u64> = (0..25_000)
            .filter_map(|moment| is_due(&mut told, start + Duration::from_millis(moment)))
            .collect();
        assert_eq!(due, [0, 9_999, 9_999]);
    }
}

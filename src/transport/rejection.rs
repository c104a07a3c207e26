//! Responses to requests that are rejected before an operation runs.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::negotiation::MediaType;
use super::response::into_response;
use super::server::Server;
use crate::fault::Fault;
use crate::schema::error::{Error, ErrorCode};
use crate::schema::refusal;

/// Why a request is rejected, with its HTTP status.
#[derive(Debug)]
pub(super) struct Rejection {
    pub(super) status: StatusCode,
    pub(super) error: Error,
    /// A header with what would be accepted (RFC 9110 §15.5.6, §12.5.3).
    pub(super) header: Option<(&'static str, Cow<'static, str>)>,
}

impl Rejection {
    pub(super) fn new(status: StatusCode, error: Error) -> Self {
        Self {
            status,
            error,
            header: None,
        }
    }

    pub(super) fn of(status: StatusCode, code: ErrorCode, message: &str) -> Self {
        Self::new(status, Error::of(code, message))
    }

    /// Logs an unexpected failure, and hides its details from the client.
    #[track_caller]
    pub(super) fn hiding(fault: Fault) -> Self {
        let error = Error::from(fault);
        let status = match error.retry_after {
            Some(_) => StatusCode::SERVICE_UNAVAILABLE,
            None => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error)
    }

    pub(super) fn bad_request(message: &str) -> Self {
        Self::of(StatusCode::BAD_REQUEST, ErrorCode::BadUserInput, message)
    }

    pub(super) fn method_not_allowed(allow: &'static str, message: &str) -> Self {
        let (status, code) = (StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed);
        Self {
            header: Some(("allow", Cow::Borrowed(allow))),
            ..Self::of(status, code, message)
        }
    }

    /// The response, in the media type that the client accepts.
    fn into_response(self, media: MediaType, request_id: &str) -> Response {
        let mut response = into_response(refusal(self.error, request_id), media);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §15.5.2: a 401 names an authentication scheme.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some((name, value)) = self.header
            && let Ok(value) = HeaderValue::from_str(&value)
        {
            headers.insert(name, value);
        }
        response
    }
}

/// Rejects a request, with a GraphQL error as `application/json`.
pub(super) fn reject(status: StatusCode, error: Error, request_id: &str) -> Response {
    Rejection::new(status, error).into_response(MediaType::Json, request_id)
}

/// Rejects a GraphQL request, and counts that in the metrics.
pub(super) fn reject_graphql(
    server: &Server,
    media: MediaType,
    rejection: Rejection,
    request_id: &str,
) -> Response {
    let metrics = &server.app.metrics;
    metrics.edge_refusal(rejection.error.code.as_str());
    rejection.into_response(media, request_id)
}

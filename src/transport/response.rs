//! HTTP responses of GraphQL operations (GraphQL over HTTP §6).

use async_graphql::Response as GraphqlResponse;
use async_graphql_axum::GraphQLResponse;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::negotiation::MediaType;
use super::request_log;
use crate::schema::error::{self, ErrorCode};

/// Whether the request was rejected before execution: no data, and only errors without a path.
pub(super) fn is_request_error(response: &GraphqlResponse) -> bool {
    !response.errors.is_empty()
        && response.data == async_graphql::Value::Null
        && response.errors.iter().all(|error| error.path.is_empty())
}

/// The HTTP response of an operation: status, headers and body.
pub(super) fn into_response(result: GraphqlResponse, media: MediaType) -> Response {
    request_log::response(&result);
    let is_request_error = is_request_error(&result);
    let is_unavailable = is_unavailable(&result);
    let retry_after = retry_after(&result);
    let mut response = if is_request_error {
        without_data(&result)
    } else {
        GraphQLResponse::from(result).into_response()
    };
    if is_unavailable {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    } else if is_request_error && media == MediaType::GraphqlResponse {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media.content_type()),
    );
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Whether there is no data because a dependency is down.
fn is_unavailable(response: &GraphqlResponse) -> bool {
    let unavailable = Some(ErrorCode::ServiceUnavailable.as_str());
    let mut errors = response.errors.iter();
    response.data == async_graphql::Value::Null
        && errors.any(|error| error::code_of(error) == unavailable)
}

/// The longest `retryAfter` of the errors, in seconds.
fn retry_after(response: &GraphqlResponse) -> Option<u64> {
    let mut seconds = None;
    for error in &response.errors {
        let extensions = error.extensions.as_ref();
        let value = extensions.and_then(|values| values.get("retryAfter"));
        if let Some(async_graphql::Value::Number(number)) = value {
            seconds = seconds.max(number.as_u64());
        }
    }
    seconds
}

/// The response to a request error has no `data` entry (GraphQL specification §7.1.2).
fn without_data(response: &GraphqlResponse) -> Response {
    let body = serde_json::json!({ "errors": response.errors });
    Response::new(Body::from(body.to_string()))
}

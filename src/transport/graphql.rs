//! `/graphql`: GraphQL over HTTP.
//!
//! async-graphql's own extractor would accept mutations by GET, bodies of any content type, arrays
//! and multipart forms; each of these allows cross-site request forgery.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Variables;
use async_graphql::parser::types::OperationType;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::Value;
use tokio::time::timeout;

use super::negotiation::MediaType;
use super::rejection::{Rejection, reject_graphql};
use super::request_head::{Head, RequestHead};
use super::response::{into_response, is_request_error};
use super::server::Server;
use super::trusted_documents::Prepared;
use super::{authentication, cookies, graphql_request, request_log, trusted_documents};
use crate::schema::error::{self, Error, ErrorCode};
use crate::schema::request::RequestData;
use crate::schema::timed_out;

/// Serves `/graphql`.
pub(super) async fn serve(
    State(server): State<Arc<Server>>,
    Extension(head): Head,
    request: Request,
) -> Response {
    request_log::has_operation();
    let reject = |media, rejection| reject_graphql(&server, media, rejection, head.request_id());
    let Some(media) = head.accept.single else {
        let message = "Accept application/graphql-response+json or application/json.";
        let code = ErrorCode::NotAcceptable;
        let rejection = Rejection::of(StatusCode::NOT_ACCEPTABLE, code, message);
        return reject(MediaType::Json, rejection);
    };
    let limit = Duration::from_secs(server.app.config.server.request_timeout_seconds);
    let executed = timeout(limit, execute(&server, &head, request, media));
    let mut response = match executed.await {
        Ok(Ok(response)) => response,
        Ok(Err(rejection)) => reject(media, rejection),
        Err(_) => reject(
            media,
            Rejection::new(StatusCode::SERVICE_UNAVAILABLE, timed_out()),
        ),
    };
    response
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("Accept, Origin"));
    response
}

async fn execute(
    server: &Arc<Server>,
    head: &RequestHead,
    request: Request,
    media: MediaType,
) -> Result<Response, Rejection> {
    let (parts, body) = request.into_parts();
    let mut graphql_request = match parts.method {
        Method::GET if server.allows_get() => {
            let query = parts.uri.query().unwrap_or_default();
            graphql_request::read_query(query, |json| server.schema.check_json(json))?
        }
        Method::POST => graphql_request::read_body(server, head, body).await?,
        _ if server.allows_get() => {
            let message = "Use POST, or GET for queries.";
            return Err(Rejection::method_not_allowed("GET, POST", message));
        }
        _ => return Err(Rejection::method_not_allowed("POST", "Use POST.")),
    };
    let client = head.client(server);
    let has_text = graphql_request.has_text();
    let staff = authentication::require_staff_for_text(server, head, &client, has_text).await?;
    let required = server.requires_trusted_documents() && staff.is_none();
    let prepared = trusted_documents::prepare(server, &mut graphql_request, required, |_| Ok(()));
    let Prepared {
        document,
        operation,
        id,
        ..
    } = prepared.map_err(|error| document_rejection(media, error))?;
    match (&parts.method, operation.kind) {
        (_, OperationType::Query) | (&Method::POST, OperationType::Mutation) => {}
        (_, OperationType::Subscription) => {
            return Err(Rejection::bad_request(
                "Subscriptions run at /graphql/ws and /graphql/stream.",
            ));
        }
        // CSRF: a link or an image of another site must not run a mutation.
        (_, OperationType::Mutation) => {
            return Err(Rejection::method_not_allowed(
                "POST",
                "Mutations need POST.",
            ));
        }
    }
    let variables = Variables::from_json(Value::Object(graphql_request.variables));
    let bound = server
        .schema
        .bind_variables(document, graphql_request.operation_name, variables)
        .map_err(|error| variables_rejection(media, error))?;
    let mut identity = match staff {
        Some(identity) => identity,
        None => authentication::authenticate_request(server, head, client).await?,
    };
    identity.caller.client.operation_name = operation.name;
    identity.caller.client.document_id = id;
    let data = RequestData::new(&server.app, identity);
    let execution = server.schema.execute(bound, data.clone());
    let limit = Duration::from_secs(server.app.config.graphql.timeout_seconds);
    let Ok(mut result) = timeout(limit, execution).await else {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return Err(Rejection::new(status, timed_out()));
    };
    error::complete(&mut result, head.request_id());
    if let Some(code) = is_request_error(&result).then(|| error::first_code(&result)) {
        server.app.metrics.edge_refusal(code.unwrap_or("unknown"));
    }
    let mut response = into_response(result, media);
    set_cookie(server, &data, &mut response);
    Ok(response)
}

/// Under `application/json` a well-formed request gets status 200 even if its document is invalid
/// (GraphQL over HTTP §6.4.1); a document that is too expensive gets 400. Apollo's clients send the
/// text after `PersistedQueryNotFound` only if they recognize the response as GraphQL.
fn document_rejection(media: MediaType, error: Error) -> Rejection {
    use ErrorCode::{ParseFailed, PersistedQueryNotFound, ValidationFailed};
    let status = match (media, error.code) {
        (MediaType::Json, ParseFailed | ValidationFailed | PersistedQueryNotFound) => {
            StatusCode::OK
        }
        _ => StatusCode::BAD_REQUEST,
    };
    Rejection::new(status, error)
}

/// Invalid variables have the status of an invalid document.
fn variables_rejection(media: MediaType, error: Error) -> Rejection {
    match (media, error.code) {
        (MediaType::Json, ErrorCode::BadUserInput) => Rejection::new(StatusCode::OK, error),
        _ => document_rejection(media, error),
    }
}

fn set_cookie(server: &Server, data: &RequestData, response: &mut Response) {
    let Some(change) = data.take_cookie_change() else {
        return;
    };
    let secure = server.has_secure_cookies();
    let same_site = server.app.config.cookies.same_site.as_str();
    let now = server.app.clock.now();
    if let Some(value) = cookies::set_cookie(&change, secure, same_site, now) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::session::authenticate;

    /// The bytes of the future that a function returns.
    fn three<A, B, C, F: Future>(_: impl FnOnce(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    fn four<A, B, C, D, F: Future>(_: impl FnOnce(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    /// Futures are moved when they are made, and a request makes each of these once. About a tenth more
    /// than they have; a large future inside is boxed.
    #[test]
    fn the_futures_of_a_request_are_no_larger_than_stated() {
        let sizes = [
            ("serve", three(serve), 3_600),
            ("execute", four(execute), 3_200),
            ("read_body", three(graphql_request::read_body), 168),
            (
                "authenticate_request",
                three(authentication::authenticate_request),
                1_320,
            ),
            ("authenticate", three(authenticate), 1_040),
            (
                "Schema::execute",
                three(crate::schema::Schema::execute),
                300,
            ),
        ];
        let report: Vec<String> = sizes
            .iter()
            .map(|(name, size, most)| format!("{name}: {size} bytes, at most {most}"))
            .collect();
        let is_small = sizes.iter().all(|(_, size, most)| size <= most);
        assert!(is_small, "\n{}", report.join("\n"));
    }
}

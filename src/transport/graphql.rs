//! GraphQL over HTTP: from a request to an operation, and from its outcome to an answer.
//!
//! The engine's own extractor would run mutations over GET, bodies of any type, arrays and
//! multipart forms; each of these lets another site act in a visitor's name.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Response as Outcome, Variables};
use async_graphql_axum::GraphQLResponse;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::negotiation::{self, MediaType};
use super::{Server, arrival, caller, cookies, incoming, observed, trusted_documents};
use crate::schema::error::{self, Error, ErrorCode};
use crate::schema::request::RequestData;
use crate::schema::{refusal, timed_out};

/// A refusal with the status that says it in HTTP.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) error: Error,
    /// What the client could have sent instead (RFC 9110 §15.5.6, §12.5.3).
    pub(super) hint: Option<(&'static str, &'static str)>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, error: Error) -> Self {
        Self {
            status,
            error,
            hint: None,
        }
    }

    pub(super) fn not_allowed(allow: &'static str, message: &str) -> Self {
        let error = Error::of(ErrorCode::MethodNotAllowed, message);
        Self {
            hint: Some(("allow", allow)),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, error)
        }
    }
}

pub(super) fn refused(status: StatusCode, code: ErrorCode, message: &str) -> Refused {
    Refused::new(status, Error::of(code, message))
}

pub(super) fn malformed(message: &str) -> Refused {
    refused(StatusCode::BAD_REQUEST, ErrorCode::BadUserInput, message)
}

/// Serves `/graphql`.
pub(super) async fn serve(
    State(server): State<Arc<Server>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    observed::graphql();
    let request_id = super::request_id(&request);
    let refuse = |media, refusal| refuse_counted(&server, media, refusal, &request_id);
    let Some(media) = negotiation::accepted(request.headers()) else {
        let message = "Accept application/graphql-response+json or application/json.";
        let code = ErrorCode::NotAcceptable;
        let refusal = refused(StatusCode::NOT_ACCEPTABLE, code, message);
        return refuse(MediaType::Json, refusal);
    };
    let patience = Duration::from_secs(server.app.config.server.request_timeout_seconds);
    let answered =
        tokio::time::timeout(patience, answer(&server, peer, request, media, &request_id));
    let mut response = match answered.await {
        Ok(Ok(response)) => response,
        Ok(Err(refusal)) => refuse(media, refusal),
        Err(_) => refuse(
            media,
            Refused::new(StatusCode::SERVICE_UNAVAILABLE, timed_out()),
        ),
    };
    response
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("Accept, Origin"));
    response
}

async fn answer(
    server: &Arc<Server>,
    peer: SocketAddr,
    request: Request,
    media: MediaType,
    request_id: &str,
) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let mut call = match parts.method {
        Method::GET if server.takes_get() => {
            let query = parts.uri.query().unwrap_or_default();
            incoming::read_query(query, |json| server.schema.check_json(json))?
        }
        Method::POST => incoming::read_body(server, &parts, body).await?,
        _ if server.takes_get() => {
            let message = "Use POST, or GET for queries.";
            return Err(Refused::not_allowed("GET, POST", message));
        }
        _ => return Err(Refused::not_allowed("POST", "Use POST.")),
    };
    let client = caller::client(server, &parts.headers, peer, request_id);
    let admitted = arrival::admit(server, &parts.headers, &client, call.is_text()).await?;
    let required = server.requires_trusted_documents() && admitted.is_none();
    if let Some(text) = &call.query {
        let fits = server.schema.check_length(text);
        fits.map_err(|error| about_document(media, error))?;
    }
    let resolved = trusted_documents::named(&server.app.documents(), &mut call, required)
        .map_err(|error| about_document(media, error))?;
    let document = match server.schema.prepare(resolved.text) {
        Ok(document) => document,
        Err(error) => return Err(about_document(media, error)),
    };
    let operation = document
        .operation(call.operation_name.as_deref())
        .map_err(|error| about_document(media, error))?;
    observed::operation(resolved.id.as_deref(), &document, &operation);
    match (&parts.method, operation.kind) {
        (_, OperationType::Query) | (&Method::POST, OperationType::Mutation) => {}
        (_, OperationType::Subscription) => {
            return Err(malformed(
                "Subscriptions run at /graphql/ws and /graphql/stream.",
            ));
        }
        // A link or an image of another site must not change anything.
        (_, OperationType::Mutation) => {
            return Err(Refused::not_allowed("POST", "Mutations need POST."));
        }
    }
    let variables = Variables::from_json(Value::Object(call.variables));
    let fitting = server
        .schema
        .fit(document, call.operation_name, variables)
        .map_err(|error| about_variables(media, error))?;
    let mut arrival = match admitted {
        Some(arrival) => arrival,
        None => arrival::arrive(server, &parts.headers, client).await?,
    };
    arrival.caller.client.operation_name = operation.name;
    arrival.caller.client.document_id = resolved.id;
    let data = RequestData::new(&server.app, arrival);
    let running = server.schema.execute(fitting, data.clone());
    let patience = Duration::from_secs(server.app.config.graphql.timeout_seconds);
    let Ok(mut outcome) = tokio::time::timeout(patience, running).await else {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return Err(Refused::new(status, timed_out()));
    };
    error::complete(&mut outcome, request_id);
    if let Some(code) = rejected(&outcome).then(|| error::first_code(&outcome)) {
        server.app.metrics.edge_refusal(code.unwrap_or("unknown"));
    }
    let mut response = shape(outcome, media);
    set_cookie(server, &data, &mut response);
    Ok(response)
}

/// Under `application/json` a well-formed request is answered with 200 even when its document
/// does not fit (GraphQL over HTTP §6.4.1); what costs too much is refused by status as well.
/// Apollo's clients go on with the text only after an answer that they take for GraphQL.
fn about_document(media: MediaType, error: Error) -> Refused {
    use ErrorCode::{ParseFailed, PersistedQueryNotFound, ValidationFailed};
    let status = match (media, error.code) {
        (MediaType::Json, ParseFailed | ValidationFailed | PersistedQueryNotFound) => {
            StatusCode::OK
        }
        _ => StatusCode::BAD_REQUEST,
    };
    Refused::new(status, error)
}

/// Variables that do not fit are judged like a document that does not fit.
fn about_variables(media: MediaType, error: Error) -> Refused {
    match (media, error.code) {
        (MediaType::Json, ErrorCode::BadUserInput) => Refused::new(StatusCode::OK, error),
        _ => about_document(media, error),
    }
}

/// Whether nothing ran: errors that concern no field, and no data.
fn rejected(outcome: &Outcome) -> bool {
    !outcome.errors.is_empty()
        && outcome.data == async_graphql::Value::Null
        && outcome.errors.iter().all(|error| error.path.is_empty())
}

/// The answer to an operation that was looked at: data, errors, status.
fn shape(outcome: Outcome, media: MediaType) -> Response {
    observed::answer(&outcome);
    let rejected = rejected(&outcome);
    let retry_after = retry_after(&outcome);
    let unavailable = outcome.data == async_graphql::Value::Null
        && outcome
            .errors
            .iter()
            .any(|error| error::code_of(error) == Some(ErrorCode::ServiceUnavailable.as_str()));
    let mut response = if rejected {
        without_data(&outcome)
    } else {
        GraphQLResponse::from(outcome).into_response()
    };
    if unavailable {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    } else if rejected && media == MediaType::GraphqlResponse {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media.content_type()),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn retry_after(outcome: &Outcome) -> Option<u64> {
    let mut seconds = None;
    for error in &outcome.errors {
        let value = error
            .extensions
            .as_ref()
            .and_then(|values| values.get("retryAfter"));
        if let Some(async_graphql::Value::Number(number)) = value {
            seconds = seconds.max(number.as_u64());
        }
    }
    seconds
}

/// A request that did not run has no `data` at all (GraphQL specification §7.1.2).
fn without_data(outcome: &Outcome) -> Response {
    let body = serde_json::json!({ "errors": outcome.errors });
    Response::new(Body::from(body.to_string()))
}

/// A GraphQL-shaped refusal, as `application/json`.
pub(super) fn refuse(status: StatusCode, error: Error, request_id: &str) -> Response {
    refuse_as(MediaType::Json, Refused::new(status, error), request_id)
}

/// A refusal of a request that was looked at, counted.
pub(super) fn refuse_counted(
    server: &Server,
    media: MediaType,
    refused: Refused,
    request_id: &str,
) -> Response {
    let metrics = &server.app.metrics;
    metrics.edge_refusal(refused.error.code.as_str());
    refuse_as(media, refused, request_id)
}

fn refuse_as(media: MediaType, refused: Refused, request_id: &str) -> Response {
    let mut response = shape(refusal(refused.error, request_id), media);
    *response.status_mut() = refused.status;
    if refused.status == StatusCode::UNAUTHORIZED {
        // RFC 9110 §15.5.2: what would do.
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some((name, value)) = refused.hint {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
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

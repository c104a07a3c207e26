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
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::negotiation::{self, MediaType};
use super::{Server, caller, cookies, trusted_documents};
use crate::schema::error::{self, Error, ErrorCode};
use crate::schema::request::{Arrival, RequestData};
use crate::schema::{refusal, timed_out};
use crate::services::session::authenticate;

/// How much of a body that is too large is read to be able to answer.
const LARGEST_DISCARDED: usize = 32 * 1024 * 1024;

/// What a request asks to run.
#[derive(Debug, Default)]
struct Call {
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Map<String, Value>,
}

/// A refusal with the status that says it in HTTP.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    error: Error,
}

fn refused(status: StatusCode, code: ErrorCode, message: &str) -> Refused {
    Refused {
        status,
        error: Error::of(code, message),
    }
}

fn malformed(message: &str) -> Refused {
    refused(StatusCode::BAD_REQUEST, ErrorCode::BadUserInput, message)
}

/// Serves `/graphql`.
pub(super) async fn serve(
    State(server): State<Arc<Server>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let request_id = super::request_id(&request);
    let Some(media) = negotiation::accepted(request.headers()) else {
        let message = "Accept application/graphql-response+json or application/json.";
        let error = Error::of(ErrorCode::NotAcceptable, message);
        return refuse(StatusCode::NOT_ACCEPTABLE, error, &request_id);
    };
    let patience = Duration::from_secs(server.app.config.server.request_timeout_seconds);
    let answered =
        tokio::time::timeout(patience, answer(&server, peer, request, media, &request_id));
    let mut response = match answered.await {
        Ok(Ok(response)) => response,
        Ok(Err(Refused { status, error })) => refuse_as(media, status, error, &request_id),
        Err(_) => refuse_as(
            media,
            StatusCode::SERVICE_UNAVAILABLE,
            timed_out(),
            &request_id,
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
    let call = match parts.method {
        Method::GET if server.takes_get() => read_query(parts.uri.query().unwrap_or_default())?,
        Method::POST => read_body(server, &parts, body).await?,
        _ => {
            let message = if server.takes_get() {
                "Use POST, or GET for queries."
            } else {
                "Use POST."
            };
            let code = ErrorCode::MethodNotAllowed;
            return Err(refused(StatusCode::METHOD_NOT_ALLOWED, code, message));
        }
    };
    let required = server.requires_trusted_documents();
    let resolved = trusted_documents::resolve(call.query, call.document_id.as_deref(), required)
        .map_err(|error| Refused {
            status: StatusCode::BAD_REQUEST,
            error,
        })?;
    let document = match server.schema.prepare(resolved.text) {
        Ok(document) => document,
        Err(error) => return Err(about_document(media, error)),
    };
    let operation = document
        .operation(call.operation_name.as_deref())
        .map_err(|error| about_document(media, error))?;
    match (&parts.method, operation.kind) {
        (_, OperationType::Query) | (&Method::POST, OperationType::Mutation) => {}
        (_, OperationType::Subscription) => {
            return Err(malformed("Subscriptions cannot be run over this endpoint."));
        }
        // A link or an image of another site must not change anything.
        (_, OperationType::Mutation) => {
            let code = ErrorCode::MethodNotAllowed;
            let message = "Mutations need POST.";
            return Err(refused(StatusCode::METHOD_NOT_ALLOWED, code, message));
        }
    }
    let mut client = caller::client(server, &parts.headers, peer, request_id);
    client.operation_name = operation.name;
    client.document_id = resolved.id;
    let data = arrive(server, &parts, client).await?;
    let variables = Variables::from_json(Value::Object(call.variables));
    let running = server
        .schema
        .execute(&document, call.operation_name, variables, data.clone());
    let patience = Duration::from_secs(server.app.config.graphql.timeout_seconds);
    let Ok(ran) = tokio::time::timeout(patience, running).await else {
        return Err(Refused {
            status: StatusCode::SERVICE_UNAVAILABLE,
            error: timed_out(),
        });
    };
    let mut outcome = ran.map_err(|error| about_variables(media, error))?;
    error::complete(&mut outcome, request_id);
    let mut response = shape(outcome, media);
    set_cookie(server, &data, &mut response);
    Ok(response)
}

async fn arrive(
    server: &Server,
    parts: &Parts,
    client: crate::domain::caller::Client,
) -> Result<Arc<RequestData>, Refused> {
    let headers = &parts.headers;
    let delivery = caller::delivery(server, headers).map_err(|error| Refused {
        status: StatusCode::BAD_REQUEST,
        error,
    })?;
    let authenticated = authenticate(&server.app, client, caller::bearer(headers)).await;
    let authenticated = authenticated.map_err(|fault| {
        let error = Error::from(fault);
        let status = if error.retry_after.is_some() {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        Refused { status, error }
    })?;
    let arrival = Arrival {
        caller: authenticated.caller,
        rows: authenticated.rows,
        delivery,
        cookie: caller::cookie(server, headers),
    };
    Ok(RequestData::new(&server.app, arrival))
}

/// Under `application/json` a well-formed request is answered with 200 even when its document
/// does not fit (GraphQL over HTTP §6.4.1); what costs too much is refused by status as well.
fn about_document(media: MediaType, error: Error) -> Refused {
    let status = match (media, error.code) {
        (MediaType::Json, ErrorCode::ParseFailed | ErrorCode::ValidationFailed) => StatusCode::OK,
        _ => StatusCode::BAD_REQUEST,
    };
    Refused { status, error }
}

/// Variables that do not fit are judged like a document that does not fit.
fn about_variables(media: MediaType, error: Error) -> Refused {
    match (media, error.code) {
        (MediaType::Json, ErrorCode::BadUserInput) => Refused {
            status: StatusCode::OK,
            error,
        },
        _ => about_document(media, error),
    }
}

async fn read_body(server: &Server, parts: &Parts, body: Body) -> Result<Call, Refused> {
    if !negotiation::is_json(&parts.headers) {
        let message = "Send the request as application/json in UTF-8.";
        let code = ErrorCode::UnsupportedMediaType;
        return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, message));
    }
    let limit = server.app.config.server.body_limit;
    let bytes = read_limited(body, limit).await?;
    let value: Value =
        serde_json::from_slice(&bytes).map_err(|_| malformed("The body is not valid JSON."))?;
    match value {
        Value::Object(fields) => read_fields(fields),
        Value::Array(_) => {
            let message = "One request is one operation; send them one by one.";
            let code = ErrorCode::BatchingNotSupported;
            Err(refused(StatusCode::BAD_REQUEST, code, message))
        }
        _ => Err(malformed("The body has to be a JSON object.")),
    }
}

/// Never keeps more than the limit, whatever the client says the length is.
///
/// What is too large is read on and thrown away for a while: a client that is still sending would
/// otherwise see a broken connection in place of the answer.
async fn read_limited(body: Body, limit: usize) -> Result<Vec<u8>, Refused> {
    let mut kept = Vec::new();
    let mut seen = 0_usize;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| malformed("The body could not be read."))?;
        seen = seen.saturating_add(chunk.len());
        if seen <= limit {
            kept.extend_from_slice(&chunk);
        } else if seen > limit.saturating_add(LARGEST_DISCARDED) {
            break;
        }
    }
    if seen > limit {
        let message = "The body is too large.";
        let code = ErrorCode::PayloadTooLarge;
        return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, code, message));
    }
    Ok(kept)
}

/// The parameters of a GET request; JSON inside them is parsed as in a body.
fn read_query(query: &str) -> Result<Call, Refused> {
    let mut fields = Map::new();
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let value = match key.as_ref() {
            "variables" | "extensions" if !value.is_empty() => serde_json::from_str(&value)
                .map_err(|_| malformed("`variables` and `extensions` have to be JSON objects."))?,
            "variables" | "extensions" => Value::Null,
            _ => Value::String(value.into_owned()),
        };
        fields.insert(key.into_owned(), value);
    }
    read_fields(fields)
}

fn read_fields(mut fields: Map<String, Value>) -> Result<Call, Refused> {
    let mut text = |key: &str| match fields.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(malformed(&format!("`{key}` has to be a string."))),
    };
    let query = text("query")?;
    let operation_name = text("operationName")?.filter(|name| !name.is_empty());
    let document_id = text("documentId")?;
    let mut object = |key: &str| match fields.remove(key) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(malformed(&format!("`{key}` has to be an object."))),
    };
    let variables = object("variables")?;
    let extensions = object("extensions")?;
    let document_id = match document_id {
        Some(id) => Some(id),
        None => persisted_query(&extensions)?,
    };
    Ok(Call {
        query,
        document_id,
        operation_name,
        variables,
    })
}

/// Apollo's way to name a document.
fn persisted_query(extensions: &Map<String, Value>) -> Result<Option<String>, Refused> {
    #[derive(Deserialize)]
    struct PersistedQuery {
        #[serde(rename = "sha256Hash")]
        hash: String,
    }
    match extensions.get("persistedQuery") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => PersistedQuery::deserialize(value)
            .map(|query| Some(query.hash))
            .map_err(|_| malformed("`extensions.persistedQuery` needs a `sha256Hash`.")),
    }
}

/// The answer to an operation that was looked at: data, errors, status.
fn shape(outcome: Outcome, media: MediaType) -> Response {
    let rejected = !outcome.errors.is_empty()
        && outcome.data == async_graphql::Value::Null
        && outcome.errors.iter().all(|error| error.path.is_empty());
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
    refuse_as(MediaType::Json, status, error, request_id)
}

fn refuse_as(media: MediaType, status: StatusCode, error: Error, request_id: &str) -> Response {
    let allow = error.code == ErrorCode::MethodNotAllowed;
    let mut response = shape(refusal(error, request_id), media);
    *response.status_mut() = status;
    if allow {
        // RFC 9110 §15.5.6: a mutation can be sent by POST; a query by GET, too.
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

fn set_cookie(server: &Server, data: &RequestData, response: &mut Response) {
    let Some(change) = data.take_cookie_change() else {
        return;
    };
    let secure = server.app.config.secure_cookies();
    let same_site = server.app.config.cookies.same_site.as_str();
    let now = server.app.clock.now();
    if let Some(value) = cookies::set_cookie(&change, secure, same_site, now) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

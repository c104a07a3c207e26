//! `/api/v1`: the REST operations over HTTP, and their OpenAPI document.
//!
//! JSON only. The caller is whom the access token names: cookies are neither read nor set, so another
//! site cannot act for a visitor (CSRF).

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::routing::any;
use axum::{Extension, Router};
use tokio::time::timeout;

use super::negotiation::ContentType;
use super::rejection::Rejection;
use super::request_head::{Head, RequestHead};
use super::server::{Audience, Server};
use super::{authentication, graphql_request, request_log};
use crate::rest::operation::{self, Operation, Route};
use crate::rest::{self, Failure, Refusal, Success};
use crate::schema::error::{Error, ErrorCode};
use crate::schema::timed_out;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// The routes of the public listener, if they are enabled.
pub(super) fn routes(server: &Server) -> Router<Arc<Server>> {
    let mut router = Router::new();
    if server.audience != Audience::Public || !server.app.config.rest.enabled {
        return router;
    }
    for route in operation::routes() {
        let paths = route.paths();
        let route = Arc::new(route);
        let serve = move |State(server): State<Arc<Server>>, Extension(head): Head, request| async move {
            serve(&server, &head, &route, request).await
        };
        for path in paths {
            router = router.route(&path, any(serve.clone()));
        }
    }
    router
        .route("/api/v1/openapi.json", any(document))
        .route("/api/v1/{*path}", any(not_found))
}

/// Why there is no success.
enum Refused {
    /// Decided by the transport.
    Rejected(Rejection),
    /// Told by the operation.
    Failed(Box<Failure>),
}

impl Refused {
    fn failed(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

async fn serve(server: &Server, head: &RequestHead, route: &Route, request: Request) -> Response {
    request_log::has_operation();
    let limit = Duration::from_secs(server.app.config.server.request_timeout_seconds);
    let outcome = timeout(limit, run(server, head, route, request)).await;
    let outcome = outcome.unwrap_or_else(|_| {
        let error = Error {
            retry_after: Some(1),
            ..timed_out()
        };
        Err(Rejection::new(StatusCode::SERVICE_UNAVAILABLE, error).into())
    });
    respond(server, head, outcome)
}

async fn run(
    server: &Server,
    head: &RequestHead,
    route: &Route,
    request: Request,
) -> Result<Success, Refused> {
    let (parts, body) = request.into_parts();
    let method = match parts.method {
        Method::HEAD => Method::GET,
        method => method,
    };
    let Some(operation) = route.operation(method.as_str()) else {
        return Err(method_not_allowed(Cow::Owned(route.allow())).into());
    };
    request_log::rest_operation(operation.name());
    if !head.accept.json {
        let message = "Accept application/json.";
        let code = ErrorCode::NotAcceptable;
        return Err(Rejection::of(StatusCode::NOT_ACCEPTABLE, code, message).into());
    }
    let body = match operation.method() {
        rest::operation::Method::Get => Vec::new(),
        _ => read_body(server, head, body).await?,
    };
    let client = head.client(server);
    let mut identity = authentication::authenticate_bearer(server, head, client).await?;
    identity.caller.client.operation_name = Some(operation.name().to_owned());
    let request = rest::Request {
        caller: &identity.caller,
        account: identity.rows.as_ref().map(|(account, _)| account),
        body: &body,
    };
    let outcome = operation.run(&server.app, &request).await;
    outcome.map_err(|refusal| refused(operation, refusal))
}

/// Reads a JSON body. A request without a body needs no content type.
async fn read_body(server: &Server, head: &RequestHead, body: Body) -> Result<Vec<u8>, Rejection> {
    if !matches!(head.content_type, ContentType::Json | ContentType::Absent) {
        return Err(graphql_request::not_json());
    }
    let bytes = graphql_request::read_within_limit(server, head, body).await?;
    if head.content_type == ContentType::Absent && !bytes.is_empty() {
        return Err(graphql_request::not_json());
    }
    let checked = server.schema.check_json(&bytes);
    checked.map_err(|error| Rejection::new(StatusCode::BAD_REQUEST, error))?;
    Ok(bytes)
}

fn refused(operation: Operation, refusal: Refusal) -> Refused {
    match refusal {
        Refusal::Failure(failure) => Refused::failed(failure.because(operation.failed())),
        Refusal::Unauthenticated { had_token } => {
            let error = Error::unauthenticated();
            if had_token {
                return Refused::failed(Failure::of_token(error.code.as_str(), error.message));
            }
            Rejection::new(StatusCode::UNAUTHORIZED, error).into()
        }
        Refusal::RegistrationClosed => {
            Rejection::new(StatusCode::FORBIDDEN, Error::registration_closed()).into()
        }
        Refusal::Unavailable => {
            Rejection::new(StatusCode::SERVICE_UNAVAILABLE, Error::unavailable()).into()
        }
        Refusal::Fault(fault) => Rejection::hiding(fault).into(),
    }
}

fn method_not_allowed(allow: Cow<'static, str>) -> Rejection {
    Rejection {
        header: Some(("allow", allow)),
        ..Rejection::of(
            StatusCode::METHOD_NOT_ALLOWED,
            ErrorCode::MethodNotAllowed,
            "This path has no such method.",
        )
    }
}

/// The OpenAPI document.
async fn document(
    State(server): State<Arc<Server>>,
    Extension(head): Head,
    method: Method,
) -> Response {
    let outcome = match method {
        Method::GET | Method::HEAD => Ok(Success {
            status: 200,
            body: rest::openapi().to_owned(),
        }),
        _ => Err(method_not_allowed(Cow::Borrowed("GET, HEAD")).into()),
    };
    respond(&server, &head, outcome)
}

async fn not_found(State(server): State<Arc<Server>>, Extension(head): Head) -> Response {
    let message = "There is nothing at this address.";
    let code = ErrorCode::BadUserInput;
    let rejection = Rejection::of(StatusCode::NOT_FOUND, code, message);
    respond(&server, &head, Err(rejection.into()))
}

fn respond(server: &Server, head: &RequestHead, outcome: Result<Success, Refused>) -> Response {
    let mut allowed = None;
    let failure = match outcome {
        Ok(success) => return response(success.status, success.body),
        Err(Refused::Failed(failure)) => *failure,
        Err(Refused::Rejected(rejection)) => {
            let Rejection {
                status,
                error,
                header,
            } = rejection;
            allowed = header;
            server.app.metrics.edge_refusal(error.code.as_str());
            Failure::detail(status.as_u16(), error.code.as_str(), error.message)
                .retry_after(error.retry_after)
        }
    };
    request_log::refusal(failure.code());
    let (status, seconds) = (failure.status(), failure.seconds());
    let mut response = response(status, failure.body(head.request_id()));
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED.as_u16() {
        // RFC 9110 §15.5.2: a 401 names an authentication scheme.
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = seconds {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some((name, value)) = allowed
        && let Ok(value) = HeaderValue::from_str(&value)
    {
        headers.insert(HeaderName::from_static(name), value);
    }
    response
}

fn response(status: u16, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Origin"));
    response
}

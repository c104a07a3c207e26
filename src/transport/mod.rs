//! HTTP: headers, cookies, status codes. No rules about identity.
//!
//! This file is the router with its middleware in order; each file beside it serves one route or
//! one concern.

mod authentication;
mod cookies;
mod cors;
mod exports;
mod federation;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod graphiql;
mod graphql;
mod graphql_request;
mod health;
mod hosted;
mod jwks;
mod listener;
mod local;
mod mailbox;
mod media;
mod metrics;
mod negotiation;
mod origin;
mod rejection;
mod request_head;
mod request_log;
mod response;
mod rest;
mod router_auth;
mod server;
mod subscriptions;
mod tls;
mod trusted_documents;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, get};
use axum::{Extension, Router};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;

use crate::schema::error::{Error, ErrorCode};

pub use self::listener::{Limits, listen, listen_with};
pub use self::server::{Audience, GRAPHIQL_EMBEDDED, Server};
pub use self::tls::{Tls, TlsError};

use self::rejection::reject;
use self::request_head::{Head, REQUEST_ID, RequestHead};

/// Headers of every response: no MIME sniffing, no framing (clickjacking), no referrer.
const SECURITY_HEADERS: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
];
/// Headers of every response that does not set them itself, and set nowhere else: not cached, not rendered as a page, not
/// embedded by pages of other origins.
const DEFAULT_HEADERS: [(HeaderName, &str); 3] = [
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
];

/// All routes and middleware of a server, outermost last.
pub fn router(server: &Arc<Server>) -> Router {
    // Browsers do not reach the router's server, so it needs no CORS.
    let routes = match server.audience {
        Audience::Router => federation::routes(server).fallback(not_found),
        Audience::Public | Audience::Staff => {
            let application = [Method::GET, Method::POST];
            let media = cors::layer(server, [Method::GET, Method::PUT]);
            let rest = cors::layer(
                server,
                [Method::GET, Method::POST, Method::PATCH, Method::PUT],
            );
            application_routes(server)
                .layer(cors::layer(server, application))
                .merge(media::routes(server).layer(media))
                .merge(rest::routes(server).layer(rest))
        }
    };
    routes
        .layer(CatchPanicLayer::custom(panic_response))
        .layer(middleware::from_fn_with_state(
            Arc::clone(server),
            request_context,
        ))
        .with_state(Arc::clone(server))
}

/// The routes of the public and the staff listener.
fn application_routes(server: &Arc<Server>) -> Router<Arc<Server>> {
    let mut pages = Router::new();
    // Layered per route: `route_layer` panics on a router without routes, as in production.
    let check = middleware::from_fn_with_state(Arc::clone(server), local::reject_foreign_host);
    if server.serves_graphiql() {
        pages = pages.merge(graphiql::routes().route_layer(check.clone()));
    }
    if server.serves_mailbox() {
        pages = pages.merge(mailbox::routes().route_layer(check));
    }
    let router_service = federation::RouterService::of(server);
    let graph = Router::new()
        .route("/graphql", any(graphql::serve))
        .merge(subscriptions::routes(server))
        .route_layer(middleware::from_fn_with_state(
            router_service,
            federation::route_router_requests,
        ));
    Router::new()
        .merge(pages)
        .merge(hosted::routes(server))
        .merge(graph)
        .route("/.well-known/jwks.json", get(jwks::keys))
        .route(
            "/.well-known/openid-configuration",
            get(jwks::configuration),
        )
        .route("/exports/{id}", get(exports::download))
        .merge(health::routes())
        .fallback(not_found)
}

/// The routes of the operations listener: detailed health checks and metrics.
pub fn operations_router(server: &Arc<Server>) -> Router {
    Router::new()
        .merge(health::detailed_routes())
        .route("/metrics", get(metrics::page))
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(
            Arc::clone(server),
            request_context,
        ))
        .with_state(Arc::clone(server))
}

/// The outermost middleware: reads the head of the request, opens its log span, and sets the headers
/// of every response.
async fn request_context(
    State(server): State<Arc<Server>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let head = Arc::new(RequestHead::read(&server, &request, peer));
    let span = request_log::span(&request, head.request_id());
    request.extensions_mut().insert(Arc::clone(&head));
    let mut response = request_log::log(&server, request, next)
        .instrument(span)
        .await;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(head.request_id()) {
        headers.insert(REQUEST_ID, value);
    }
    for (name, value) in SECURITY_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in DEFAULT_HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

async fn not_found(Extension(head): Head) -> Response {
    let error = Error::of(ErrorCode::BadUserInput, "There is nothing at this address.");
    reject(StatusCode::NOT_FOUND, error, head.request_id())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature is that of CatchPanicLayer"
)]
fn panic_response(cause: Box<dyn std::any::Any + Send>) -> Response {
    let text = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(panic = text, "a request panicked");
    let message = "Something went wrong. The request id leads to it in the log.";
    let error = Error::of(ErrorCode::InternalServerError, message);
    reject(StatusCode::INTERNAL_SERVER_ERROR, error, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered_without_its_text() {
        let causes: [Box<dyn std::any::Any + Send>; 3] = [
            Box::new("the secret of the thing"),
            Box::new("the secret of the thing".to_owned()),
            Box::new(7),
        ];
        for cause in causes {
            let response = panic_response(cause);
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            let body = axum::body::to_bytes(response.into_body(), 4096).await;
            let body = String::from_utf8(body.unwrap().to_vec()).unwrap();
            assert!(body.contains("INTERNAL_SERVER_ERROR"), "{body}");
            assert!(!body.contains("secret"), "{body}");
        }
    }
}

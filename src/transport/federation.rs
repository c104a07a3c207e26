//! The routes of the federation router, on its own listener or shared with the public one.
//!
//! A request is served here only if `router_auth` authenticates the router.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{Router, any};
use tower::ServiceExt as _;

use super::rejection::reject;
use super::request_head::{Head, Once, RequestHead};
use super::server::Server;
use super::{graphql, health, request_log, subscriptions};
use crate::schema::error::{Error, ErrorCode};

/// The routes of the router's own listener: GraphQL and health checks.
pub(super) fn routes(server: &Arc<Server>) -> Router<Arc<Server>> {
    let check = middleware::from_fn_with_state(Arc::clone(server), require_router);
    graphql_routes(server)
        .route_layer(check)
        .merge(health::routes())
}

fn graphql_routes(server: &Server) -> Router<Arc<Server>> {
    Router::new()
        .route("/graphql", any(serve))
        .merge(subscriptions::routes(server))
}

/// Most routers use one URL for a subgraph, including its subscriptions.
async fn serve(server: State<Arc<Server>>, head: Head, request: Request) -> Response {
    let has_subscriptions = server.app.config.subscriptions.enabled;
    if has_subscriptions && head.is_websocket_handshake {
        subscriptions::open_websocket(server, head, request).await
    } else if has_subscriptions && head.accept.only_stream {
        subscriptions::open_sse(server, head, request).await
    } else {
        graphql::serve(server, head, request).await
    }
}

/// Middleware of the router's listener: rejects other clients before the body is read.
async fn require_router(
    State(server): State<Arc<Server>>,
    Extension(head): Head,
    request: Request,
    next: Next,
) -> Response {
    if server.router_credentials.authenticate(&head, &request) {
        next.run(request).await
    } else {
        reject_client(&head)
    }
}

/// The router's routes, where it shares the public listener.
#[derive(Clone)]
pub(super) struct RouterService(Option<(Arc<Server>, Router)>);

impl RouterService {
    /// `None` inside on listeners that the router does not share.
    pub(super) fn of(server: &Server) -> Self {
        let routed = |router: &Arc<Server>| {
            let routes = graphql_routes(router).with_state(Arc::clone(router));
            (Arc::clone(router), routes)
        };
        Self(server.shared_router.as_ref().map(routed))
    }
}

/// Middleware of the shared listener: a request with a secret is served as the router's or
/// rejected, never served as a public one, so that a wrong secret is noticed.
pub(super) async fn route_router_requests(
    State(RouterService(service)): State<RouterService>,
    Extension(head): Head,
    request: Request,
    next: Next,
) -> Response {
    if head.router_secret == Once::Absent {
        return next.run(request).await;
    }
    match service {
        Some((router, service)) if router.router_credentials.authenticate(&head, &request) => {
            request_log::served_by(&router);
            let Ok(response) = service.oneshot(request).await;
            response
        }
        _ => reject_client(&head),
    }
}

fn reject_client(head: &RequestHead) -> Response {
    let message = "Only the federation router is served here, and nothing proves this to be it.";
    let error = Error::of(ErrorCode::Forbidden, message);
    reject(StatusCode::FORBIDDEN, error, head.request_id())
}

//! HTTP in and out: headers, cookies, status codes. Knows no rule of identity.
//!
//! This page is the router with every layer in order; each file beside it is one surface.

mod caller;
mod cookies;
mod federation;
mod graphiql;
mod graphql;
mod health;
mod jwks;
mod listener;
mod local;
mod mailbox;
mod metrics;
mod negotiation;
mod tls;
mod trusted_documents;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument as _;

use crate::app::App;
use crate::schema::Schema;
use crate::schema::error::{Error, ErrorCode};
use crate::telemetry;

pub use self::listener::{Limits, listen, listen_with};
pub use self::tls::{Tls, TlsError};

/// Whether the binary carries GraphiQL; otherwise its page loads the public copy.
pub const GRAPHIQL_EMBEDDED: bool = graphiql::EMBEDDED;

/// The request id, in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Whom a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Front ends: what the configuration allows them.
    Public,
    /// Staff: any document, introspection and GraphiQL.
    Staff,
    /// The federation router, once it has proven to be it: any document, and `_entities`.
    Router,
}

/// What every handler shares.
pub struct Server {
    app: Arc<App>,
    schema: Schema,
    audience: Audience,
    listen: SocketAddr,
    draining: Arc<AtomicBool>,
    database: health::Remembered,
    proof: federation::Proof,
    /// The router's server, where it comes to the public listener.
    for_router: Option<Arc<Server>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Server")
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// The request id of a request, put there by the outermost layer.
#[derive(Clone, Debug)]
struct RequestId(String);

impl Server {
    /// A server for one audience, listening at `listen`.
    #[must_use]
    pub fn new(
        app: Arc<App>,
        audience: Audience,
        listen: SocketAddr,
        draining: Arc<AtomicBool>,
    ) -> Arc<Self> {
        let schema = match audience {
            Audience::Public => Schema::new(&app, app.config.introspection()),
            Audience::Staff => Schema::new(&app, true),
            Audience::Router => Schema::for_router(&app),
        };
        let config = &app.config;
        let shares = config.server.router_listen.is_none() && config.router.secret.is_some();
        let for_router = (audience == Audience::Public && shares).then(|| {
            let (app, draining) = (Arc::clone(&app), Arc::clone(&draining));
            Self::new(app, Audience::Router, listen, draining)
        });
        Arc::new(Self {
            for_router,
            ..Self::with_schema(app, audience, listen, draining, schema)
        })
    }

    /// The same around another schema: suites of others judge this transport by types of their own.
    #[must_use]
    pub fn with_schema(
        app: Arc<App>,
        audience: Audience,
        listen: SocketAddr,
        draining: Arc<AtomicBool>,
        schema: Schema,
    ) -> Self {
        Self {
            proof: federation::Proof::wanted(&app.config),
            app,
            schema,
            audience,
            listen,
            draining,
            database: health::Remembered::default(),
            for_router: None,
        }
    }

    fn requires_trusted_documents(&self) -> bool {
        self.audience == Audience::Public && self.app.config.trusted_documents_required()
    }

    /// Whether queries may be sent by GET. A router has no use for it.
    fn takes_get(&self) -> bool {
        self.audience != Audience::Router
    }

    fn shows_graphiql(&self) -> bool {
        self.audience == Audience::Staff || self.app.config.graphiql()
    }

    /// Whether the development mailbox is shown: never in production, only on this machine.
    #[must_use]
    pub fn shows_mailbox(&self) -> bool {
        !self.app.config.is_production() && self.listen.ip().is_loopback()
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// Every route and every layer of a server, outermost last.
pub fn router(server: &Arc<Server>) -> Router {
    // No other site's page speaks to a router, so there is nothing to allow.
    let routes = match server.audience {
        Audience::Router => federation::routes(server).fallback(not_found),
        Audience::Public | Audience::Staff => pages(server).layer(cross_origin(server)),
    };
    routes
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(
            Arc::clone(server),
            outermost,
        ))
        .with_state(Arc::clone(server))
}

/// What people and their programs are served.
fn pages(server: &Arc<Server>) -> Router<Arc<Server>> {
    let mut pages = Router::new();
    // The layer goes onto routes there are: production has none of them, and axum panics at that.
    let check = middleware::from_fn_with_state(Arc::clone(server), local::refuse_foreign_host);
    if server.shows_graphiql() {
        pages = pages.merge(graphiql::routes().route_layer(check.clone()));
    }
    if server.shows_mailbox() {
        pages = pages.merge(mailbox::routes().route_layer(check));
    }
    let recognise = middleware::from_fn_with_state(Arc::clone(server), federation::recognise);
    Router::new()
        .merge(pages)
        .route("/graphql", any(graphql::serve).layer(recognise))
        .route("/.well-known/jwks.json", get(jwks::keys))
        .route(
            "/.well-known/openid-configuration",
            get(jwks::configuration),
        )
        .merge(health::routes())
        .fallback(not_found)
}

/// The operations listener: health with its details, and metrics.
pub fn operations_router(server: &Arc<Server>) -> Router {
    Router::new()
        .merge(health::detailed_routes())
        .route("/metrics", get(metrics::page))
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(
            Arc::clone(server),
            outermost,
        ))
        .with_state(Arc::clone(server))
}

/// Names the request, in the answer and in everything logged for it.
async fn outermost(
    State(server): State<Arc<Server>>,
    mut request: Request,
    next: Next,
) -> Response {
    let given = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok());
    let id = given.and_then(telemetry::accepted_request_id).map_or_else(
        || telemetry::request_id(server.app.random.bytes()),
        str::to_owned,
    );
    let span = telemetry::request_span(&id, request.method().as_str(), request.uri().path());
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).instrument(span).await;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Other sites may read answers only where the configuration names them.
fn cross_origin(server: &Server) -> CorsLayer {
    let origins = &server.app.config.server.cors_origins;
    let allowed = origins
        .iter()
        .filter_map(|origin| HeaderValue::from_str(&origin.to_header()).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(allowed))
        .allow_credentials(!origins.is_empty())
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            REQUEST_ID,
            caller::DELIVERY,
            caller::CSRF,
        ])
        .expose_headers([REQUEST_ID, header::RETRY_AFTER])
}

async fn not_found(request: Request) -> Response {
    let error = Error::of(ErrorCode::BadUserInput, "There is nothing at this address.");
    graphql::refuse(StatusCode::NOT_FOUND, error, &request_id(&request))
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let text = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(panic = text, "a request panicked");
    let message = "Something went wrong. The request id leads to it in the log.";
    let error = Error::of(ErrorCode::InternalServerError, message);
    graphql::refuse(StatusCode::INTERNAL_SERVER_ERROR, error, "").into_response()
}

fn request_id(request: &Request) -> String {
    request
        .extensions()
        .get::<RequestId>()
        .map(|id| id.0.clone())
        .unwrap_or_default()
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
            let response = panicked(cause);
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            let body = axum::body::to_bytes(response.into_body(), 4096).await;
            let body = String::from_utf8(body.unwrap().to_vec()).unwrap();
            assert!(body.contains("INTERNAL_SERVER_ERROR"), "{body}");
            assert!(!body.contains("secret"), "{body}");
        }
    }
}

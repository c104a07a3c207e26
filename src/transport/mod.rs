//! HTTP in and out: headers, cookies, status codes. Knows no rule of identity.
//!
//! This page is the router with every layer in order; each file beside it is one surface.

mod arrival;
mod caller;
mod cookies;
mod cors;
mod federation;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod graphiql;
mod graphql;
mod health;
mod hosted;
mod incoming;
mod jwks;
mod listener;
mod local;
mod mailbox;
mod metrics;
mod negotiation;
mod observed;
mod subscriptions;
mod tls;
mod trusted_documents;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;
use url::Url;

use crate::app::App;
use crate::config::StaffIntrospection;
use crate::schema::Schema;
use crate::schema::error::{Error, ErrorCode};
use crate::telemetry;

pub use self::listener::{Limits, listen, listen_with};
pub use self::tls::{Tls, TlsError};

/// Whether the binary carries GraphiQL; otherwise its page loads the public copy.
pub const GRAPHIQL_EMBEDDED: bool = graphiql::EMBEDDED;

/// The request id, in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every answer says to browsers: it is what its type says, nobody frames it, and no link out
/// of it tells its address.
const GUARDS: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
];
/// What an answer says that does not say otherwise: it is not kept, no page, and no page of another
/// origin includes it as a picture or a script.
const UNLESS_SAID: [(HeaderName, &str); 3] = [
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

/// Whom a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Front ends: what the configuration allows them.
    Public,
    /// Staff: GraphiQL, and for whom the configuration says any document and introspection.
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
    proof: federation::Proof,
    /// The router's server, where it comes to the public listener.
    for_router: Option<Arc<Server>>,
    connections: Arc<subscriptions::ConnectionLimiter>,
    batch_permits: Semaphore,
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
            batch_permits: subscriptions::batch_permits(&app.config),
            app,
            schema,
            audience,
            listen,
            draining,
            for_router: None,
            connections: Arc::default(),
        }
    }

    /// The address at which browsers see this surface; its pages may use its cookie.
    fn url(&self) -> &Url {
        let staff = self.app.config.server.staff_url.as_ref();
        match (self.audience, staff) {
            (Audience::Staff, Some(origin)) => origin.url(),
            _ => self.app.config.public_url(),
        }
    }

    /// Whether queries may be sent by GET. A router has no use for it.
    fn takes_get(&self) -> bool {
        self.audience != Audience::Router
    }

    /// Whether a stream of events may be asked for by GET, as some routers do. A page could make a
    /// browser send one, but not with what proves the router.
    fn takes_streams_by_get(&self) -> bool {
        self.audience == Audience::Router
    }

    /// Whether a WebSocket handshake may carry the access token. Browsers cannot send one there, so
    /// elsewhere it would only be a second place for the same value.
    fn accepts_handshake_token(&self) -> bool {
        self.audience == Audience::Router
    }

    /// Whether browsers come here, with pages that have to be ours or named.
    fn serves_browsers(&self) -> bool {
        self.audience != Audience::Router
    }

    /// Whether cookies travel over https here, and so may be `Secure` and `__Host-`.
    fn has_secure_cookies(&self) -> bool {
        self.url().scheme() == "https"
    }

    /// Whether this surface runs trusted documents alone, unless somebody is let through.
    fn requires_trusted_documents(&self) -> bool {
        match self.audience {
            Audience::Public => self.app.config.trusted_documents_required(),
            Audience::Staff => self.lets_only_staff_through(),
            Audience::Router => false,
        }
    }

    /// Whether any document and the schema are for staff who are signed in.
    fn lets_only_staff_through(&self) -> bool {
        self.audience == Audience::Staff
            && self.app.config.graphql.staff_introspection == StaffIntrospection::SignedIn
    }

    /// The public copy of GraphiQL is nothing to load where people's accounts are.
    fn shows_graphiql(&self) -> bool {
        let wanted = self.audience == Audience::Staff || self.app.config.graphiql();
        wanted && (GRAPHIQL_EMBEDDED || !self.app.config.is_production())
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
        Audience::Public | Audience::Staff => pages(server).layer(cors::layer(server)),
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
    let for_router = federation::RouterGraph::of(server);
    let graph = Router::new()
        .route("/graphql", any(graphql::serve))
        .merge(subscriptions::routes(server))
        .route_layer(middleware::from_fn_with_state(
            for_router,
            federation::recognise,
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
    let span = observed::span(&request, &id);
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = observed::served(&server, request, next)
        .instrument(span)
        .await;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    for (name, value) in GUARDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in UNLESS_SAID {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
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

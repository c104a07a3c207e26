//! The federation router at the door: what proves a caller to be it.
//!
//! Two proofs: a secret in a header, and a client certificate (`tls.rs` asks for it). They open
//! fields that only a router has; who the person behind the request is, their own token says.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{Router, any};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use tower::ServiceExt as _;

use super::listener::ClientCertificate;
use super::{Server, graphql, health, observed, request_id, subscriptions};
use crate::config::Config;
use crate::schema::error::{Error, ErrorCode};

/// Where the secret travels. Nothing logs headers, and this one least of all.
pub(super) const SECRET: HeaderName = HeaderName::from_static("idgate-router-secret");

/// What a router has to show.
pub(super) struct Proof {
    /// Digests, so that comparing takes as long for every text: the present secret and the one
    /// from before.
    secrets: Vec<[u8; 32]>,
    certificate: bool,
}

impl Proof {
    pub(super) fn wanted(config: &Config) -> Self {
        let router = &config.router;
        let secrets = [&router.secret, &router.secret_previous];
        let digest = |secret: &secrecy::SecretString| digest(secret.expose_secret().as_bytes());
        Self {
            secrets: secrets.into_iter().flatten().map(digest).collect(),
            certificate: router.certificates().is_some(),
        }
    }

    /// Whether the secret is one of ours. Sent twice it is none, since a proxy and we could then
    /// look at different ones.
    fn has_secret(&self, headers: &HeaderMap) -> bool {
        let mut given = headers.get_all(SECRET).iter();
        let (Some(given), None) = (given.next(), given.next()) else {
            return false;
        };
        let given = digest(given.as_bytes());
        let equal = |all: Choice, secret: &[u8; 32]| all | secret.ct_eq(&given);
        self.secrets.iter().fold(Choice::from(0), equal).into()
    }

    /// Whether everything that is configured was shown, which is one of the two at least.
    fn is_complete(&self, request: &Request) -> bool {
        let shown = request.extensions().get::<ClientCertificate>().is_some();
        let takes_secrets = !self.secrets.is_empty();
        (takes_secrets || self.certificate)
            && (!self.certificate || shown)
            && (!takes_secrets || self.has_secret(request.headers()))
    }
}

fn digest(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// The router's own listener: nothing but the graph and health.
pub(super) fn routes(server: &Arc<Server>) -> Router<Arc<Server>> {
    let check = middleware::from_fn_with_state(Arc::clone(server), admit);
    graph(server).route_layer(check).merge(health::routes())
}

/// What a router is served.
fn graph(server: &Server) -> Router<Arc<Server>> {
    Router::new()
        .route("/graphql", any(serve))
        .merge(subscriptions::routes(server))
}

/// Most routers know one address of a subgraph, and ask there for live events as well.
async fn serve(
    server: State<Arc<Server>>,
    peer: ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let is_live = server.app.config.subscriptions.enabled;
    if is_live && subscriptions::is_websocket_handshake(request.headers()) {
        subscriptions::open_websocket(server, peer, request).await
    } else if is_live && subscriptions::prefers_event_stream(request.headers()) {
        subscriptions::open_sse(server, peer, request).await
    } else {
        graphql::serve(server, peer, request).await
    }
}

/// On the router's listener: nobody else gets further than this, body unread.
async fn admit(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    if server.proof.is_complete(&request) {
        next.run(request).await
    } else {
        refuse(&request)
    }
}

/// The graph of the router, for requests that come to another listener.
#[derive(Clone)]
pub(super) struct RouterGraph(Option<(Arc<Server>, Router)>);

impl RouterGraph {
    /// That of a listener which the router shares; it stays shut on every other one.
    pub(super) fn of(server: &Server) -> Self {
        let router = server.for_router.as_ref();
        Self(router.map(|it| (Arc::clone(it), graph(it).with_state(Arc::clone(it)))))
    }
}

/// On other listeners: whoever shows a secret is the router or is refused, and never the public,
/// so that a wrong secret shows as one.
pub(super) async fn recognise(
    State(RouterGraph(graph)): State<RouterGraph>,
    request: Request,
    next: Next,
) -> Response {
    if !request.headers().contains_key(SECRET) {
        return next.run(request).await;
    }
    match graph {
        Some((router, graph)) if router.proof.is_complete(&request) => {
            observed::answered_by(&router);
            let Ok(response) = graph.oneshot(request).await;
            response
        }
        _ => refuse(&request),
    }
}

fn refuse(request: &Request) -> Response {
    let message = "Only the federation router is served here, and nothing proves this to be it.";
    let error = Error::of(ErrorCode::Forbidden, message);
    graphql::refuse(StatusCode::FORBIDDEN, error, &request_id(request))
}

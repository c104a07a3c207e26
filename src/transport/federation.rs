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

use super::listener::ClientCertificate;
use super::{Server, graphql, health, request_id};
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

/// The router's own listener: nothing but the graph, by POST, and health.
pub(super) fn routes(server: &Arc<Server>) -> Router<Arc<Server>> {
    let check = middleware::from_fn_with_state(Arc::clone(server), admit);
    Router::new()
        .route("/graphql", any(graphql::serve).layer(check))
        .merge(health::routes())
}

/// On the router's listener: nobody else gets further than this, body unread.
async fn admit(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    if server.proof.is_complete(&request) {
        next.run(request).await
    } else {
        refuse(&request)
    }
}

/// On other listeners: whoever shows a secret is the router or is refused, and never the public,
/// so that a wrong secret shows as one.
pub(super) async fn recognise(
    State(server): State<Arc<Server>>,
    peer: ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if !request.headers().contains_key(SECRET) {
        return next.run(request).await;
    }
    match &server.for_router {
        Some(router) if router.proof.is_complete(&request) => {
            graphql::serve(State(Arc::clone(router)), peer, request).await
        }
        _ => refuse(&request),
    }
}

/// Where no router is served: a secret, right or wrong, is out of place.
pub(super) async fn keep_out(request: Request, next: Next) -> Response {
    if request.headers().contains_key(SECRET) {
        refuse(&request)
    } else {
        next.run(request).await
    }
}

fn refuse(request: &Request) -> Response {
    let message = "Only the federation router is served here, and nothing proves this to be it.";
    let error = Error::of(ErrorCode::Forbidden, message);
    graphql::refuse(StatusCode::FORBIDDEN, error, &request_id(request))
}

//! The state that the handlers of a listener share, and what the listener serves to whom.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use url::Url;

use super::router_auth::RouterCredentials;
use super::subscriptions::limits::ConnectionLimiter;
use crate::app::App;
use crate::config::StaffIntrospection;
use crate::schema::Schema;

/// Whether GraphiQL is compiled into the binary; otherwise its page loads it from a CDN.
pub const GRAPHIQL_EMBEDDED: bool = cfg!(graphiql_embedded);

/// The clients that a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Front ends, within what the configuration allows.
    Public,
    /// Staff: GraphiQL, any document and introspection, if the configuration allows.
    Staff,
    /// The federation router, once authenticated: any document, and `_entities`.
    Router,
}

/// The shared state of the handlers of one listener.
pub struct Server {
    pub(super) app: Arc<App>,
    pub(super) schema: Schema,
    pub(super) audience: Audience,
    pub(super) listen: SocketAddr,
    draining: Arc<AtomicBool>,
    pub(super) router_credentials: RouterCredentials,
    /// The server for the router, where it shares the public listener.
    pub(super) shared_router: Option<Arc<Server>>,
    pub(super) connections: Arc<ConnectionLimiter>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Server")
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

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
            Audience::Public => Schema::new(&app, app.config.graphql.introspection),
            Audience::Staff => Schema::new(&app, true),
            Audience::Router => Schema::for_router(&app),
        };
        let config = &app.config;
        let is_shared = config.server.router_listen.is_none() && config.router.secret.is_some();
        let shared_router = (audience == Audience::Public && is_shared).then(|| {
            let (app, draining) = (Arc::clone(&app), Arc::clone(&draining));
            Self::new(app, Audience::Router, listen, draining)
        });
        Arc::new(Self {
            shared_router,
            ..Self::with_schema(app, audience, listen, draining, schema)
        })
    }

    /// A server with another schema: external test suites check this transport with their own
    /// types.
    #[must_use]
    pub fn with_schema(
        app: Arc<App>,
        audience: Audience,
        listen: SocketAddr,
        draining: Arc<AtomicBool>,
        schema: Schema,
    ) -> Self {
        Self {
            router_credentials: RouterCredentials::from_config(&app.config),
            app,
            schema,
            audience,
            listen,
            draining,
            shared_router: None,
            connections: Arc::default(),
        }
    }

    /// The URL of this listener for browsers. Pages of its origin may use the refresh cookie.
    pub(super) fn url(&self) -> &Url {
        let staff = self.app.config.server.staff_url.as_ref();
        match (self.audience, staff) {
            (Audience::Staff, Some(origin)) => origin.url(),
            _ => &self.app.config.server.public_url,
        }
    }

    /// Whether queries may be sent by GET. A router does not need it.
    pub(super) fn allows_get(&self) -> bool {
        self.audience != Audience::Router
    }

    /// Whether an event stream may be requested by GET, as some routers do. A page could make a
    /// browser send such a request, but not with the router's credentials.
    pub(super) fn allows_sse_by_get(&self) -> bool {
        self.audience == Audience::Router
    }

    /// Whether a WebSocket handshake may carry the access token. Browsers cannot send one there, so
    /// elsewhere it would only be a second place for the same value.
    pub(super) fn accepts_handshake_token(&self) -> bool {
        self.audience == Audience::Router
    }

    /// Whether browsers are served, so that the `Origin` has to be checked.
    pub(super) fn serves_browsers(&self) -> bool {
        self.audience != Audience::Router
    }

    /// Whether cookies are sent over https, and so may be `Secure` and `__Host-`.
    pub(super) fn has_secure_cookies(&self) -> bool {
        self.url().scheme() == "https"
    }

    /// Whether only trusted documents run here, except for exempt staff.
    pub(super) fn requires_trusted_documents(&self) -> bool {
        match self.audience {
            Audience::Public => self.app.config.graphql.requires_trusted_documents(),
            Audience::Staff => self.exempts_staff(),
            Audience::Router => false,
        }
    }

    /// Whether signed-in staff alone may run any document and read the schema.
    pub(super) fn exempts_staff(&self) -> bool {
        self.audience == Audience::Staff
            && self.app.config.graphql.staff_introspection == StaffIntrospection::SignedIn
    }

    /// Whether GraphiQL is served. In production never from a CDN: third-party scripts could act
    /// for the user.
    pub(super) fn serves_graphiql(&self) -> bool {
        let enabled = self.audience == Audience::Staff || self.app.config.graphql.graphiql;
        enabled && (GRAPHIQL_EMBEDDED || !self.app.config.is_production())
    }

    /// Whether the development mailbox is served: never in production, only to this machine.
    #[must_use]
    pub fn serves_mailbox(&self) -> bool {
        !self.app.config.is_production() && self.listen.ip().is_loopback()
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

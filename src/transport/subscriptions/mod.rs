//! Live events, over web sockets (`socket`) and event streams (`stream`).
//!
//! `feed` listens and `round` checks who may and runs documents; `protocol` is the text of messages;
//! `places` counts connections. What an event is and who may see it, the schema says.

mod ending;
mod feed;
mod places;
mod protocol;
mod round;
mod socket;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::routing::any;
use tokio::sync::Semaphore;

use super::Server;

pub(super) use self::places::Places;
pub(super) use self::socket::open as open_socket;
pub(super) use self::stream::{open as open_stream, wants_stream};
use crate::config::Config;

/// How many connections may look at events at a time: each needs the database for that, and what
/// happens often must not keep requests waiting. Those that wait look at more at once.
pub(super) fn rounds(config: &Config) -> Semaphore {
    let connections = usize::try_from(config.database.max_connections).unwrap_or(1);
    Semaphore::new(connections.div_ceil(4))
}

/// The addresses at which one can listen, where the configuration lets one.
pub(super) fn routes(server: &Server) -> Router<Arc<Server>> {
    if !server.app.config.subscriptions.enabled {
        return Router::new();
    }
    Router::new()
        .route("/graphql/ws", any(socket::open))
        .route("/graphql/stream", any(stream::open))
}

/// Whether a request asks to become a WebSocket (RFC 6455 §4.1).
pub(super) fn is_handshake(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE);
    upgrade.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

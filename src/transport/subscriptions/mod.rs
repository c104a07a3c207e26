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
use axum::routing::any;

use super::Server;

pub(super) use self::places::Places;

/// The addresses at which one can listen, where the configuration lets one.
pub(super) fn routes(server: &Server) -> Router<Arc<Server>> {
    if !server.app.config.subscriptions.enabled {
        return Router::new();
    }
    Router::new()
        .route("/graphql/ws", any(socket::open))
        .route("/graphql/stream", any(stream::open))
}

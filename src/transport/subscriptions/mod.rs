//! GraphQL subscriptions, over `WebSocket` (`websocket`) and server-sent events (`sse`).
//!
//! `session` queues the events of a connection; `batch` authenticates its user again (`identity`)
//! and runs the documents. `protocol` encodes and decodes messages, `close_reason` has the close
//! codes, `limits` counts connections. What an event is and who may see it is decided in
//! `schema`.

mod batch;
mod close_reason;
mod identity;
pub(super) mod limits;
mod protocol;
mod session;
mod sse;
mod websocket;
mod writer;

use std::sync::Arc;

use axum::Router;
use axum::routing::any;

use super::server::Server;

pub(super) use self::sse::open as open_sse;
pub(super) use self::websocket::open as open_websocket;

/// The routes of subscriptions, if the configuration enables them.
pub(super) fn routes(server: &Server) -> Router<Arc<Server>> {
    if !server.app.config.subscriptions.enabled {
        return Router::new();
    }
    Router::new()
        .route("/graphql/ws", any(websocket::open))
        .route("/graphql/stream", any(sse::open))
}

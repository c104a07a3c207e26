//! Metrics in the Prometheus text format, on the operations listener only.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::server::Server;

pub(super) async fn page(State(server): State<Arc<Server>>) -> Response {
    let media = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (media, server.app.metrics.render()).into_response()
}

//! Whether the process lives, and whether it can serve.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::server::Server;
use crate::app::Condition;

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
}

/// The same with what is down and since when, for the operations listener.
pub(super) fn detailed_routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready_in_detail))
}

async fn live() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

async fn ready(State(server): State<Arc<Server>>) -> Response {
    let (status, text, details) = check(&server).await;
    // A stranger learns that something is down, not what.
    let local = server.listen.ip().is_loopback() && !server.app.config.is_production();
    let body = if local {
        details
    } else {
        json!({ "status": text })
    };
    answer(status, body)
}

async fn ready_in_detail(State(server): State<Arc<Server>>) -> Response {
    let (status, _, details) = check(&server).await;
    answer(status, details)
}

/// Never from a cache; where it is no, with when to ask again.
fn answer(status: StatusCode, body: Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

async fn check(server: &Server) -> (StatusCode, &'static str, Value) {
    let found = server.app.dependencies().await;
    let (status, text) = match (
        server.is_draining(),
        found.is_database_up(),
        found.is_volatile_up,
    ) {
        (true, ..) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (_, true, true) => (StatusCode::OK, "ok"),
        // Without the shared store budgets are kept locally; everything else goes on.
        (_, true, false) => (StatusCode::OK, "degraded"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let details = json!({
        "status": text,
        "database": described(found.database),
        "volatile": described(found.volatile),
    });
    (status, text, details)
}

fn described(condition: Condition) -> Value {
    let since = condition.since.to_rfc3339_opts(SecondsFormat::Secs, true);
    let status = condition.status;
    match condition.reason {
        Some(reason) => json!({ "status": status, "since": since, "reason": reason }),
        None => json!({ "status": status, "since": since }),
    }
}

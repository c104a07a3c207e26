//! Liveness and readiness checks.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::server::Server;
use crate::app::DependencyState;

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
}

/// The same with the state of each dependency, for the operations listener.
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
    // The public learns that a dependency is down, but not which one.
    let is_local = server.listen.ip().is_loopback() && !server.app.config.is_production();
    let body = if is_local {
        details
    } else {
        json!({ "status": text })
    };
    respond(status, body)
}

async fn ready_in_detail(State(server): State<Arc<Server>>) -> Response {
    let (status, _, details) = check(&server).await;
    respond(status, details)
}

/// With `Retry-After` when not ready.
fn respond(status: StatusCode, body: Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

async fn check(server: &Server) -> (StatusCode, &'static str, Value) {
    let dependencies = server.app.dependencies().await;
    let (status, text) = match (
        server.is_draining(),
        dependencies.is_database_up(),
        dependencies.is_volatile_up,
    ) {
        (true, ..) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (_, true, true) => (StatusCode::OK, "ok"),
        // Without the shared store, rate limits are per instance; all else works.
        (_, true, false) => (StatusCode::OK, "degraded"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let details = json!({
        "status": text,
        "database": to_json(dependencies.database),
        "volatile": to_json(dependencies.volatile),
    });
    (status, text, details)
}

fn to_json(condition: DependencyState) -> Value {
    let since = condition.since.to_rfc3339_opts(SecondsFormat::Secs, true);
    let status = condition.status;
    match condition.reason {
        Some(reason) => json!({ "status": status, "since": since, "reason": reason }),
        None => json!({ "status": status, "since": since }),
    }
}

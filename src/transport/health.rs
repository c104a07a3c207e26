//! Whether the process lives, and whether it can serve.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::Server;

/// How long a dependency may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

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
    (status, Json(body)).into_response()
}

async fn ready_in_detail(State(server): State<Arc<Server>>) -> Response {
    let (status, _, details) = check(&server).await;
    (status, Json(details)).into_response()
}

async fn check(server: &Server) -> (StatusCode, &'static str, Value) {
    let app = &server.app;
    let asked = tokio::time::timeout(PATIENCE, app.database.is_migrated()).await;
    let database = server.database.note(
        match asked {
            Ok(Ok(true)) => "up",
            Ok(Ok(false)) => "unmigrated",
            Ok(Err(_)) | Err(_) => "down",
        },
        app.clock.now(),
    );
    let shared = app.volatile.ping(app.clock.now()).await.is_ok();
    let health = app.volatile.health();
    let (status, text) = match (server.is_draining(), database.status, shared) {
        (true, ..) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (_, "up", true) => (StatusCode::OK, "ok"),
        // Without the shared store budgets are kept locally; everything else goes on.
        (_, "up", false) => (StatusCode::OK, "degraded"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let volatile = if health.up { "up" } else { "down" };
    let details = json!({
        "status": text,
        "database": described(database.status, database.since),
        "volatile": described(volatile, health.since),
    });
    (status, text, details)
}

fn described(status: &str, since: DateTime<Utc>) -> Value {
    json!({ "status": status, "since": since.to_rfc3339_opts(SecondsFormat::Secs, true) })
}

/// How a dependency has been, as far as probes noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Condition {
    status: &'static str,
    since: DateTime<Utc>,
}

/// Remembers since when a dependency has been as it is.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<Option<Condition>>);

impl Remembered {
    /// Notes what was seen at `now`; the moment moves only when the status changes.
    fn note(&self, status: &'static str, now: DateTime<Utc>) -> Condition {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unchanged = last.filter(|last| last.status == status);
        *last.insert(unchanged.unwrap_or(Condition { status, since: now }))
    }
}

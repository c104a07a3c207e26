//! The check of the `Host` header, against DNS rebinding.
//!
//! An attacker can make a browser resolve the name of their site to this machine; the `Host` header
//! still holds that name.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use super::rejection::reject;
use super::request_head::Head;
use super::server::Server;
use crate::schema::error::{Error, ErrorCode};

/// Rejects requests to another host than localhost or the configured one of this listener.
pub(super) async fn reject_foreign_host(
    State(server): State<Arc<Server>>,
    Extension(head): Head,
    request: Request,
    next: Next,
) -> Response {
    let configured = server.url().host_str();
    let is_configured = configured.is_some() && head.host_name() == configured;
    let is_mailbox = request.uri().path().starts_with("/dev");
    let allowed = if is_mailbox {
        head.peer.to_canonical().is_loopback() && head.has_local_host()
    } else {
        is_configured || head.has_local_host()
    };
    if allowed {
        return next.run(request).await;
    }
    let error = Error::of(
        ErrorCode::Forbidden,
        "This page is served to this machine, and under the address that is configured for it.",
    );
    reject(StatusCode::FORBIDDEN, error, head.request_id())
}

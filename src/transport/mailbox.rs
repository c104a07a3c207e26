//! The development mailbox: the messages that would have been sent, as a page and as JSON.
//!
//! The page is `web/mailbox.html`; its script polls the list. Only this machine may see it
//! (`local`), and no page of another site may clear it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::request_head::Head;
use super::server::Server;
use super::{hosted, origin};
use crate::app::StoredMail;

const PAGE: &str = include_str!("../../web/mailbox.html");

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/dev/mailbox", get(page))
        .route("/dev/mailbox.json", get(list).delete(clear))
}

/// The messages, newest first, with an `ETag` for conditional requests.
async fn list(State(server): State<Arc<Server>>, Extension(head): Head) -> Response {
    let messages = match server.app.mailbox().await {
        Ok(messages) => messages,
        Err(fault) => return internal_error(&fault),
    };
    let etag = etag(&messages);
    let known = head.if_none_match.as_ref();
    let is_current = known.is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = if is_current {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(messages).into_response()
    };
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

fn etag(messages: &[StoredMail]) -> String {
    let mut digest = Sha256::new();
    for message in messages {
        digest.update(&message.id);
    }
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest.finalize()))
}

/// Deletes all messages.
async fn clear(State(server): State<Arc<Server>>, Extension(head): Head) -> Response {
    if !origin::is_same(&server, &head) {
        return StatusCode::FORBIDDEN.into_response();
    }
    match server.app.clear_mailbox().await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(fault) => internal_error(&fault),
    }
}

async fn page(State(server): State<Arc<Server>>) -> Response {
    let nonce = hosted::nonce(&server);
    // Messages are shown in a sandboxed frame without scripts that inherits this policy; they have
    // inline styles.
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; \
         connect-src 'self'; img-src data:; frame-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    );
    let page = Html(PAGE.replacen("NONCE", &nonce, 1));
    ([(header::CONTENT_SECURITY_POLICY, policy)], page).into_response()
}

fn internal_error(fault: &crate::fault::Fault) -> Response {
    tracing::error!(?fault, "the development mailbox cannot be used");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

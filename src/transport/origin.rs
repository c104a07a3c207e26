//! Whose pages may make a browser send a request: `Origin` (RFC 6454), Fetch Metadata, and the
//! origins that CORS allows.

use axum::http::HeaderValue;

use super::request_head::{Once, RequestHead};
use super::server::{Audience, Server};
use crate::config::Origin;

/// Whether `Origin` is absent, our own, or allowed by CORS. Browsers send it with every cross-site
/// request.
pub(super) fn is_allowed(server: &Server, head: &RequestHead) -> bool {
    match &head.origin {
        Once::Absent => true,
        Once::Value(origin) => is_own(server, head, origin) || is_cors_origin(server, origin),
        Once::Repeated => false,
    }
}

/// Whether a request was sent by a page of this server, or not by a browser.
///
/// Browsers with Fetch Metadata send `Sec-Fetch-Site`; the others send `Origin` with every POST
/// (Fetch §3.2). A client that sends neither is not a browser.
pub(super) fn is_same(server: &Server, head: &RequestHead) -> bool {
    let site = head.fetch_site.as_ref();
    let is_ours = site.is_some_and(|site| site == "same-origin" || site == "none");
    let is_not_foreign = site.is_none() || is_ours;
    match &head.origin {
        Once::Absent => is_not_foreign,
        // Sent in place of an origin for privacy.
        Once::Value(origin) if origin == "null" => is_ours,
        Once::Value(origin) => is_not_foreign && is_own(server, head, origin),
        Once::Repeated => false,
    }
}

/// Whether an origin is this server's, by its configured address or, over plain http, as localhost.
fn is_own(server: &Server, head: &RequestHead, origin: &HeaderValue) -> bool {
    let own = server.url().origin().ascii_serialization();
    let local = head
        .host
        .as_deref()
        .filter(|_| !server.has_secure_cookies() && head.has_local_host())
        .map(|host| format!("http://{host}"));
    let is = |own: &String| origin.as_bytes().eq_ignore_ascii_case(own.as_bytes());
    is(&own) || local.as_ref().is_some_and(is)
}

/// Whether CORS allows an origin. The one check for scripts, cookies and sockets.
pub(super) fn is_cors_origin(server: &Server, origin: &HeaderValue) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    cors_origins(server)
        .iter()
        .any(|allowed| allowed.is(origin))
}

/// The other origins whose scripts may send credentialed requests.
pub(super) fn cors_origins(server: &Server) -> &[Origin] {
    match server.audience {
        Audience::Public => &server.app.config.server.cors_origins,
        Audience::Staff | Audience::Router => &[],
    }
}

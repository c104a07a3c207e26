//! The check of the `Host` header, against DNS rebinding.
//!
//! An attacker can make a browser resolve the name of their site to this machine; the `Host` header
//! still holds that name.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::rejection::reject;
use super::server::{Server, request_id};
use crate::schema::error::{Error, ErrorCode};

/// The host of a `Host` header, without its port.
fn host(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    if let Some(rest) = host.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        return (port.is_empty() || port.starts_with(':')).then_some(address);
    }
    Some(host.split_once(':').map_or(host, |(name, _)| name))
}

/// Whether the request was sent to localhost or a loopback address.
pub(super) fn has_local_host(headers: &HeaderMap) -> bool {
    host(headers).is_some_and(|host| {
        host.eq_ignore_ascii_case("localhost")
            || host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}

/// Whether the origin is this server, addressed as localhost.
pub(super) fn is_same_local_origin(headers: &HeaderMap, origin: &str) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    has_local_host(headers)
        && host.is_some_and(|host| origin.eq_ignore_ascii_case(&format!("http://{host}")))
}

/// Rejects requests to another host than localhost or the configured one of this listener.
pub(super) async fn reject_foreign_host(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let configured = server.url().host_str();
    let is_configured = configured.is_some() && host(request.headers()) == configured;
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let is_local_peer =
        peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback());
    let is_mailbox = request.uri().path().starts_with("/dev");
    let allowed = if is_mailbox {
        is_local_peer && has_local_host(request.headers())
    } else {
        is_configured || has_local_host(request.headers())
    };
    if allowed {
        return next.run(request).await;
    }
    let error = Error::of(
        ErrorCode::Forbidden,
        "This page is served to this machine, and under the address that is configured for it.",
    );
    reject(StatusCode::FORBIDDEN, error, &request_id(&request))
}

//! What the headers say about the client: address, user agent, access token, refresh cookie.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::server::{Audience, Server};
use super::{cookies, local};
use crate::config::Origin;
use crate::domain::caller::Client;
use crate::domain::network;
use crate::schema::error::{Error, ErrorCode};
use crate::schema::request::{CookieCredential, TokenDelivery};

/// How refresh tokens are delivered: `cookie` or `body`.
pub(super) const DELIVERY: HeaderName = HeaderName::from_static("idgate-delivery");
/// A custom header, which a cross-site page cannot send without CORS (CSRF protection).
pub(super) const CSRF: HeaderName = HeaderName::from_static("idgate-csrf");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client of a request.
pub(super) fn client(
    server: &Server,
    headers: &HeaderMap,
    peer: SocketAddr,
    request_id: &str,
) -> Client {
    let user_agent = headers
        .get(header::USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Client::new(
        address(server, headers, peer),
        user_agent,
        request_id.to_owned(),
    )
}

/// The client address: the right-most one in `X-Forwarded-For` that is not a trusted proxy. The
/// header of an untrusted peer is ignored.
///
/// `Forwarded` (RFC 7239) is never read: where a proxy sets one header, a client can forge the
/// other.
fn address(server: &Server, headers: &HeaderMap, peer: SocketAddr) -> IpAddr {
    let values = headers.get_all(FORWARDED_FOR).iter();
    let forwarded: Vec<&[u8]> = values.map(HeaderValue::as_bytes).collect();
    let trusted = &server.app.config.server.trusted_proxies;
    if !network::is_trusted(peer.ip(), trusted) {
        report_untrusted_proxy(server, headers, peer);
    }
    network::client_address(peer.ip(), &forwarded, trusted)
}

/// Counts forwarding headers of untrusted peers, and logs the first one.
///
/// All clients behind a proxy that is not configured share one address, and so one rate limit.
fn report_untrusted_proxy(server: &Server, headers: &HeaderMap, peer: SocketAddr) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    let forwarding = [
        FORWARDED_FOR,
        header::FORWARDED,
        HeaderName::from_static("x-real-ip"),
    ];
    if !forwarding.iter().any(|name| headers.contains_key(name)) {
        return;
    }
    server.app.metrics.untrusted_forwarding();
    if !WARNED.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            peer = %peer.ip(),
            "a peer that is not in server.trusted_proxies says whom it forwards for, and is not \
             believed; if it is your proxy, name its network there: until then everybody behind \
             it shares the budgets of one address"
        );
    }
}

/// The token of `Authorization: Bearer` (RFC 6750 §2.1). Never from the URI or the body.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (values.next()?, values.next()) {
        // A value that is not text counts as an invalid token.
        (value, None) => value.to_str().unwrap_or("Bearer "),
        // So do two headers: a proxy may have checked the other one.
        _ => "Bearer ",
    };
    token_of(value)
}

/// The token in the value of an `Authorization` header.
pub(super) fn token_of(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// How the client receives its refresh token.
pub(super) fn delivery(server: &Server, headers: &HeaderMap) -> Result<TokenDelivery, Error> {
    let Some(value) = headers.get(DELIVERY) else {
        return Ok(TokenDelivery::Body);
    };
    match value.as_bytes() {
        b"body" => Ok(TokenDelivery::Body),
        b"cookie" if server.has_secure_cookies() || local::has_local_host(headers) => {
            Ok(TokenDelivery::Cookie)
        }
        b"cookie" => {
            let message = "Cookies are only set over https, or on this machine.";
            Err(Error::of(ErrorCode::BadUserInput, message))
        }
        _ => {
            let message = "Idgate-Delivery is `body` or `cookie`.";
            Err(Error::of(ErrorCode::BadUserInput, message))
        }
    }
}

/// The refresh token from the cookie, if the request is protected against CSRF.
pub(super) fn cookie(server: &Server, headers: &HeaderMap) -> CookieCredential {
    let Some(token) = cookies::refresh_token(server.has_secure_cookies(), headers) else {
        return CookieCredential::None;
    };
    let has_header = headers.get(CSRF).is_some_and(|value| value == "1");
    if has_header && has_allowed_origin(server, headers) {
        CookieCredential::Present(token)
    } else {
        CookieCredential::Unguarded
    }
}

/// Whether `Origin` is absent, our own, or allowed by CORS. Browsers send it with every cross-site
/// request.
pub(super) fn has_allowed_origin(server: &Server, headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::ORIGIN).iter();
    let origin = match (values.next(), values.next()) {
        (None, _) => return true,
        (Some(origin), None) => origin,
        // A proxy may have checked the other one.
        (Some(_), Some(_)) => return false,
    };
    let Ok(text) = origin.to_str() else {
        return false;
    };
    let own = server.url().origin().ascii_serialization();
    own.eq_ignore_ascii_case(text)
        || is_cors_origin(server, origin)
        || (!server.has_secure_cookies() && local::is_same_local_origin(headers, text))
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

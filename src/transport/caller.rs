//! Who asks, from the headers: address, program, token, delivery.

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

/// How the client wants refresh tokens: `cookie`, or in the body.
pub(super) const DELIVERY: HeaderName = HeaderName::from_static("idgate-delivery");
/// Proves that a request was made by a script of an allowed origin.
pub(super) const CSRF: HeaderName = HeaderName::from_static("idgate-csrf");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where a request comes from.
pub(super) fn client(
    server: &Server,
    headers: &HeaderMap,
    peer: SocketAddr,
    request_id: &str,
) -> Client {
    let agent = headers
        .get(header::USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Client::new(address(server, headers, peer), agent, request_id.to_owned())
}

/// The right-most address that no trusted proxy vouches for; headers of strangers count nothing.
///
/// `Forwarded` (RFC 7239) is never read: where a proxy writes the one header, a client can write
/// the other, and whichever of them won would be the client's.
fn address(server: &Server, headers: &HeaderMap, peer: SocketAddr) -> IpAddr {
    let lines = headers.get_all(FORWARDED_FOR).iter();
    let forwarded: Vec<&[u8]> = lines.map(HeaderValue::as_bytes).collect();
    let trusted = &server.app.config.server.trusted_proxies;
    if !network::is_trusted(peer.ip(), trusted) {
        notice_unknown_proxy(server, headers, peer);
    }
    network::client_address(peer.ip(), &forwarded, trusted)
}

/// Counts forwarding headers of peers that are no trusted proxy, and warns of the first one.
///
/// A proxy that nobody configured gives everybody behind it one address, and so one budget.
fn notice_unknown_proxy(server: &Server, headers: &HeaderMap, peer: SocketAddr) {
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

/// RFC 6750 §2.1: the token of `Authorization: Bearer`. Never from the address or the body.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (given.next()?, given.next()) {
        // A header that is no text is a token that does not hold.
        (value, None) => value.to_str().unwrap_or("Bearer "),
        // Neither do two of them: a proxy may have looked at the other one.
        _ => "Bearer ",
    };
    token_of(value)
}

/// The token of such a header's value, wherever the value travels.
pub(super) fn token_of(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// How the client wants its refresh token.
pub(super) fn delivery(server: &Server, headers: &HeaderMap) -> Result<TokenDelivery, Error> {
    let Some(wanted) = headers.get(DELIVERY) else {
        return Ok(TokenDelivery::Body);
    };
    match wanted.as_bytes() {
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

/// The refresh token from the cookie, if the request shows that no other site made it.
pub(super) fn cookie(server: &Server, headers: &HeaderMap) -> CookieCredential {
    let Some(token) = cookies::refresh_token(server.has_secure_cookies(), headers) else {
        return CookieCredential::None;
    };
    let guarded = headers.get(CSRF).is_some_and(|value| value == "1");
    if guarded && has_allowed_origin(server, headers) {
        CookieCredential::Present(token)
    } else {
        CookieCredential::Unguarded
    }
}

/// An absent `Origin` is no browser's cross-site request; a present one must be ours or named.
pub(super) fn has_allowed_origin(server: &Server, headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(header::ORIGIN).iter();
    let origin = match (given.next(), given.next()) {
        (None, _) => return true,
        (Some(origin), None) => origin,
        // Something in between may have looked at the other one.
        (Some(_), Some(_)) => return false,
    };
    let Ok(text) = origin.to_str() else {
        return false;
    };
    let own = server.url().origin().ascii_serialization();
    own.eq_ignore_ascii_case(text)
        || is_named(server, origin)
        || (!server.has_secure_cookies() && local::is_same_local_origin(headers, text))
}

/// Whether an `Origin` header names one of the other origins. Answers to scripts, cookies and
/// sockets ask here alone.
pub(super) fn is_named(server: &Server, origin: &HeaderValue) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    named_origins(server)
        .iter()
        .any(|allowed| allowed.is(origin))
}

/// The other origins whose scripts may act here for a person.
pub(super) fn named_origins(server: &Server) -> &[Origin] {
    match server.audience {
        Audience::Public => &server.app.config.server.cors_origins,
        Audience::Staff | Audience::Router => &[],
    }
}

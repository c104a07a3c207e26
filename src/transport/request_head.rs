//! The head of a request: what its headers say about the client, read once, as the request arrives.
//!
//! No other file of the transport reads a header, so that none is understood in two ways. Four things
//! stay outside: the fields of the WebSocket handshake and of CORS preflights, which axum and
//! tower-http read; the size of the head, which `listener` bounds before there is a request; the
//! client certificate, which belongs to the connection; and `connection_init`, which is a message.
//!
//! Read here rather than by the typed values of `headers`: those take the first of two
//! `Authorization` headers, lose all cookies of a line to one byte that is no text, and accept
//! `user@localhost` as a host.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Extension;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use secrecy::SecretString;

use super::cookies;
use super::negotiation::{Accept, ContentType};
use super::server::Server;
use crate::domain::caller::Client;
use crate::domain::network;
use crate::domain::token::PlainToken;
use crate::schema::request::TokenDelivery;
use crate::telemetry;

/// The request id, in requests and responses.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How refresh tokens are delivered: `cookie` or `body`.
const DELIVERY: HeaderName = HeaderName::from_static("idgate-delivery");
/// A custom header, which a cross-site page cannot send without CORS (CSRF protection).
const CSRF: HeaderName = HeaderName::from_static("idgate-csrf");
/// The header with the router's secret. Headers are not logged, and this one must never be.
const ROUTER_SECRET: HeaderName = HeaderName::from_static("idgate-router-secret");
/// Fetch Metadata §2.3: how the page that made a request relates to this server.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The header with the secret of an upload; never logged.
const UPLOAD_SECRET: HeaderName = HeaderName::from_static("idgate-upload-secret");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Extracts the head of a request.
pub(super) type Head = Extension<Arc<RequestHead>>;

/// What the headers of a request say. Which of it is believed, its readers decide.
pub(super) struct RequestHead {
    client: Client,
    /// The other end of the connection: the client, or the last proxy.
    pub(super) peer: IpAddr,
    /// The peer, if it says for whom it forwards and is no trusted proxy.
    untrusted_proxy: Option<IpAddr>,
    /// The value of `Host`, with its port.
    pub(super) host: Option<String>,
    pub(super) origin: Once,
    pub(super) fetch_site: Option<HeaderValue>,
    pub(super) accept: Accept,
    pub(super) content_type: ContentType,
    /// Whether the body is compressed or otherwise encoded.
    pub(super) has_content_coding: bool,
    /// The value of `Accept-Language`.
    pub(super) languages: String,
    /// Whether this is a WebSocket opening handshake (RFC 6455 §4.1).
    pub(super) is_websocket_handshake: bool,
    /// The token of `Authorization: Bearer` (RFC 6750 §2.1). Never from the URI or the body.
    pub(super) access_token: Option<SecretString>,
    /// The refresh token of the cookie, which counts only with protection against CSRF.
    pub(super) refresh_token: Option<PlainToken>,
    pub(super) has_csrf_header: bool,
    /// How the client wants its refresh token; `None` if it asks for something else.
    pub(super) delivery: Option<TokenDelivery>,
    pub(super) router_secret: Once,
    pub(super) if_none_match: Option<HeaderValue>,
    /// The secret that authorizes an upload.
    pub(super) upload_secret: Option<SecretString>,
}

/// A header that may be sent once: where it is repeated, a proxy may have checked the other one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Once {
    Absent,
    Value(HeaderValue),
    Repeated,
}

impl RequestHead {
    pub(super) fn read(server: &Server, request: &Request, peer: SocketAddr) -> Self {
        let headers = request.headers();
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let trusted = &server.app.config.server.trusted_proxies;
        let forwarding = [FORWARDED_FOR, header::FORWARDED, REAL_IP];
        let is_forwarded = forwarding.iter().any(|name| headers.contains_key(name));
        let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
        Self {
            client: client(server, headers, peer),
            peer: peer.ip(),
            untrusted_proxy: Some(peer.ip())
                .filter(|peer| is_forwarded && !network::is_trusted(*peer, trusted)),
            host: text(header::HOST).map(str::to_owned),
            origin: Once::read(headers, header::ORIGIN),
            fetch_site: headers.get(FETCH_SITE).cloned(),
            accept: Accept::parse(headers.get_all(header::ACCEPT)),
            content_type: match headers.get(header::CONTENT_TYPE) {
                None => ContentType::parse(None),
                Some(value) => ContentType::parse(Some(value.to_str().unwrap_or_default())),
            },
            has_content_coding: !codings
                .all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity")),
            languages: text(header::ACCEPT_LANGUAGE).unwrap_or_default().to_owned(),
            is_websocket_handshake: text(header::UPGRADE)
                .is_some_and(|value| value.eq_ignore_ascii_case("websocket")),
            access_token: access_token(&Once::read(headers, header::AUTHORIZATION)),
            refresh_token: cookies::refresh_token(
                server.has_secure_cookies(),
                headers.get_all(header::COOKIE),
            ),
            has_csrf_header: text(CSRF) == Some("1"),
            delivery: match headers.get(DELIVERY).map(HeaderValue::as_bytes) {
                None | Some(b"body") => Some(TokenDelivery::Body),
                Some(b"cookie") => Some(TokenDelivery::Cookie),
                Some(_) => None,
            },
            router_secret: Once::read(headers, ROUTER_SECRET),
            if_none_match: headers.get(header::IF_NONE_MATCH).cloned(),
            upload_secret: text(UPLOAD_SECRET).map(SecretString::from),
        }
    }

    pub(super) fn request_id(&self) -> &str {
        &self.client.request_id
    }

    /// The client, for what is limited or recorded by its address.
    ///
    /// Counts forwarding headers of untrusted peers, and logs the first one: all clients behind a
    /// proxy that is not configured share one address, and so one rate limit.
    pub(super) fn client(&self, server: &Server) -> Client {
        static WARNED: AtomicBool = AtomicBool::new(false);
        if let Some(peer) = self.untrusted_proxy {
            server.app.metrics.untrusted_forwarding();
            if !WARNED.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    %peer,
                    "a peer that is not in server.trusted_proxies says whom it forwards for, and \
                     is not believed; if it is your proxy, name its network there: until then \
                     everybody behind it shares the budgets of one address"
                );
            }
        }
        self.client.clone()
    }

    /// The host without its port.
    pub(super) fn host_name(&self) -> Option<&str> {
        let host = self.host.as_deref()?;
        if let Some(rest) = host.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            return (port.is_empty() || port.starts_with(':')).then_some(address);
        }
        Some(host.split_once(':').map_or(host, |(name, _)| name))
    }

    /// Whether the request was sent to localhost or a loopback address.
    pub(super) fn has_local_host(&self) -> bool {
        let is_loopback = |address: IpAddr| address.is_loopback();
        self.host_name().is_some_and(|host| {
            host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(is_loopback)
        })
    }
}

impl Once {
    fn read(headers: &HeaderMap, name: HeaderName) -> Self {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(value), None) => Self::Value(value.clone()),
            (Some(_), Some(_)) => Self::Repeated,
        }
    }
}

/// The client. Its address is the right-most one in `X-Forwarded-For` that is not a trusted proxy;
/// the header of an untrusted peer is ignored.
///
/// `Forwarded` (RFC 7239) is never read: where a proxy sets one header, a client can forge the
/// other.
fn client(server: &Server, headers: &HeaderMap, peer: SocketAddr) -> Client {
    let forwarded = headers.get_all(FORWARDED_FOR).iter();
    let forwarded: Vec<&[u8]> = forwarded.map(HeaderValue::as_bytes).collect();
    let trusted = &server.app.config.server.trusted_proxies;
    let user_agent = headers.get(header::USER_AGENT);
    let request_id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    Client::new(
        network::client_address(peer.ip(), &forwarded, trusted),
        user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        request_id
            .and_then(telemetry::accepted_request_id)
            .map_or_else(
                || telemetry::request_id(server.app.random.bytes()),
                str::to_owned,
            ),
    )
}

/// The access token. Without one the caller is anonymous; a value that is not text, or two of
/// them, count as an invalid token.
fn access_token(authorization: &Once) -> Option<SecretString> {
    let token = match authorization {
        Once::Absent => None,
        Once::Value(value) => value.to_str().map_or(Some(""), bearer_token),
        Once::Repeated => Some(""),
    };
    token.map(SecretString::from)
}

/// The token in the value of an `Authorization` header.
pub(super) fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn headers(name: &HeaderName, values: &[&[u8]]) -> HeaderMap {
        let values = values.iter().map(|value| HeaderValue::from_bytes(value));
        values.map(|value| (name.clone(), value.unwrap())).collect()
    }

    #[test]
    fn of_two_headers_none_counts() {
        let read = |values: &[&[u8]]| Once::read(&headers(&header::ORIGIN, values), header::ORIGIN);
        assert_eq!(read(&[]), Once::Absent);
        assert_eq!(read(&[b"a"]), Once::Value(HeaderValue::from_static("a")));
        assert_eq!(read(&[b"a", b"a"]), Once::Repeated);
    }

    #[test]
    fn an_unreadable_or_repeated_token_is_invalid_and_not_absent() {
        let name = header::AUTHORIZATION;
        for (values, token) in [
            (&[] as &[&[u8]], None),
            (&[b"Basic YTpi"], None),
            (&[b"bearer  a "], Some("a")),
            (&[b"Bearer"], Some("")),
            (&[b"Bearer \xff"], Some("")),
            (&[b"Bearer a", b"Bearer a"], Some("")),
        ] {
            let read = access_token(&Once::read(&headers(&name, values), name.clone()));
            let read = read.as_ref().map(ExposeSecret::expose_secret);
            assert_eq!(read, token, "{values:?}");
        }
    }
}

//! The pages that links in messages lead to, and the page at `/`, over HTTP.
//!
//! Their content is in `pages`. Here forms are parsed, and rejected when another site sends them
//! (CSRF). No cookies are set or read: what a form may do depends on its fields alone, so another
//! site could only make use of the visitor's network address.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::server::{Audience, Server, request_id};
use super::{caller, graphql_request, local};
use crate::domain::link::LinkKind;
use crate::pages::{self, FormInput, PageResponse, RenderContext, Surface};

/// Bytes of a form: two passwords of the greatest length, percent-encoded, and a token.
const MAX_FORM_BYTES: usize = 16 * 1024;

/// Fetch Metadata §2.3: how the page that made a request relates to this server.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The page at `/`, and the pages of links on the listener that serves them.
pub(super) fn routes(server: &Server) -> Router<Arc<Server>> {
    let mut routes = Router::new().route("/", get(home));
    let hosted = server.app.config.hosted_links();
    let Some(base) = hosted.filter(|_| server.audience == Audience::Public) else {
        return routes;
    };
    if base != "/" {
        // Messages link there too, for signing in.
        routes = routes.route(&base, get(landing_page));
    }
    for kind in LinkKind::ALL {
        let shown = move |State(server): State<Arc<Server>>, request: Request| async move {
            show(&server, kind, &request)
        };
        let sent =
            move |State(server): State<Arc<Server>>,
                  ConnectInfo(peer): ConnectInfo<SocketAddr>,
                  request: Request| async move { send(&server, kind, peer, request).await };
        let path = format!("{base}{}", kind.path());
        routes = routes.route(&path, get(shown).post(sent));
    }
    routes
}

async fn home(State(server): State<Arc<Server>>, request: Request) -> Response {
    if server.app.config.is_production() {
        return landing_page(State(server), request).await;
    }
    respond(&server, request.headers(), |look| {
        pages::development(&server.app, look, developer_links(&server))
    })
}

async fn landing_page(State(server): State<Arc<Server>>, request: Request) -> Response {
    respond(&server, request.headers(), |look| {
        pages::home(&server.app, look)
    })
}

/// The links on the start page for developers.
fn developer_links(server: &Server) -> Vec<Surface> {
    let place = |href: &str, label, note| Surface {
        href: href.to_owned(),
        label,
        note,
    };
    let mut places = Vec::new();
    if server.serves_graphiql() {
        let note = "Try queries and mutations, with the schema at hand.";
        places.push(place("graphiql", "GraphiQL", note));
    }
    if server.serves_mailbox() {
        let note = "Mail and text messages that would have been sent.";
        places.push(place("dev/mailbox", "Mailbox", note));
    }
    let note = "Where clients send operations (POST).";
    places.push(place("graphql", "/graphql", note));
    let note = "Issuer and keys, for services that check access tokens.";
    places.push(place(".well-known/openid-configuration", "Discovery", note));
    places.push(place("health/ready", "Health", "Whether it can serve."));
    places
}

fn show(server: &Server, kind: LinkKind, request: &Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let token = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "token")
        .map(|(_, value)| value.into_owned());
    respond(server, request.headers(), |look| {
        pages::form_page(&server.app, look, kind, &token.unwrap_or_default())
    })
}

async fn send(server: &Server, kind: LinkKind, peer: SocketAddr, request: Request) -> Response {
    let request_id = request_id(&request);
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    if !is_same_origin(server, headers) {
        server.app.metrics.edge_refusal("FORBIDDEN");
        return respond(server, headers, |look| pages::cross_site(&server.app, look));
    }
    let limit = Duration::from_secs(server.app.config.server.request_timeout_seconds);
    let nonce = nonce(server);
    let look = RenderContext {
        languages: languages(headers),
        nonce: &nonce,
    };
    let answered = tokio::time::timeout(limit, async {
        let Some(filled) = read_form(headers, body).await else {
            return pages::malformed(&server.app, look);
        };
        let client = caller::client(server, headers, peer, &request_id);
        pages::submit(&server.app, client, look, kind, filled).await
    });
    let answer = answered
        .await
        .unwrap_or_else(|_| pages::timed_out(&server.app, look));
    into_response(answer, &nonce)
}

/// Whether a request was sent by a page of this server, or not by a browser.
///
/// Browsers with Fetch Metadata send `Sec-Fetch-Site`; the others send `Origin` with every POST
/// (Fetch §3.2). A client that sends neither is not a browser.
pub(super) fn is_same_origin(server: &Server, headers: &HeaderMap) -> bool {
    let site = headers.get(FETCH_SITE);
    let is_ours = site.is_some_and(|site| site == "same-origin" || site == "none");
    match headers.get(header::ORIGIN) {
        None => site.is_none() || is_ours,
        // Sent in place of an origin for privacy.
        Some(origin) if origin == "null" => is_ours,
        Some(origin) => {
            let own = server.url().origin().ascii_serialization();
            let is_own = origin.to_str().is_ok_and(|origin| {
                own.eq_ignore_ascii_case(origin)
                    || (!server.has_secure_cookies()
                        && local::is_same_local_origin(headers, origin))
            });
            is_own && (site.is_none() || is_ours)
        }
    }
}

/// Parses a form; `None` if it is malformed or repeats a field.
async fn read_form(headers: &HeaderMap, body: Body) -> Option<FormInput> {
    let media = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let (media, _) = media.split_once(';').unwrap_or((media, ""));
    if !media
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    {
        return None;
    }
    let bytes = graphql_request::read_limited(body, MAX_FORM_BYTES)
        .await
        .ok()??;
    let bytes = Zeroizing::new(bytes);
    // A lossy conversion would turn invalid UTF-8 into another password.
    percent_decode(&bytes).decode_utf8().ok()?;
    let mut filled = FormInput::default();
    let mut token = None;
    for (name, value) in url::form_urlencoded::parse(&bytes) {
        let value = value.into_owned();
        let is_repeated = match name.as_ref() {
            "token" => token.replace(value).is_some(),
            "emailOrPhone" => filled.email_or_phone.replace(value).is_some(),
            "password" => secret(&mut filled.password, value),
            "newPassword" => secret(&mut filled.new_password, value),
            "repeated" => secret(&mut filled.repeated, value),
            _ => false,
        };
        if is_repeated {
            return None;
        }
    }
    filled.token = token?;
    Some(filled)
}

fn secret(field: &mut Option<SecretString>, value: String) -> bool {
    field.replace(SecretString::from(value)).is_some()
}

fn languages(headers: &HeaderMap) -> &str {
    headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// A nonce for the policy of one answer (Content Security Policy 3 §7.1).
pub(super) fn nonce(server: &Server) -> String {
    let mut bytes = [0; 16];
    server.app.random.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn respond(
    server: &Server,
    headers: &HeaderMap,
    page: impl FnOnce(RenderContext<'_>) -> PageResponse,
) -> Response {
    let nonce = nonce(server);
    let answer = page(RenderContext {
        languages: languages(headers),
        nonce: &nonce,
    });
    into_response(answer, &nonce)
}

fn into_response(answer: PageResponse, nonce: &str) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    let mut response = (
        status,
        [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::VARY, "Accept-Language"),
        ],
        answer.html,
    )
        .into_response();
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if let Some(seconds) = answer.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

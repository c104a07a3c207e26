//! The pages that links in messages lead to, and the page at `/`, over HTTP.
//!
//! Their content is in `pages`. Here forms are parsed, and rejected when another site sends them
//! (CSRF). No cookies are set or read: what a form may do depends on its fields alone, so another
//! site could only make use of the visitor's network address.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::negotiation::ContentType;
use super::request_head::{Head, RequestHead};
use super::server::{Audience, Server};
use super::{graphql_request, origin};
use crate::domain::link::LinkKind;
use crate::pages::{self, FormInput, PageResponse, RenderContext, Surface};

/// Bytes of a form: two passwords of the greatest length, percent-encoded, and a token.
const MAX_FORM_BYTES: usize = 16 * 1024;

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
        let shown = move |State(server): State<Arc<Server>>, Extension(head): Head, uri: Uri| async move {
            show(&server, kind, &head, &uri)
        };
        let sent = move |State(server): State<Arc<Server>>, Extension(head): Head, body: Body| async move {
            send(&server, kind, &head, body).await
        };
        let path = format!("{base}{}", kind.path());
        routes = routes.route(&path, get(shown).post(sent));
    }
    routes
}

async fn home(State(server): State<Arc<Server>>, Extension(head): Head) -> Response {
    if server.app.config.is_production() {
        return landing_page(State(server), Extension(head)).await;
    }
    respond(&server, &head, |look| {
        pages::development(&server.app, look, developer_links(&server))
    })
}

async fn landing_page(State(server): State<Arc<Server>>, Extension(head): Head) -> Response {
    respond(&server, &head, |look| pages::home(&server.app, look))
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

fn show(server: &Server, kind: LinkKind, head: &RequestHead, uri: &Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    let token = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "token")
        .map(|(_, value)| value.into_owned());
    respond(server, head, |look| {
        pages::form_page(&server.app, look, kind, &token.unwrap_or_default())
    })
}

async fn send(server: &Server, kind: LinkKind, head: &RequestHead, body: Body) -> Response {
    if !origin::is_same(server, head) {
        server.app.metrics.edge_refusal("FORBIDDEN");
        return respond(server, head, |look| pages::cross_site(&server.app, look));
    }
    let limit = Duration::from_secs(server.app.config.server.request_timeout_seconds);
    let nonce = nonce(server);
    let look = RenderContext {
        languages: &head.languages,
        nonce: &nonce,
    };
    let answered = tokio::time::timeout(limit, async {
        let Some(filled) = read_form(head, body).await else {
            return pages::malformed(&server.app, look);
        };
        pages::submit(&server.app, head.client(server), look, kind, filled).await
    });
    let answer = answered
        .await
        .unwrap_or_else(|_| pages::timed_out(&server.app, look));
    into_response(answer, &nonce)
}

/// Parses a form; `None` if it is malformed or repeats a field.
async fn read_form(head: &RequestHead, body: Body) -> Option<FormInput> {
    if head.content_type != ContentType::Form {
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

/// A nonce for the policy of one answer (Content Security Policy 3 §7.1).
pub(super) fn nonce(server: &Server) -> String {
    let mut bytes = [0; 16];
    server.app.random.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn respond(
    server: &Server,
    head: &RequestHead,
    page: impl FnOnce(RenderContext<'_>) -> PageResponse,
) -> Response {
    let nonce = nonce(server);
    let answer = page(RenderContext {
        languages: &head.languages,
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

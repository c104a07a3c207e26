//! Authentication of a request, and the staff-only check of documents sent as text.

use axum::http::StatusCode;
use secrecy::ExposeSecret;

use super::rejection::Rejection;
use super::request_head::RequestHead;
use super::server::Server;
use super::{origin, request_log};
use crate::domain::caller::{Caller, Client};
use crate::domain::role::Role;
use crate::schema::error::{Error, ErrorCode};
use crate::schema::request::{CookieCredential, RequestIdentity, TokenDelivery};
use crate::services::session::{Authenticated, authenticate};

/// Authenticates the caller, with one statement, and decides about the refresh cookie.
pub(super) async fn authenticate_request(
    server: &Server,
    head: &RequestHead,
    client: Client,
) -> Result<RequestIdentity, Rejection> {
    let delivery = delivery(server, head)?;
    let authenticated = authenticate(&server.app, client, token(head)).await;
    let authenticated = authenticated.map_err(Rejection::hiding)?;
    request_log::caller(&authenticated.caller);
    Ok(RequestIdentity {
        caller: authenticated.caller,
        rows: authenticated.rows,
        delivery,
        cookie: cookie(server, head),
    })
}

fn token(head: &RequestHead) -> Option<&str> {
    head.access_token.as_ref().map(ExposeSecret::expose_secret)
}

/// Authenticates the caller by the access token alone.
pub(super) async fn authenticate_bearer(
    server: &Server,
    head: &RequestHead,
    client: Client,
) -> Result<Authenticated, Rejection> {
    let authenticated = authenticate(&server.app, client, token(head)).await;
    let authenticated = authenticated.map_err(Rejection::hiding)?;
    request_log::caller(&authenticated.caller);
    Ok(authenticated)
}

/// How the client receives its refresh token.
fn delivery(server: &Server, head: &RequestHead) -> Result<TokenDelivery, Rejection> {
    let may_set_cookies = server.has_secure_cookies() || head.has_local_host();
    match head.delivery {
        Some(TokenDelivery::Cookie) if !may_set_cookies => Err(Rejection::bad_request(
            "Cookies are only set over https, or on this machine.",
        )),
        Some(delivery) => Ok(delivery),
        None => Err(Rejection::bad_request(
            "Idgate-Delivery is `body` or `cookie`.",
        )),
    }
}

/// The refresh token from the cookie, if the request is protected against CSRF.
fn cookie(server: &Server, head: &RequestHead) -> CookieCredential {
    match &head.refresh_token {
        None => CookieCredential::None,
        Some(token) if head.has_csrf_header && origin::is_allowed(server, head) => {
            CookieCredential::Present(token.clone())
        }
        Some(_) => CookieCredential::Unguarded,
    }
}

/// Authenticates the sender of a document as staff, where only staff may send text; `None` where
/// that is not required.
///
/// Checked before the document is validated: its errors would reveal the schema.
pub(super) async fn require_staff_for_text(
    server: &Server,
    head: &RequestHead,
    client: &Client,
    has_text: bool,
) -> Result<Option<RequestIdentity>, Rejection> {
    if !has_text || !server.exempts_staff() {
        return Ok(None);
    }
    let identity = authenticate_request(server, head, client.clone()).await?;
    check_staff(&identity.caller)?;
    Ok(Some(identity))
}

/// Requires the role of staff, as read from the database for this request.
fn check_staff(caller: &Caller) -> Result<(), Rejection> {
    let Some(person) = caller.signed_in() else {
        let message = "Sign in: without it, only trusted documents run here. Send a `documentId`.";
        let error = Error::of(ErrorCode::Unauthenticated, message);
        return Err(Rejection::new(StatusCode::UNAUTHORIZED, error));
    };
    if person.role() < Role::Staff {
        let message = "Any document and the schema are for staff here. Send a `documentId`.";
        let error = Error::of(ErrorCode::Forbidden, message);
        return Err(Rejection::new(StatusCode::FORBIDDEN, error));
    }
    Ok(())
}

//! Authentication of a request, and the staff-only check of documents sent as text.

use axum::http::{HeaderMap, StatusCode};

use super::rejection::Rejection;
use super::server::Server;
use super::{caller, request_log};
use crate::domain::caller::{Caller, Client};
use crate::domain::role::Role;
use crate::schema::error::{Error, ErrorCode};
use crate::schema::request::RequestIdentity;
use crate::services::session::authenticate;

/// Authenticates the caller, with one statement, and reads the refresh cookie and its delivery.
pub(super) async fn authenticate_request(
    server: &Server,
    headers: &HeaderMap,
    client: Client,
) -> Result<RequestIdentity, Rejection> {
    let delivery = caller::delivery(server, headers)
        .map_err(|error| Rejection::new(StatusCode::BAD_REQUEST, error))?;
    let authenticated = authenticate(&server.app, client, caller::bearer(headers)).await;
    let authenticated = authenticated.map_err(|fault| {
        let error = Error::from(fault);
        let status = if error.retry_after.is_some() {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        Rejection::new(status, error)
    })?;
    request_log::caller(&authenticated.caller);
    Ok(RequestIdentity {
        caller: authenticated.caller,
        rows: authenticated.rows,
        delivery,
        cookie: caller::cookie(server, headers),
    })
}

/// Authenticates the sender of a document as staff, where only staff may send text; `None` where
/// that is not required.
///
/// Checked before the document is validated: its errors would reveal the schema.
pub(super) async fn require_staff_for_text(
    server: &Server,
    headers: &HeaderMap,
    client: &Client,
    has_text: bool,
) -> Result<Option<RequestIdentity>, Rejection> {
    if !has_text || !server.exempts_staff() {
        return Ok(None);
    }
    let identity = authenticate_request(server, headers, client.clone()).await?;
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

//! Who comes: from the headers of a request to a caller, and whether a text of theirs is looked at.

use axum::http::{HeaderMap, StatusCode};

use super::rejection::Rejection;
use super::server::Server;
use super::{caller, observed};
use crate::domain::caller::{Caller, Client};
use crate::domain::role::Role;
use crate::schema::error::{Error, ErrorCode};
use crate::schema::request::Arrival;
use crate::services::session::authenticate;

/// Finds out who asks, by one statement, and how they want refresh tokens.
pub(super) async fn arrive(
    server: &Server,
    headers: &HeaderMap,
    client: Client,
) -> Result<Arrival, Rejection> {
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
    observed::caller(&authenticated.caller);
    Ok(Arrival {
        caller: authenticated.caller,
        rows: authenticated.rows,
        delivery,
        cookie: caller::cookie(server, headers),
    })
}

/// Where texts are for staff alone, whoever sends one, if they are staff; otherwise nobody yet.
///
/// Asked before the text is looked at: what is wrong with it tells about the schema.
pub(super) async fn admit(
    server: &Server,
    headers: &HeaderMap,
    client: &Client,
    is_text: bool,
) -> Result<Option<Arrival>, Rejection> {
    if !is_text || !server.exempts_staff() {
        return Ok(None);
    }
    let arrival = arrive(server, headers, client.clone()).await?;
    expect_staff(&arrival.caller)?;
    Ok(Some(arrival))
}

/// Lets staff through, by the role that was read for this request.
fn expect_staff(caller: &Caller) -> Result<(), Rejection> {
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

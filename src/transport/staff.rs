//! What the staff surface asks for before it runs a document that is not a trusted one.
//!
//! Whether it asks at all is `graphql.staff_introspection`.

use axum::http::StatusCode;

use crate::domain::caller::Caller;
use crate::domain::role::Role;
use crate::schema::error::{Error, ErrorCode};

/// Lets staff through, by the role that was read for this request.
pub(super) fn admit(caller: &Caller) -> Result<(), (StatusCode, Error)> {
    let Some(person) = caller.signed_in() else {
        let message = "Sign in: without it, only trusted documents run here. Send a `documentId`.";
        let error = Error::of(ErrorCode::Unauthenticated, message);
        return Err((StatusCode::UNAUTHORIZED, error));
    };
    if person.role() < Role::Staff {
        let message = "Any document and the schema are for staff here. Send a `documentId`.";
        let error = Error::of(ErrorCode::Forbidden, message);
        return Err((StatusCode::FORBIDDEN, error));
    }
    Ok(())
}

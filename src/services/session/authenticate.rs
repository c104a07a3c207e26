//! Authenticating a bearer token, in one statement.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::app::App;
use crate::domain::caller::{Caller, Client, SignedIn};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::permission::PermissionSet;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::fault::Fault;

/// A caller, with the rows that were read to authenticate it.
#[derive(Debug)]
pub struct Authenticated {
    /// The caller.
    pub caller: Caller,
    /// The account and session of a signed-in caller.
    pub rows: Option<(Arc<User>, Arc<Session>)>,
    /// When a valid token expires.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Authenticates the access token, if one was presented.
///
/// Only the signature check may be cached. The session, suspension and role are read from the
/// primary each time, so revoking any of them takes effect with the next request.
pub async fn authenticate(
    app: &App,
    client: Client,
    bearer: Option<&str>,
) -> Result<Authenticated, Fault> {
    let Some(token) = bearer else {
        return Ok(Authenticated {
            caller: Caller::anonymous(client),
            rows: None,
            expires_at: None,
        });
    };
    match verify(app, token).await? {
        Some((signed_in, user, session, expires_at)) => Ok(Authenticated {
            caller: Caller::signed_in_as(client, signed_in),
            rows: Some((user, session)),
            expires_at,
        }),
        None => Ok(Authenticated {
            caller: Caller::rejected(client),
            rows: None,
            expires_at: None,
        }),
    }
}

type Verified = (SignedIn, Arc<User>, Arc<Session>, Option<DateTime<Utc>>);

async fn verify(app: &App, token: &str) -> Result<Option<Verified>, Fault> {
    let now = app.clock.now();
    let keys = app.signing_keys();
    let checked = keys.verify(
        token,
        now,
        &app.config.tokens.issuer,
        &app.config.tokens.audience,
    );
    let Ok(claims) = checked else {
        return Ok(None);
    };
    let (user_id, session_id) = (UserId::from(claims.sub), SessionId::from(claims.sid));
    let found = app.session_reader.find_with_user(&app.database, session_id);
    let Some((session, user)) = found.await? else {
        return Ok(None);
    };
    let permissions = PermissionSet::of(user.role, user.staff_functions);
    let is_valid = session.user_id == user_id
        && session.is_live(now)
        && user.may_sign_in()
        // A change of role or functions invalidates earlier access tokens.
        && claims.role == user.role
        && claims.scope == permissions.scope();
    if !is_valid {
        return Ok(None);
    }
    let signed_in = SignedIn::new(&user, &session, permissions);
    let expires_at = DateTime::from_timestamp(claims.exp, 0);
    Ok(Some((signed_in, user, session, expires_at)))
}

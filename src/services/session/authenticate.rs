//! Authenticating a bearer token, in one statement.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::app::App;
use crate::crypto::simplejwt::LegacyTokenKind;
use crate::domain::caller::{Caller, Client, SignedIn};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::permission::PermissionSet;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::services::session::legacy;
use crate::stores::session::SessionReader;

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
    let verified = verify(app, &client, &app.session_reader, token).await?;
    Ok(Authenticated::of(client, verified))
}

/// The same for a listener, before every batch of events: together with the others that an event wakes,
/// and without a request that waits behind them.
pub async fn authenticate_listener(
    app: &App,
    client: Client,
    token: &str,
) -> Result<Authenticated, Fault> {
    let verified = verify(app, &client, &app.listener_sessions, token).await?;
    Ok(Authenticated::of(client, verified))
}

impl Authenticated {
    fn of(client: Client, verified: Option<Verified>) -> Self {
        match verified {
            Some((signed_in, user, session, expires_at)) => Self {
                caller: Caller::signed_in_as(client, signed_in),
                rows: Some((user, session)),
                expires_at,
            },
            None => Self {
                caller: Caller::rejected(client),
                rows: None,
                expires_at: None,
            },
        }
    }
}

type Verified = (SignedIn, Arc<User>, Arc<Session>, Option<DateTime<Utc>>);

async fn verify(
    app: &App,
    client: &Client,
    sessions: &SessionReader,
    token: &str,
) -> Result<Option<Verified>, Fault> {
    let now = app.clock.now();
    let keys = app.signing_keys();
    let checked = keys.verify(
        token,
        now,
        &app.config.tokens.issuer,
        &app.config.tokens.audience,
    );
    let Ok(claims) = checked else {
        // Boxed: it is rare, and would make the future of every request several times as large.
        return Box::pin(verify_legacy(app, client, sessions, token)).await;
    };
    let (user_id, session_id) = (UserId::from(claims.sub), SessionId::from(claims.sid));
    let found = sessions.find_with_user(&app.database, session_id);
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

/// An access token of the old system. Its session is read from the primary each time, like any other.
async fn verify_legacy(
    app: &App,
    client: &Client,
    sessions: &SessionReader,
    token: &str,
) -> Result<Option<Verified>, Fault> {
    let Some(token) = legacy::verify(app, token, LegacyTokenKind::Access) else {
        return Ok(None);
    };
    let id = legacy::session_id(&token);
    let mut found = sessions.find_with_user(&app.database, id).await?;
    if found.is_none() && legacy::begin(app, client, &token).await? {
        found = sessions.find_with_user(&app.database, id).await?;
    }
    let Some((session, user)) = found else {
        return Ok(None);
    };
    let is_valid = user.legacy_id == Some(token.user)
        && session.is_live(app.clock.now())
        && legacy::honours_tokens(&user);
    if !is_valid {
        return Ok(None);
    }
    let permissions = PermissionSet::of(user.role, user.staff_functions);
    let signed_in = SignedIn::new(&user, &session, permissions);
    Ok(Some((signed_in, user, session, Some(token.expires_at))))
}

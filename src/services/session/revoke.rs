//! Ending sessions: one's own, a given one, or all others.

use std::convert::Infallible;

use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::app::App;
use crate::crypto::simplejwt::LegacyTokenKind;
use crate::domain::caller::{Caller, Client, SignedIn};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::session::RevocationReason;
use crate::domain::token::RefreshCredential;
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::refused::Refused;
use crate::services::session::legacy;
use crate::services::throttle::{self, RateLimit, RateLimitExceeded};
use crate::stores::session::{self, SessionSet};
use crate::stores::{Tx, legacy_sign_out, refresh_token};

/// Why no session was ended.
#[derive(Debug, PartialEq, Eq)]
pub enum RevokeProblem {
    /// The user has no such live session.
    NotFound,
}

/// The credential that identifies the session to end.
#[derive(Debug)]
pub enum LogoutCredential<'a> {
    /// The access token of the session.
    Caller(&'a SignedIn),
    /// A refresh token of the session.
    RefreshToken(RefreshCredential),
}

/// Ends the session of the credential; `false` if it had ended before.
pub async fn logout(
    app: &App,
    client: &Client,
    credential: LogoutCredential<'_>,
) -> Result<bool, Refused<Infallible, Infallible>> {
    if let LogoutCredential::Caller(person) = &credential {
        charge(app, client, person.user()).await?;
    } else {
        throttle::charge(app, client, RateLimit::Refresh).await?;
    }
    let tx = app.begin().await?;
    let found = match credential {
        LogoutCredential::Caller(person) => Some((person.user(), person.session())),
        LogoutCredential::RefreshToken(RefreshCredential::Legacy(token)) => {
            // Begun only to be ended: the row keeps the token from being used later.
            match legacy::verify(app, token.expose_secret(), LegacyTokenKind::Refresh) {
                Some(token) => legacy::begin_in(&tx, app, client, &token)
                    .await?
                    .map(|(session, user)| (user.id, session.id)),
                None => None,
            }
        }
        LogoutCredential::RefreshToken(RefreshCredential::Token(token)) => {
            match refresh_token::lock_by_hash(&tx, &token.hash()).await? {
                Some(row) => session::find_with_user(&tx, row.session_id)
                    .await?
                    .map(|(session, user)| (user.id, session.id)),
                None => None,
            }
        }
    };
    let Some((owner, id)) = found else {
        return Ok(false);
    };
    let ended = end(
        &tx,
        app,
        client,
        owner,
        SessionSet::Only(id),
        (Action::SessionEnded, RevocationReason::SignedOut),
    )
    .await?
        > 0;
    tx.commit().await?;
    Ok(ended)
}

/// Ends one of the user's own sessions.
pub async fn revoke(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    id: SessionId,
) -> Result<(), Refused<RevokeProblem, Infallible>> {
    charge(app, &caller.client, person.user()).await?;
    let tx = app.begin().await?;
    let which = SessionSet::Only(id);
    let client = &caller.client;
    if end(
        &tx,
        app,
        client,
        person.user(),
        which,
        (Action::SessionRevoked, RevocationReason::Revoked),
    )
    .await?
        == 0
    {
        return Err(Refused::Because(RevokeProblem::NotFound));
    }
    if id.is_of_legacy_token() {
        // The device may hold another token of the old system, which was never seen here.
        legacy_sign_out::record(&tx, person.user(), app.clock.now()).await?;
    }
    Ok(tx.commit().await?)
}

/// Ends all of the user's sessions but the caller's, and returns how many.
pub async fn revoke_others(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
) -> Result<u64, Refused<Infallible, Infallible>> {
    charge(app, &caller.client, person.user()).await?;
    let tx = app.begin().await?;
    let which = SessionSet::AllBut(person.session());
    let client = &caller.client;
    let ended = end(
        &tx,
        app,
        client,
        person.user(),
        which,
        (
            Action::OtherSessionsRevoked,
            RevocationReason::OthersRevoked,
        ),
    )
    .await?;
    tx.commit().await?;
    Ok(ended)
}

async fn charge(app: &App, client: &Client, user: UserId) -> Result<(), RateLimitExceeded> {
    throttle::charge(app, client, RateLimit::AccountChange { user }).await
}

async fn end(
    tx: &Tx,
    app: &App,
    client: &Client,
    owner: UserId,
    which: SessionSet,
    (action, reason): (Action, RevocationReason),
) -> Result<u64, Fault> {
    let ended = session::revoke(tx, owner, which, reason, app.clock.now()).await?;
    if ended > 0 {
        let changes = match which {
            SessionSet::Only(id) => json!({ "sessionId": id.to_string() }),
            SessionSet::AllBut(_) | SessionSet::All => json!({ "sessions": ended }),
        };
        let event = Event::new(action, Subject::User(owner))
            .by_user(owner)
            .with(changes);
        audit::record(tx, app, client, event).await?;
    }
    Ok(ended)
}

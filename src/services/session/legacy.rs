//! Sessions of tokens that the old system issued.
//!
//! Such a token has no row here before its first use, which gives it one: a session whose id follows
//! from the token. From then on it is listed and revoked like any other. What ended before that first
//! use has to be remembered: when all sessions of the account last ended, and, by the row, that this
//! one did.

use chrono::Duration;

use crate::app::App;
use crate::crypto::simplejwt::{CLOCK_SKEW_SECONDS, LegacyToken, LegacyTokenKind};
use crate::domain::caller::Client;
use crate::domain::ids::SessionId;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::sign_in::{self, Authentication};
use crate::stores::{Tx, legacy_sign_out, session, user};

/// Verifies a token of the old system; `None` also where none is accepted.
pub(super) fn verify(app: &App, text: &str, kind: LegacyTokenKind) -> Option<LegacyToken> {
    let now = app.clock.now();
    let token = app.simplejwt.as_ref()?.verify(text, kind, now)?;
    // The row of an ended session is removed after this time; a token must not outlive it.
    let kept = Duration::days(app.config.retention.ended_sessions_days)
        - Duration::seconds(CLOCK_SKEW_SECONDS);
    (now < token.issued_at + kept).then_some(token)
}

/// The id of the token's session.
pub(super) fn session_id(token: &LegacyToken) -> SessionId {
    token.id.into()
}

/// Adds the session of a token that is used for the first time; `false` if the account may not sign
/// in, or all its sessions ended since the token was issued.
pub(super) async fn begin(app: &App, client: &Client, token: &LegacyToken) -> Result<bool, Fault> {
    // Without a transaction first: a void token may be sent again and again.
    let database = &app.database;
    let Some(user) = user::find_by_legacy_id(database, token.user).await? else {
        return Ok(false);
    };
    let since = token.issued_at;
    if !honours_tokens(&user) || legacy_sign_out::is_since(database, user.id, since).await? {
        return Ok(false);
    }
    let tx = app.begin().await?;
    let began = begin_in(&tx, app, client, token).await?.is_some();
    tx.commit().await?;
    Ok(began)
}

/// [`begin`] in a transaction; returns the session and its account.
pub(super) async fn begin_in(
    tx: &Tx,
    app: &App,
    client: &Client,
    token: &LegacyToken,
) -> Result<Option<(Session, User)>, Fault> {
    // Locked, so that no sign-out of all sessions can pass between the check and the new row.
    let Some(user) = user::lock_by_legacy_id(tx, token.user).await? else {
        return Ok(None);
    };
    let id = session_id(token);
    if let Some(found) = session::find_with_user(tx, id).await? {
        return Ok(Some(found).filter(|(_, owner)| owner.id == user.id));
    }
    if !honours_tokens(&user) || legacy_sign_out::is_since(tx, user.id, token.issued_at).await? {
        return Ok(None);
    }
    let session = new_session(app, client, &user, token);
    session::insert(tx, &session).await?;
    let event = Event::new(Action::LegacySessionBegun, Subject::User(user.id)).by_user(user.id);
    audit::record(tx, app, client, event).await?;
    Ok(Some((session, user)))
}

/// Whether tokens of the old system sign in to this account: not to a reclaimed one, whose former owner
/// can still sign in over there (account takeover).
pub(super) fn honours_tokens(user: &User) -> bool {
    user.may_sign_in() && user.reclaimed_at.is_none()
}

fn new_session(app: &App, client: &Client, user: &User, token: &LegacyToken) -> Session {
    let absolute = Duration::seconds(app.config.sessions.absolute_seconds);
    let ends = token.issued_at + absolute;
    // A token may have been refreshed long after the person signed in.
    let stale = app.clock.now() - Duration::seconds(app.config.sessions.fresh_seconds + 1);
    let authentication = Authentication::elsewhere(token.issued_at.min(stale));
    Session {
        id: session_id(token),
        expires_at: match token.kind {
            LegacyTokenKind::Access => ends.min(token.expires_at),
            LegacyTokenKind::Refresh => ends,
        },
        ..sign_in::new_session(app, client, user.id, authentication)
    }
}

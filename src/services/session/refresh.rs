//! Rotating a refresh token.

use std::convert::Infallible;

use chrono::{DateTime, Duration, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::app::App;
use crate::crypto::seal::SealingKey;
use crate::crypto::simplejwt::LegacyTokenKind;
use crate::domain::caller::Client;
use crate::domain::ids::RefreshTokenId;
use crate::domain::session::{RevocationReason, Session};
use crate::domain::token::{PlainToken, RefreshCredential, TokenKind};
use crate::domain::user::User;
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::refused::Refused;
use crate::services::session::legacy;
use crate::services::sign_in::{self, SessionTokens};
use crate::services::throttle::{self, RateLimit};
use crate::stores::Tx;
use crate::stores::refresh_token::{self, Consumed, RefreshToken};
use crate::stores::session::{self, SessionSet};

/// The label of the key that seals a successor, derived from the presented token.
const SUCCESSOR_LABEL: &str = "refresh-token-successor";

/// Why the refresh token was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum RefreshProblem {
    /// Unknown, expired, reused, or of an ended session.
    TokenInvalid,
}

/// Exchanges a refresh token for its successor and a new access token.
///
/// For a short window the same token returns the same successor, so a lost answer or a second
/// browser tab does not end the session. Any other reuse revokes the family (RFC 9700 §4.14.2).
pub async fn refresh(
    app: &App,
    client: &Client,
    presented: Option<RefreshCredential>,
) -> Result<SessionTokens, Refused<RefreshProblem, Infallible>> {
    throttle::charge(app, client, RateLimit::Refresh).await?;
    let presented = match presented {
        Some(RefreshCredential::Token(token)) => token,
        Some(RefreshCredential::Legacy(token)) => {
            return exchange_legacy(app, client, &token).await;
        }
        None => return Err(Refused::Because(RefreshProblem::TokenInvalid)),
    };
    if let Some(tokens) = rotate_at_once(app, client, &presented).await? {
        return Ok(tokens);
    }
    let tx = app.begin().await?;
    let Some(row) = refresh_token::lock_by_hash(&tx, &presented.hash()).await? else {
        return refuse(tx, app, client, Subject::System).await;
    };
    let Some((session, user)) = session::find_with_user(&tx, row.session_id).await? else {
        return Err(Refused::Because(RefreshProblem::TokenInvalid));
    };
    let now = app.clock.now();
    if !session.is_live(now) || !user.may_sign_in() || (row.is_fresh() && now >= row.expires_at) {
        return refuse(tx, app, client, Subject::User(user.id)).await;
    }
    match &row.consumed {
        None => rotate(tx, app, client, &presented, row.id, session, user).await,
        Some(consumed) => match reissue_successor(&tx, app, &presented, &row, consumed, now).await?
        {
            Some((token, expires_at)) => {
                tx.commit().await?;
                Ok(sign_in::issue(app, user, session, token, expires_at)?)
            }
            None => revoke_family(tx, app, client, &session, &user).await,
        },
    }
}

/// Exchanges a refresh token of the old system for tokens of its session here.
///
/// There it could be used again and again, so that a client may keep it and forget its successors.
/// Once a successor was used the client is known to keep those. Then the old token is reuse, for as long
/// as the used one is on record (RFC 9700 §4.14.2).
async fn exchange_legacy(
    app: &App,
    client: &Client,
    token: &SecretString,
) -> Result<SessionTokens, Refused<RefreshProblem, Infallible>> {
    let verified = legacy::verify(app, token.expose_secret(), LegacyTokenKind::Refresh);
    let tx = app.begin().await?;
    let found = match &verified {
        Some(token) => legacy::begin_in(&tx, app, client, token).await?,
        None => None,
    };
    let Some((session, user)) = found else {
        return refuse(tx, app, client, Subject::System).await;
    };
    let now = app.clock.now();
    if !session.is_live(now) || !legacy::honours_tokens(&user) {
        return refuse(tx, app, client, Subject::User(user.id)).await;
    }
    if refresh_token::is_any_used(&tx, session.id).await? {
        return revoke_family(tx, app, client, &session, &user).await;
    }
    // What the client forgot must not pile up.
    let forgotten = now - Duration::seconds(app.config.sessions.grace_seconds);
    refresh_token::delete_issued_before(&tx, session.id, forgotten).await?;
    record_use(&tx, app, client, &session).await?;
    let (token, row) = sign_in::new_refresh_token(app, &session, None);
    refresh_token::insert(&tx, &row, &token.hash(), app.clock.now()).await?;
    tx.commit().await?;
    Ok(sign_in::issue(app, user, session, token, row.expires_at)?)
}

/// The usual case in two statements: an unused token of a live session on the same device. `None` if
/// anything is different, or becomes so meanwhile; then nothing has been issued.
///
/// Postgres alone can write to several tables in one statement.
async fn rotate_at_once(
    app: &App,
    client: &Client,
    presented: &PlainToken,
) -> Result<Option<SessionTokens>, Fault> {
    if app.database.is_sqlite() {
        return Ok(None);
    }
    let found = refresh_token::find_with_session(&app.database, &presented.hash()).await?;
    let Some((row, session, user)) = found else {
        return Ok(None);
    };
    let now = app.clock.now();
    let is_usable = row.is_fresh() && now < row.expires_at && session.is_live(now);
    if !is_usable || !user.may_sign_in() || !is_same_device(client, &session) {
        return Ok(None);
    }
    let (token, successor, consumed) = successor(app, presented, &session, row.id);
    let (hash, address) = (token.hash(), client.address.to_string());
    let rotated = refresh_token::rotate(
        &app.database,
        row.id,
        consumed,
        (&successor, &hash),
        (&address, client.agent()),
    );
    if !rotated.await? {
        return Ok(None);
    }
    let expires_at = successor.expires_at;
    Ok(Some(sign_in::issue(app, user, session, token, expires_at)?))
}

async fn rotate(
    tx: Tx,
    app: &App,
    client: &Client,
    presented: &PlainToken,
    id: RefreshTokenId,
    session: Session,
    user: User,
) -> Result<SessionTokens, Refused<RefreshProblem, Infallible>> {
    let (token, row, consumed) = successor(app, presented, &session, id);
    refresh_token::consume(&tx, id, consumed).await?;
    refresh_token::insert(&tx, &row, &token.hash(), app.clock.now()).await?;
    record_use(&tx, app, client, &session).await?;
    tx.commit().await?;
    Ok(sign_in::issue(app, user, session, token, row.expires_at)?)
}

/// A new token in place of the presented one, and what is recorded of the latter.
fn successor(
    app: &App,
    presented: &PlainToken,
    session: &Session,
    id: RefreshTokenId,
) -> (PlainToken, RefreshToken, Consumed) {
    let (token, row) = sign_in::new_refresh_token(app, session, Some(id));
    let key = SealingKey::new(&presented.derive_key(SUCCESSOR_LABEL));
    let sealed = key.seal(
        &app.random,
        row.id.uuid().as_bytes(),
        token.reveal().as_bytes(),
    );
    let consumed = Consumed {
        at: app.clock.now(),
        successor_id: row.id,
        sealed_successor: Some(sealed),
    };
    (token, row, consumed)
}

fn is_same_device(client: &Client, session: &Session) -> bool {
    let agent = client.agent();
    (&agent.os, &agent.device) == (&session.os, &session.device)
}

/// The same successor again, while the window is open and the successor is unused.
async fn reissue_successor(
    tx: &Tx,
    app: &App,
    presented: &PlainToken,
    row: &RefreshToken,
    consumed: &Consumed,
    now: DateTime<Utc>,
) -> Result<Option<(PlainToken, DateTime<Utc>)>, Fault> {
    let window = Duration::seconds(app.config.sessions.grace_seconds);
    if now >= consumed.at + window {
        return Ok(None);
    }
    let Some(successor) = refresh_token::lock(tx, consumed.successor_id).await? else {
        return Ok(None);
    };
    let unused = successor.is_fresh() && successor.predecessor_id == Some(row.id);
    let Some(sealed) = consumed.sealed_successor.as_deref().filter(|_| unused) else {
        return Ok(None);
    };
    let key = SealingKey::new(&presented.derive_key(SUCCESSOR_LABEL));
    let opened = key.open(successor.id.uuid().as_bytes(), sealed)?;
    let text = std::str::from_utf8(&opened)?;
    let token = PlainToken::parse(TokenKind::Refresh, text)
        .ok_or_else(|| Fault::new("a sealed successor is no refresh token"))?;
    Ok(Some((token, successor.expires_at)))
}

/// Updates the last use of the session, and records a change of device.
async fn record_use(tx: &Tx, app: &App, client: &Client, session: &Session) -> Result<(), Fault> {
    let agent = client.agent();
    session::touch(
        tx,
        session.id,
        &client.address.to_string(),
        agent,
        app.clock.now(),
    )
    .await?;
    if is_same_device(client, session) {
        return Ok(());
    }
    let change = |before: &str, after: &str| json!({ "before": before, "after": after });
    let changes = json!({
        "os": change(&session.os, &agent.os),
        "device": change(&session.device, &agent.device),
    });
    let subject = Subject::User(session.user_id);
    let event = Event::new(Action::DeviceChanged, subject)
        .by_user(session.user_id)
        .with(changes);
    audit::record(tx, app, client, event).await
}

/// RFC 9700 §4.14.2: reuse of a consumed refresh token revokes the family.
async fn revoke_family(
    tx: Tx,
    app: &App,
    client: &Client,
    session: &Session,
    user: &User,
) -> Result<SessionTokens, Refused<RefreshProblem, Infallible>> {
    let now = app.clock.now();
    session::revoke(
        &tx,
        user.id,
        SessionSet::Only(session.id),
        RevocationReason::RefreshTokenReused,
        now,
    )
    .await?;
    let event = Event::new(Action::RefreshTokenReused, Subject::User(user.id))
        .with(json!({ "sessionId": session.id.to_string() }));
    audit::record(&tx, app, client, event).await?;
    tx.commit().await?;
    Err(Refused::Because(RefreshProblem::TokenInvalid))
}

/// Not attributed to an account: a client can present invalid tokens indefinitely.
async fn refuse(
    tx: Tx,
    app: &App,
    client: &Client,
    subject: Subject<'_>,
) -> Result<SessionTokens, Refused<RefreshProblem, Infallible>> {
    let event = Event::new(Action::RefreshRefused, subject);
    audit::record_unattributed(&tx, app, client, event).await?;
    tx.commit().await?;
    Err(Refused::Because(RefreshProblem::TokenInvalid))
}

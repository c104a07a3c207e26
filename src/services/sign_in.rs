//! Starting a session and issuing its tokens, for every way of signing in.

use chrono::{DateTime, Duration, Utc};

use crate::app::App;
use crate::crypto::access_token::Claims;
use crate::domain::caller::{Client, SignedIn};
use crate::domain::ids::{RefreshTokenId, UserId};
use crate::domain::permission::PermissionSet;
use crate::domain::session::Session;
use crate::domain::token::{PlainToken, TokenKind};
use crate::domain::user::User;
use crate::fault::Fault;
use crate::services::device;
use crate::stores::{Tx, refresh_token, session};

/// A new or refreshed session with its tokens.
#[derive(Debug)]
pub struct SessionTokens {
    /// The user of the session.
    pub user: User,
    /// The session.
    pub session: Session,
    /// RFC 9068 access token.
    pub access_token: String,
    /// Lifetime of the access token in seconds.
    pub expires_in: i64,
    /// The refresh token in plain text; only its hash is stored.
    pub refresh_token: PlainToken,
    /// When the refresh token expires unless it is used.
    pub refresh_expires_at: DateTime<Utc>,
    /// The device token for later sign-ins.
    pub device_token: String,
}

/// How and when the user authenticated: `amr` and `auth_time` (OpenID Connect Core §2, RFC 8176).
#[derive(Debug)]
pub(super) struct Authentication {
    methods: Vec<String>,
    time: DateTime<Utc>,
}

impl Authentication {
    /// An authentication by these methods at this moment.
    pub(super) fn now(app: &App, methods: &[&str]) -> Self {
        Self {
            methods: methods.iter().map(|&method| method.to_owned()).collect(),
            time: app.clock.now(),
        }
    }

    /// An authentication in another system, at a time and by a method that are not known exactly.
    pub(super) fn elsewhere(time: DateTime<Utc>) -> Self {
        Self {
            methods: Vec::new(),
            time,
        }
    }

    /// The authentication of an existing session: continuing it is not a new authentication.
    pub(super) fn of_session(person: &SignedIn) -> Self {
        Self {
            methods: person.amr().to_vec(),
            time: person.auth_time(),
        }
    }
}

/// Inserts a session with its first refresh token, for a user who authenticated just now.
pub(super) async fn start(
    tx: &Tx,
    app: &App,
    client: &Client,
    user: User,
    amr: &[&str],
) -> Result<SessionTokens, Fault> {
    start_with(tx, app, client, user, Authentication::now(app, amr)).await
}

/// Inserts a session that rests on an authentication at any time.
pub(super) async fn start_with(
    tx: &Tx,
    app: &App,
    client: &Client,
    user: User,
    authentication: Authentication,
) -> Result<SessionTokens, Fault> {
    let session = new_session(app, client, user.id, authentication);
    session::insert(tx, &session).await?;
    let (token, row) = new_refresh_token(app, &session, None);
    refresh_token::insert(tx, &row, &token.hash(), session.created_at).await?;
    issue(app, user, session, token, row.expires_at)
}

/// A session that begins now and rests on this authentication.
pub(super) fn new_session(
    app: &App,
    client: &Client,
    user: UserId,
    authentication: Authentication,
) -> Session {
    let now = app.clock.now();
    let Authentication { methods, time } = authentication;
    let agent = client.agent();
    Session {
        id: app.new_id(),
        user_id: user,
        created_at: now,
        last_seen_at: now,
        // A session that continues another one must not outlive the same authentication.
        expires_at: time + Duration::seconds(app.config.sessions.absolute_seconds),
        auth_time: time,
        amr: methods,
        ip_address: Some(client.address.to_string()),
        user_agent: agent.text.clone(),
        browser: agent.browser.clone(),
        os: agent.os.clone(),
        device: agent.device.clone(),
        revoked_at: None,
    }
}

/// A new refresh token of the session's family; it never outlives the session.
pub(super) fn new_refresh_token(
    app: &App,
    session: &Session,
    predecessor_id: Option<RefreshTokenId>,
) -> (PlainToken, refresh_token::RefreshToken) {
    let idle = Duration::seconds(app.config.sessions.refresh_idle_seconds);
    let token = PlainToken::from_random(TokenKind::Refresh, app.random.bytes());
    let row = refresh_token::RefreshToken {
        id: app.new_id(),
        session_id: session.id,
        expires_at: session.expires_at.min(app.clock.now() + idle),
        predecessor_id,
        consumed: None,
    };
    (token, row)
}

/// Signs an access token for a live session and assembles the result.
pub(super) fn issue(
    app: &App,
    user: User,
    session: Session,
    refresh_token: PlainToken,
    refresh_expires_at: DateTime<Utc>,
) -> Result<SessionTokens, Fault> {
    let access_token = access_token(app, &user, &session)?;
    let device_token = device::of_session(app, &user, session.id);
    let expires_in = app.config.tokens.access_seconds;
    Ok(SessionTokens {
        user,
        session,
        access_token,
        expires_in,
        refresh_token,
        refresh_expires_at,
        device_token,
    })
}

/// RFC 9068 §2.2: the claims of an access token.
pub(super) fn access_token(app: &App, user: &User, session: &Session) -> Result<String, Fault> {
    let now = app.clock.now();
    let permissions = PermissionSet::of(user.role, user.staff_functions);
    let claims = Claims {
        iss: app.config.tokens.issuer.clone(),
        sub: user.id.uuid(),
        aud: app.config.tokens.audience.clone(),
        exp: now.timestamp() + app.config.tokens.access_seconds,
        iat: now.timestamp(),
        jti: app.random.uuid_v7(now),
        sid: session.id.uuid(),
        scope: permissions.scope(),
        role: user.role,
        auth_time: session.auth_time.timestamp(),
        amr: session.amr.clone(),
    };
    Ok(app.signing_keys().sign(&claims)?)
}

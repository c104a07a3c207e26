//! Device tokens: a device that signed in before gets rate limits of its own.
//!
//! Otherwise an attacker could lock a user out by guessing at their address until its limit is
//! exceeded. The token authenticates no one: it never replaces a password or a code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::app::App;
use crate::crypto::keyring::Purpose;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::token::TokenKind;
use crate::domain::user::User;

/// Longer texts cannot be a token of ours and are not decoded.
const MAX_TOKEN_LENGTH: usize = 128;

/// A device that signed in to some account. [`Device::is_known_to`] tells whether it was this one.
#[derive(Clone, Debug)]
pub(super) struct Device {
    id: Uuid,
    user: UserId,
    version: i64,
    token: String,
}

impl Device {
    /// The key of the device's rate limits.
    pub(super) fn limit_key(&self) -> String {
        self.id.to_string()
    }

    /// Whether the token was issued for this account and its current credentials: a new password
    /// invalidates it.
    pub(super) fn is_known_to(&self, user: &User) -> bool {
        self.user == user.id && self.version == user.credential_version
    }
}

/// Verifies a presented token, without any look-up.
pub(super) fn read(app: &App, token: Option<&str>) -> Option<Device> {
    let token = token.filter(|token| token.len() <= MAX_TOKEN_LENGTH)?;
    let encoded = token.strip_prefix(TokenKind::Device.prefix())?;
    let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    let (id, rest) = bytes.split_first_chunk::<16>()?;
    let (user, rest) = rest.split_first_chunk::<16>()?;
    let (version, mac) = rest.split_first_chunk::<8>()?;
    let parts: [&[u8]; 3] = [id, user, version];
    let is_ours = app.keyring.verify_mac(Purpose::DeviceToken, &parts, mac);
    is_ours.then(|| Device {
        id: Uuid::from_bytes(*id),
        user: Uuid::from_bytes(*user).into(),
        version: i64::from_be_bytes(*version),
        token: token.to_owned(),
    })
}

/// The token to return at sign-in: the presented one if it is still valid, so that a client does
/// not collect tokens.
pub(super) fn keep_or_issue(
    app: &App,
    presented: Option<Device>,
    user: &User,
    session: SessionId,
) -> String {
    match presented.filter(|device| device.is_known_to(user)) {
        Some(device) => device.token,
        None => of_session(app, user, session),
    }
}

/// The token of this session under the current credentials. Deterministic: one per session.
pub(super) fn of_session(app: &App, user: &User, session: SessionId) -> String {
    let (session, person) = (session.uuid(), user.id.uuid());
    let version = user.credential_version.to_be_bytes();
    let parts: [&[u8]; 3] = [session.as_bytes(), person.as_bytes(), &version];
    let mac = app.keyring.mac(Purpose::DeviceToken, &parts);
    let mut bytes = parts.concat();
    bytes.extend_from_slice(&mac);
    let prefix = TokenKind::Device.prefix();
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

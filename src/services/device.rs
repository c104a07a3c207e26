//! Device tokens: a device that signed in before keeps a login budget of its own.
//!
//! Without one, anybody could lock a person out by guessing at their address until its budget is
//! used up. The token proves nothing else: it never replaces a password.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::app::App;
use crate::crypto::keyring::Purpose;
use crate::domain::identifier::Identifier;
use crate::domain::token::TokenKind;

const ID_LENGTH: usize = 16;

/// A token for this device, bound to the identifier it signed in with.
pub(super) fn issue(app: &App, identifier: &Identifier) -> String {
    let id = app.random.bytes::<ID_LENGTH>();
    let mac = app
        .keyring
        .mac(Purpose::DeviceToken, &[&id, identifier.key().as_bytes()]);
    let mut bytes = id.to_vec();
    bytes.extend_from_slice(&mac);
    format!(
        "{}{}",
        TokenKind::Device.prefix(),
        URL_SAFE_NO_PAD.encode(bytes)
    )
}

/// The device's bucket, if the token is ours and was issued for this identifier.
pub(super) fn recognise(app: &App, token: Option<&str>, identifier: &Identifier) -> Option<String> {
    let encoded = token
        .filter(|token| token.len() <= 128)?
        .strip_prefix(TokenKind::Device.prefix())?;
    let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    let (id, mac) = bytes.split_at_checked(ID_LENGTH)?;
    let key = identifier.key();
    app.keyring
        .verify_mac(Purpose::DeviceToken, &[id, key.as_bytes()], mac)
        .then(|| URL_SAFE_NO_PAD.encode(id))
}

//! What an access token says, and the rules a token must pass beyond its signature.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::role::Role;

/// How far the clock of the instance that signed may run ahead of ours.
///
/// Only a token from the future gets this tolerance; an expired one gets none.
const CLOCK_SKEW_SECONDS: i64 = 5;

/// The claims of an access token (RFC 9068 §2.2), with seconds since the epoch as times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who signed: our issuer URL.
    pub iss: String,
    /// The user.
    pub sub: Uuid,
    /// Whom the token is for.
    pub aud: String,
    /// From this second on the token is worthless.
    pub exp: i64,
    /// When it was signed.
    pub iat: i64,
    /// The token's own id.
    pub jti: Uuid,
    /// The session it belongs to.
    pub sid: Uuid,
    /// The permissions, separated by spaces.
    pub scope: String,
    /// The user's role when it was signed.
    pub role: Role,
    /// When the person last proved who they are.
    pub auth_time: i64,
    /// How they proved it (RFC 8176).
    pub amr: Vec<String>,
}

/// Why an access token is not accepted. Clients learn none of this; logs do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than any token of ours; refused before any work.
    #[error("the token is too long")]
    TooLong,
    /// Not three base64url parts, or a part that does not say what it must.
    #[error("the token is malformed")]
    Malformed,
    /// The header asks for another kind of token or for parameters we never set.
    #[error("the token's header is not one of ours")]
    WrongType,
    /// No published key has this id.
    #[error("the token's key is not known")]
    UnknownKey,
    /// The header names another algorithm than the one of the key.
    #[error("the token's algorithm is not the one of its key")]
    WrongAlgorithm,
    /// The signature is not the key's signature over this header and these claims.
    #[error("the token's signature is wrong")]
    WrongSignature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It was signed later than now.
    #[error("the token comes from the future")]
    FromTheFuture,
    /// Somebody else issued it.
    #[error("the token has another issuer")]
    WrongIssuer,
    /// It is meant for somebody else.
    #[error("the token has another audience")]
    WrongAudience,
}

impl Claims {
    /// Checks everything that depends on who verifies and when (RFC 9068 §4).
    pub(super) fn check(
        &self,
        now: DateTime<Utc>,
        issuer: &str,
        audience: &str,
    ) -> Result<(), TokenError> {
        let now = now.timestamp();
        // RFC 7519 §4.1.4: on or after this second the token is refused.
        if self.exp <= now {
            return Err(TokenError::Expired);
        }
        if self.iat > now.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(TokenError::FromTheFuture);
        }
        if self.iss != issuer {
            return Err(TokenError::WrongIssuer);
        }
        if self.aud != audience {
            return Err(TokenError::WrongAudience);
        }
        Ok(())
    }
}

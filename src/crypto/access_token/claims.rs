//! The claims of an access token, and the checks beyond its signature.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::role::Role;

/// How far the signing instance's clock may be ahead of ours.
///
/// Only tokens from the future get this tolerance, expired ones none.
const CLOCK_SKEW_SECONDS: i64 = 5;

/// The claims of an access token (RFC 9068 §2.2), with seconds since the epoch as times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Our issuer URL.
    pub iss: String,
    /// The user.
    pub sub: Uuid,
    /// The audience.
    pub aud: String,
    /// When the token expires.
    pub exp: i64,
    /// When it was signed.
    pub iat: i64,
    /// The id of the token.
    pub jti: Uuid,
    /// The session.
    pub sid: Uuid,
    /// The permissions, separated by spaces.
    pub scope: String,
    /// The user's role when it was signed.
    pub role: Role,
    /// When the user last authenticated.
    pub auth_time: i64,
    /// How the user authenticated (RFC 8176).
    pub amr: Vec<String>,
}

/// Why an access token is rejected. Only logged, never reported to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than any of our tokens; rejected before any work.
    #[error("the token is too long")]
    TooLong,
    /// Not three base64url parts, or a part with invalid content.
    #[error("the token is malformed")]
    Malformed,
    /// The header has another type, or parameters that we never set.
    #[error("the token's header is not one of ours")]
    WrongType,
    /// No published key has this id.
    #[error("the token's key is not known")]
    UnknownKey,
    /// The header names another algorithm than the key's.
    #[error("the token's algorithm is not the one of its key")]
    WrongAlgorithm,
    /// The signature is not valid for this header and these claims.
    #[error("the token's signature is wrong")]
    WrongSignature,
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It was signed in the future.
    #[error("the token comes from the future")]
    FromTheFuture,
    /// It was issued by another issuer.
    #[error("the token has another issuer")]
    WrongIssuer,
    /// It is for another audience.
    #[error("the token has another audience")]
    WrongAudience,
}

impl Claims {
    /// Checks everything that depends on the verifier and the time (RFC 9068 §4).
    pub(super) fn check(
        &self,
        now: DateTime<Utc>,
        issuer: &str,
        audience: &str,
    ) -> Result<(), TokenError> {
        let now = now.timestamp();
        // RFC 7519 §4.1.4: rejected on or after this second.
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

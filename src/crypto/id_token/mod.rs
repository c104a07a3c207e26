//! ID tokens of others (OpenID Connect Core §2): is it theirs, is it for us, is it for now.
//!
//! Pure: the issuer's keys, the present and what is expected come as arguments. Fetching keys,
//! spending a token and deciding whose account it opens is done above.

mod claims;
mod keys;
#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::Validation;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use self::claims::Claims;
pub use self::claims::{Expected, IdToken};
pub use self::keys::{IssuerKeys, IssuerKeysError};

/// Tokens of real issuers take a quarter of this; whoever sends more wants to cost us work.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// A longer key id is no issuer's, and would be kept while keys are fetched for it.
const MAX_KEY_ID_BYTES: usize = 256;
/// The one algorithm: OpenID Connect Core §2 makes it the default, and Google uses no other.
const ALGORITHM: jsonwebtoken::Algorithm = jsonwebtoken::Algorithm::RS256;
const ALGORITHM_NAME: &str = "RS256";
const TOKEN_TYPE: &str = "JWT";

/// Why an ID token is not accepted. Clients learn none of this; logs and the audit do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// Longer than any token; refused before any work.
    #[error("too long")]
    TooLong,
    /// Not three base64url parts, or a part that does not say what it must.
    #[error("malformed")]
    Malformed,
    /// The header asks for another kind of token or for parameters that no issuer needs.
    #[error("wrong type")]
    WrongType,
    /// The header names another algorithm than the issuer's keys are for.
    #[error("wrong algorithm")]
    WrongAlgorithm,
    /// The issuer publishes no key with this id.
    #[error("unknown key")]
    UnknownKey,
    /// The signature is not the key's over this header and these claims.
    #[error("wrong signature")]
    WrongSignature,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// It was signed later than now.
    #[error("from the future")]
    FromTheFuture,
    /// Somebody else issued it.
    #[error("wrong issuer")]
    WrongIssuer,
    /// It is meant for another application.
    #[error("wrong audience")]
    WrongAudience,
    /// It does not answer this page's request.
    #[error("wrong nonce")]
    WrongNonce,
    /// The person belongs to another organisation.
    #[error("wrong hosted domain")]
    WrongDomain,
}

/// A token whose form is right, before its signature is checked.
#[derive(Debug)]
pub struct Presented<'a> {
    token: Redacted<'a>,
    key_id: String,
}

/// It signs somebody in, so it does not print.
struct Redacted<'a>(&'a str);

impl std::fmt::Debug for Redacted<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("***")
    }
}

/// The members a header may have. Any other is refused: `jwk`, `jku` and `x5c` would let the
/// token choose its own key, and `crit` would name rules we do not know (RFC 7515 §4.1).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHeader {
    alg: String,
    kid: String,
    #[serde(default)]
    typ: Option<String>,
    /// Thumbprints of certificates, which some issuers add; they name no key that we would use.
    #[serde(default, rename = "x5t")]
    _certificate: Option<IgnoredAny>,
    #[serde(default, rename = "x5t#S256")]
    _certificate_by_sha256: Option<IgnoredAny>,
}

impl<'a> Presented<'a> {
    /// Reads the header and refuses what no key could make right.
    pub fn read(token: &'a str) -> Result<Self, IdTokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(IdTokenError::TooLong);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(_), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(IdTokenError::Malformed);
        };
        let decoded = URL_SAFE_NO_PAD.decode(header);
        let decoded = decoded.map_err(|_| IdTokenError::Malformed)?;
        let header: TokenHeader = serde_json::from_slice(&decoded).map_err(|error| {
            if error.is_data() {
                IdTokenError::WrongType
            } else {
                IdTokenError::Malformed
            }
        })?;
        // RFC 8725 §3.11: another kind of token of the same issuer is no ID token.
        let is_plain = |typ: &str| typ.eq_ignore_ascii_case(TOKEN_TYPE);
        if !header.typ.as_deref().is_none_or(is_plain) {
            return Err(IdTokenError::WrongType);
        }
        // RFC 8725 §3.1: the key decides the algorithm, never the token.
        if header.alg != ALGORITHM_NAME {
            return Err(IdTokenError::WrongAlgorithm);
        }
        if header.kid.is_empty() || header.kid.len() > MAX_KEY_ID_BYTES {
            return Err(IdTokenError::UnknownKey);
        }
        Ok(Self {
            token: Redacted(token),
            key_id: header.kid,
        })
    }

    /// The key that the token says it was signed with.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Checks signature and claims (OpenID Connect Core §3.1.3.7).
    pub fn verify(
        &self,
        keys: &IssuerKeys,
        now: DateTime<Utc>,
        expected: &Expected<'_>,
    ) -> Result<IdToken, IdTokenError> {
        use jsonwebtoken::errors::ErrorKind;

        let key = keys.find(&self.key_id).ok_or(IdTokenError::UnknownKey)?;
        let read = jsonwebtoken::decode::<Claims>(self.token.0, key, &signature_only());
        let claims = read
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => IdTokenError::WrongSignature,
                ErrorKind::InvalidAlgorithm => IdTokenError::WrongAlgorithm,
                _ => IdTokenError::Malformed,
            })?
            .claims;
        let expires_at = claims.check(now, expected)?;
        Ok(claims.into_token(self.digest(), expires_at))
    }

    /// What the token is remembered by: what was signed, so that no other spelling of the
    /// signature makes it a new one.
    fn digest(&self) -> [u8; 32] {
        let signed = self
            .token
            .0
            .rsplit_once('.')
            .map_or("", |(signed, _)| signed);
        Sha256::digest(format!("id token {signed}")).into()
    }
}

/// Leaves times, issuer and audience to us: the library would compare with the system's clock.
fn signature_only() -> Validation {
    let mut validation = Validation::new(ALGORITHM);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

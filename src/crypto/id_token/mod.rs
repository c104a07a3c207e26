//! Verifying ID tokens of other issuers (OpenID Connect Core §2).
//!
//! Pure: keys, time and expected values are arguments. The callers fetch keys, consume the token and
//! decide which account it opens.

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

/// Tokens of real issuers take a quarter of this; larger ones are an attempt to cost us work.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// No issuer has longer key ids, and unknown ones are kept while keys are fetched for them.
const MAX_KEY_ID_BYTES: usize = 256;
/// The only algorithm: the default of OpenID Connect Core §2, and the only one of Google.
const ALGORITHM: jsonwebtoken::Algorithm = jsonwebtoken::Algorithm::RS256;
const ALGORITHM_NAME: &str = "RS256";
const TOKEN_TYPE: &str = "JWT";

/// Why an ID token is rejected. Only logged and audited, never reported to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// Longer than any token; rejected before any work.
    #[error("too long")]
    TooLong,
    /// Not three base64url parts, or a part with invalid content.
    #[error("malformed")]
    Malformed,
    /// The header has another type, or parameters that no issuer needs.
    #[error("wrong type")]
    WrongType,
    /// The header names another algorithm than the issuer's keys have.
    #[error("wrong algorithm")]
    WrongAlgorithm,
    /// The issuer publishes no key with this id.
    #[error("unknown key")]
    UnknownKey,
    /// The signature is not valid for this header and these claims.
    #[error("wrong signature")]
    WrongSignature,
    /// It has expired.
    #[error("expired")]
    Expired,
    /// It was issued in the future.
    #[error("from the future")]
    FromTheFuture,
    /// It was issued by another issuer.
    #[error("wrong issuer")]
    WrongIssuer,
    /// It is for another application.
    #[error("wrong audience")]
    WrongAudience,
    /// Its nonce is not the one of this request.
    #[error("wrong nonce")]
    WrongNonce,
    /// The user belongs to another organization.
    #[error("wrong hosted domain")]
    WrongDomain,
}

/// A well-formed token whose signature is not verified yet.
#[derive(Debug)]
pub struct Presented<'a> {
    token: Redacted<'a>,
    key_id: String,
}

/// It is a credential, so it does not print.
struct Redacted<'a>(&'a str);

impl std::fmt::Debug for Redacted<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("***")
    }
}

/// The permitted members of a header. Others are rejected: `jwk`, `jku` and `x5c` would let the
/// token choose its own key, and `crit` names rules that we do not implement (RFC 7515 §4.1).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHeader {
    alg: String,
    kid: String,
    #[serde(default)]
    typ: Option<String>,
    /// Certificate thumbprints, which some issuers add; they do not select a key.
    #[serde(default, rename = "x5t")]
    _certificate: Option<IgnoredAny>,
    #[serde(default, rename = "x5t#S256")]
    _certificate_by_sha256: Option<IgnoredAny>,
}

impl<'a> Presented<'a> {
    /// Parses the header and rejects what no key could make valid.
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
        // RFC 8725 §3.11: another kind of token of the same issuer is not an ID token.
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

    /// The `kid` of the header.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Verifies signature and claims (OpenID Connect Core §3.1.3.7).
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

    /// The digest that detects a replay: of the signed part only, so that another encoding of the
    /// signature does not make a new token.
    fn digest(&self) -> [u8; 32] {
        let signed = self
            .token
            .0
            .rsplit_once('.')
            .map_or("", |(signed, _)| signed);
        Sha256::digest(format!("id token {signed}")).into()
    }
}

/// Times, issuer and audience are checked by us: the library would use the system's clock.
fn signature_only() -> Validation {
    let mut validation = Validation::new(ALGORITHM);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

//! Tokens that Simple JWT of Django issued before the switch-over. They are verified, never issued.

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Longer than any token of Simple JWT with a few claims of its own.
const MAX_BYTES: usize = 4_096;
/// Between the clocks of the two systems; an expired token gets none.
pub const CLOCK_SKEW_SECONDS: i64 = 60;

/// What a token is for: its `token_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegacyTokenKind {
    /// Sent with each request.
    Access,
    /// Exchanged for access tokens, in Simple JWT as often as wanted.
    Refresh,
}

impl LegacyTokenKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }
}

/// What is expected of the claims.
#[derive(Clone, Debug, Default)]
pub struct LegacyClaims {
    /// The claim with the primary key of the account.
    pub user_id: String,
    /// The `iss`; `None` accepts any.
    pub issuer: Option<String>,
    /// The `aud`; `None` accepts any.
    pub audience: Option<String>,
    /// When the old system stopped to issue tokens; `None` accepts later ones, too.
    pub issued_before: Option<DateTime<Utc>>,
}

/// Verifies tokens with the key of the old system and one algorithm, which the key decides (RFC 8725
/// §3.1): a PEM public key is never taken for an HMAC secret.
#[derive(Clone)]
pub struct SimpleJwt {
    key: DecodingKey,
    validation: Validation,
    claims: LegacyClaims,
}

/// The key is no RSA public key in PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key of Simple JWT is no RSA public key in PEM")]
pub struct UnusableKey;

/// A token that verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyToken {
    /// What it is for.
    pub kind: LegacyTokenKind,
    /// The primary key of the account in the old system.
    pub user: i64,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// An id of the token: the same for every spelling of it.
    pub id: Uuid,
}

impl SimpleJwt {
    /// Whether this is a public key for RS256; anything else is a secret for HS256.
    #[must_use]
    pub fn is_pem(key: &str) -> bool {
        key.trim_start().starts_with("-----BEGIN")
    }

    /// A verifier with this key.
    pub fn new(key: &str, claims: LegacyClaims) -> Result<Self, UnusableKey> {
        let (key, algorithm) = if Self::is_pem(key) {
            let public = DecodingKey::from_rsa_pem(key.trim().as_bytes());
            (public.map_err(|_| UnusableKey)?, Algorithm::RS256)
        } else {
            (DecodingKey::from_secret(key.as_bytes()), Algorithm::HS256)
        };
        // Claims are checked here: the library would use the system's clock.
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        Ok(Self {
            key,
            validation,
            claims,
        })
    }

    /// Verifies a token of this kind; `None` for any reason.
    #[must_use]
    pub fn verify(
        &self,
        text: &str,
        kind: LegacyTokenKind,
        now: DateTime<Utc>,
    ) -> Option<LegacyToken> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let decoded =
            jsonwebtoken::decode::<Map<String, Value>>(text, &self.key, &self.validation).ok()?;
        let claims = decoded.claims;
        let is_ours = claims.get("token_type")?.as_str()? == kind.as_str()
            && matches(self.claims.issuer.as_deref(), claims.get("iss"))
            && matches(self.claims.audience.as_deref(), claims.get("aud"));
        let (issued_at, expires_at) = (instant(claims.get("iat")?)?, instant(claims.get("exp")?)?);
        let is_current = now < expires_at
            && (issued_at - now).num_seconds() <= CLOCK_SKEW_SECONDS
            && issued_at < expires_at
            && self.claims.issued_before.is_none_or(|end| issued_at < end);
        if !is_ours || !is_current {
            return None;
        }
        Some(LegacyToken {
            kind,
            user: user_id(claims.get(&self.claims.user_id)?)?,
            issued_at,
            expires_at,
            id: id(text)?,
        })
    }
}

impl std::fmt::Debug for SimpleJwt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SimpleJwt").finish_non_exhaustive()
    }
}

/// Whether a claim is as expected; `aud` may be a list (RFC 7519 §4.1.3).
fn matches(expected: Option<&str>, claim: Option<&Value>) -> bool {
    let Some(expected) = expected else {
        return true;
    };
    match claim {
        Some(Value::String(value)) => value == expected,
        Some(Value::Array(values)) => values.iter().any(|value| value == expected),
        _ => false,
    }
}

/// RFC 7519 §2: seconds, possibly with a fraction.
fn instant(claim: &Value) -> Option<DateTime<Utc>> {
    let number = claim.as_number()?.to_string();
    let (seconds, _) = number.split_once('.').unwrap_or((&number, ""));
    DateTime::from_timestamp(seconds.parse().ok()?, 0)
}

/// A number, or a number as text, which newer releases of Simple JWT write.
fn user_id(claim: &Value) -> Option<i64> {
    match claim {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// An id made of what is signed. The signature has spellings that verify alike, and must not give a
/// token that was signed out a second life.
fn id(text: &str) -> Option<Uuid> {
    let (signed, _) = text.rsplit_once('.')?;
    let digest = Sha256::digest(signed.as_bytes());
    let bytes = digest.get(..16)?.try_into().ok()?;
    Some(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests;

//! A snapshot of all published keys: signs with one, verifies with any, and publishes all.
//!
//! Immutable. When a key is added or withdrawn the application replaces the snapshot, and its cache
//! of verified tokens with it.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use moka::sync::Cache;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::claims::{Claims, TokenError};
use super::key::{KeyError, SigningKey};

/// Our tokens take less than a tenth of this; larger ones are an attempt to cost us work.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// The number of verified tokens that are cached.
const REMEMBERED_TOKENS: u64 = 10_000;

/// An immutable set of keys and the tokens that it has verified.
pub struct KeySet {
    keys: Vec<SigningKey>,
    jwks: Value,
    verified: Cache<[u8; 32], Arc<Claims>>,
}

/// The only header that we write. Other members are rejected: `jwk`, `jku` and `x5c` would let the
/// token choose its own key, and `crit` names rules that we do not implement (RFC 7515 §4.1).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHeader {
    typ: String,
    alg: String,
    kid: String,
}

/// We never write `nbf`, so a token with it is not ours.
#[derive(Deserialize)]
struct NotBefore {
    #[serde(default)]
    nbf: Option<IgnoredAny>,
}

impl KeySet {
    /// Takes all published keys: future, current and former ones.
    ///
    /// # Errors
    /// [`KeyError::NoKey`] for an empty set.
    pub fn new(keys: Vec<SigningKey>) -> Result<Self, KeyError> {
        if keys.is_empty() {
            return Err(KeyError::NoKey);
        }
        let public: Vec<_> = keys.iter().map(SigningKey::public_jwk).collect();
        let jwks = json!({ "keys": public });
        Ok(Self {
            keys,
            jwks,
            verified: Cache::new(REMEMBERED_TOKENS),
        })
    }

    /// The keys in this snapshot.
    #[must_use]
    pub fn keys(&self) -> &[SigningKey] {
        &self.keys
    }

    /// The public keys as a JSON Web Key Set (RFC 7517 §5).
    #[must_use]
    pub fn jwks(&self) -> &Value {
        &self.jwks
    }

    /// Signs the claims with the key that is active at their `iat`.
    ///
    /// So a rotation takes effect at its scheduled second on every instance, without a new snapshot.
    pub fn sign(&self, claims: &Claims) -> Result<String, KeyError> {
        self.active_at(claims.iat)
            .ok_or(KeyError::NoKey)?
            .sign(claims)
    }

    /// Signs the SHA-256 digest of a document with the key that is active at `now`. The payload of
    /// the JWS is `{"sha256": "<hex>"}`.
    pub fn sign_document(&self, now: DateTime<Utc>, digest: &[u8; 32]) -> Result<String, KeyError> {
        self.active_at(now.timestamp())
            .ok_or(KeyError::NoKey)?
            .sign_document(digest)
    }

    /// Verifies a token and returns its claims.
    ///
    /// A token that was verified before costs one hash and one look-up; its times, issuer and
    /// audience are checked each time.
    pub fn verify(
        &self,
        token: &str,
        now: DateTime<Utc>,
        issuer: &str,
        audience: &str,
    ) -> Result<Arc<Claims>, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(claims) = self.verified.get(&digest) {
            claims.check(now, issuer, audience)?;
            return Ok(claims);
        }
        let claims = Arc::new(self.read(token)?);
        claims.check(now, issuer, audience)?;
        self.verified.insert(digest, Arc::clone(&claims));
        Ok(claims)
    }

    /// The checks whose result never changes: form, key and signature.
    fn read(&self, token: &str) -> Result<Claims, TokenError> {
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Malformed);
        };
        let header: TokenHeader = serde_json::from_slice(&decoded(header)?).map_err(|error| {
            if error.is_data() {
                TokenError::WrongType
            } else {
                TokenError::Malformed
            }
        })?;
        if !SigningKey::is_token_type(&header.typ) {
            return Err(TokenError::WrongType);
        }
        let key = self.keys.iter().find(|key| key.kid() == header.kid);
        let key = key.ok_or(TokenError::UnknownKey)?;
        // RFC 8725 §3.1: the key decides the algorithm, never the token.
        if header.alg != key.algorithm().as_str() {
            return Err(TokenError::WrongAlgorithm);
        }
        let claims = key.read(token)?;
        let limits: NotBefore =
            serde_json::from_slice(&decoded(payload)?).map_err(|_| TokenError::Malformed)?;
        if limits.nbf.is_some() {
            Err(TokenError::Malformed)
        } else {
            Ok(claims)
        }
    }

    /// The newest active key, or the first to become active if none is.
    fn active_at(&self, second: i64) -> Option<&SigningKey> {
        let active = self
            .keys
            .iter()
            .filter(|key| key.active_from().timestamp() <= second);
        active
            .max_by_key(|key| key.active_from())
            .or_else(|| self.keys.iter().min_by_key(|key| key.active_from()))
    }
}

fn decoded(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Malformed)
}

impl fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeySet")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

//! The published signing keys of an issuer.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;

/// Issuers publish two to ten.
const MAX_KEYS: usize = 64;
/// RFC 7518 §3.3: RSA keys have at least 2048 bits. Above 8192 verification gets expensive.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// The usable keys of an issuer.
pub struct IssuerKeys(Vec<(String, DecodingKey)>);

/// A document without usable keys.
#[derive(Debug, thiserror::Error)]
pub enum IssuerKeysError {
    /// Not a JSON Web Key Set (RFC 7517 §5).
    #[error("not a JSON Web Key Set: {0}")]
    Malformed(#[from] serde_json::Error),
    /// More keys than any issuer has.
    #[error("more than {MAX_KEYS} keys")]
    TooMany,
    /// No key for RS256 signatures with an id.
    #[error("no RSA key for signatures")]
    NoneUsable,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// The relevant members of a JSON Web Key (RFC 7517 §4, RFC 7518 §6.3.1).
#[derive(Deserialize)]
struct RawKey {
    kty: String,
    kid: String,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    n: String,
    e: String,
}

impl IssuerKeys {
    /// Parses a key set; keys of other kinds are ignored (RFC 7517 §5).
    pub fn read(document: &[u8]) -> Result<Self, IssuerKeysError> {
        let document: Document = serde_json::from_slice(document)?;
        if document.keys.len() > MAX_KEYS {
            return Err(IssuerKeysError::TooMany);
        }
        let keys: Vec<_> = document.keys.into_iter().filter_map(usable).collect();
        if keys.is_empty() {
            return Err(IssuerKeysError::NoneUsable);
        }
        Ok(Self(keys))
    }

    /// Whether the set has a key with this id.
    #[must_use]
    pub fn has(&self, key_id: &str) -> bool {
        self.find(key_id).is_some()
    }

    pub(super) fn find(&self, key_id: &str) -> Option<&DecodingKey> {
        let mut named = self.0.iter().filter(|(id, _)| id == key_id);
        named.next().map(|(_, key)| key)
    }
}

fn usable(key: Value) -> Option<(String, DecodingKey)> {
    let raw: RawKey = serde_json::from_value(key).ok()?;
    let signs = raw
        .purpose
        .as_deref()
        .is_none_or(|purpose| purpose == "sig");
    let is_ours = raw
        .alg
        .as_deref()
        .is_none_or(|algorithm| algorithm == super::ALGORITHM_NAME);
    let modulus = URL_SAFE_NO_PAD.decode(&raw.n).ok()?;
    let length = modulus.iter().skip_while(|byte| **byte == 0).count();
    if raw.kty != "RSA" || !signs || !is_ours || !MODULUS_BYTES.contains(&length) {
        return None;
    }
    let key = DecodingKey::from_rsa_components(&raw.n, &raw.e).ok()?;
    Some((raw.kid, key))
}

impl fmt::Debug for IssuerKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.0.iter().map(|(id, _)| id);
        formatter.debug_list().entries(ids).finish()
    }
}

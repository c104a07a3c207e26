//! `[keys]`: the master key and the signature algorithm of access tokens.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::declaration::list;
use super::diagnostics::Diagnostics;
use super::read::read_from_text;
use super::section::{Check, section};

/// A key of 32 bytes with fewer distinct ones was typed or repeated: random keys have about 30, and
/// fewer than 18 once in hundreds of millions.
const MIN_DISTINCT_BYTES: usize = 18;

const HOW_TO_MAKE_ONE: &str = "Make one with `openssl rand -base64 32`.";

section! {
    /// The keys that data is encrypted and tokens are signed with.
    pub struct Keys("keys") {
        /// The master key: 32 random bytes in base64, which encrypt all other keys. Empty makes one in
        /// the data directory (in development only).
        master: Option<SecretString> = "";
        /// Earlier master keys, which still decrypt.
        master_previous: Vec<SecretString> = list([]);
        /// The algorithm of access tokens: `ES256`, `RS256` or `EdDSA` (which several gateways cannot
        /// verify).
        pub algorithm: Algorithm = "ES256";
        /// Seconds for which verifiers may cache the JWKS; a new key waits as long before it signs.
        pub jwks_max_age_seconds: i64 = 300, in 1..=86_400;
    }
}

/// A signature algorithm by its registered name (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256: small, and supported everywhere.
    #[serde(rename = "ES256")]
    Es256,
    /// RSA with 2048 bits: for verifiers that support nothing else.
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519: fast, but rejected by some gateways.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// The name is not a supported algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature algorithm must be one of ES256, RS256, EdDSA")]
pub struct UnknownAlgorithm;

read_from_text!(Algorithm);

impl Algorithm {
    /// The name in the settings, token headers, JWKs and the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Es256, Self::Rs256, Self::EdDsa]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
            .ok_or(UnknownAlgorithm)
    }
}

impl Keys {
    /// The master key as base64 of 32 bytes; `None` means the one in the data directory.
    #[must_use]
    pub fn master(&self) -> Option<&str> {
        self.master.as_ref().map(ExposeSecret::expose_secret)
    }

    /// Earlier master keys, which still decrypt.
    pub fn master_previous(&self) -> impl Iterator<Item = &str> {
        self.master_previous.iter().map(ExposeSecret::expose_secret)
    }
}

impl Check for Keys {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        if let Some(master) = &self.master {
            check_master(diagnostics, "keys.master", master);
        }
        for previous in &self.master_previous {
            check_master(diagnostics, "keys.master_previous", previous);
        }
    }
}

fn check_master(diagnostics: &mut Diagnostics<'_>, key: &'static str, text: &SecretString) {
    match decode(text.expose_secret()) {
        None => diagnostics.refuse(key, "the key is not base64 of 32 bytes", HOW_TO_MAKE_ONE),
        Some(bytes) if diagnostics.is_production() && is_pattern(&bytes) => {
            diagnostics.refuse(
                key,
                "the key is a pattern, not random bytes",
                HOW_TO_MAKE_ONE,
            );
        }
        Some(_) => {}
    }
}

fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let bare = text.trim().trim_end_matches('=');
    let bytes = STANDARD_NO_PAD
        .decode(bare)
        .or_else(|_| URL_SAFE_NO_PAD.decode(bare))
        .ok()?;
    (bytes.len() == 32).then(|| Zeroizing::new(bytes))
}

/// Whether these bytes are repeated, counted or too few to be random.
fn is_pattern(bytes: &[u8]) -> bool {
    let distinct: std::collections::BTreeSet<u8> = bytes.iter().copied().collect();
    let steps: std::collections::BTreeSet<u8> = bytes
        .iter()
        .zip(bytes.iter().skip(1))
        .map(|(one, next)| next.wrapping_sub(*one))
        .collect();
    distinct.len() < MIN_DISTINCT_BYTES || steps.len() == 1
}

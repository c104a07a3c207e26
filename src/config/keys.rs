//! `[keys]`: the master key and how access tokens are signed.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::config::report::Review;
use crate::config::values;

/// Distinct bytes below which 32 of them were typed or repeated rather than drawn at random.
/// Random keys have about 30; fewer than 18 happen once in hundreds of millions.
const FEWEST_DISTINCT_BYTES: usize = 18;

const HOW_TO_MAKE_ONE: &str = "Make one with `openssl rand -base64 32`.";

/// The keys everything else is sealed and signed with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    #[serde(deserialize_with = "values::optional_secret")]
    master: Option<SecretString>,
    master_previous: Vec<SecretString>,
    /// How access tokens are signed.
    pub algorithm: Algorithm,
    /// Seconds verifiers may keep the published keys.
    pub jwks_max_age_seconds: i64,
}

/// A signature algorithm by its registered name (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// Edwards curve signatures; several gateways cannot verify them.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl Keys {
    /// The master key as base64 of 32 bytes; `None` means the one in the data directory.
    #[must_use]
    pub fn master(&self) -> Option<&str> {
        self.master.as_ref().map(ExposeSecret::expose_secret)
    }

    /// Earlier master keys that may still open what they sealed.
    pub fn master_previous(&self) -> impl Iterator<Item = &str> {
        self.master_previous.iter().map(ExposeSecret::expose_secret)
    }

    pub(super) fn check(&self, review: &mut Review<'_>) {
        review.within(
            "keys.jwks_max_age_seconds",
            self.jwks_max_age_seconds,
            1..=86_400,
        );
        if let Some(master) = &self.master {
            check_master(review, "keys.master", master);
        }
        for previous in &self.master_previous {
            check_master(review, "keys.master_previous", previous);
        }
    }
}

fn check_master(review: &mut Review<'_>, key: &'static str, text: &SecretString) {
    match decode(text.expose_secret()) {
        None => review.refuse(key, "the key is not base64 of 32 bytes", HOW_TO_MAKE_ONE),
        Some(bytes) if review.is_production() && is_pattern(&bytes) => {
            review.refuse(
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

/// Whether somebody typed, repeated or counted these bytes.
fn is_pattern(bytes: &[u8]) -> bool {
    let distinct: std::collections::BTreeSet<u8> = bytes.iter().copied().collect();
    let steps: std::collections::BTreeSet<u8> = bytes
        .iter()
        .zip(bytes.iter().skip(1))
        .map(|(one, next)| next.wrapping_sub(*one))
        .collect();
    distinct.len() < FEWEST_DISTINCT_BYTES || steps.len() == 1
}

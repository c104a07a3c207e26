//! Password hashes of Django: which of them can be verified, how, and at what cost.
//!
//! A hash is kept in Django's own text until its owner signs in. Unsalted digests and salted MD5 and
//! SHA-1 are too cheap to guess, so they are never kept as they are: Argon2id over the digest
//! replaces them when they are imported, and works with the same password.

mod parse;

use std::hint::black_box;
use std::num::NonZero;

use aws_lc_rs::{digest, pbkdf2};
use md5::{Digest as _, Md5};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

pub use self::parse::read;
use super::memory::{HashFailure, Memory};
use super::params::{HashParams, StoredHash};

/// A hash of another system, as it can be imported.
#[derive(Debug, PartialEq, Eq)]
pub enum ImportedHash {
    /// The account has no password.
    Unusable,
    /// A hash that is kept as it is.
    Strong(StrongHash),
    /// A digest that has to be [wrapped](super::Hasher::wrap).
    Weak(WeakHash),
}

/// Why a hash cannot be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashProblem {
    /// No known algorithm, or a password in plain text.
    #[error("the algorithm of the password hash is unknown")]
    Unknown,
    /// A known algorithm with parameters or a digest that cannot be right.
    #[error("the password hash is damaged")]
    Malformed,
    /// Verifying it would take more time or memory than a sign-in may.
    #[error("verifying the password hash would cost too much")]
    TooCostly,
}

/// A hash in Django's text that can be verified.
#[derive(Debug, PartialEq, Eq)]
pub struct StrongHash {
    encoded: String,
    rounds: u32,
}

impl StrongHash {
    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.encoded
    }

    /// What a verification costs, in rounds of PBKDF2 with SHA-256.
    #[must_use]
    pub fn rounds(&self) -> u32 {
        self.rounds
    }
}

/// A digest that is too cheap to guess.
#[derive(PartialEq, Eq)]
pub struct WeakHash {
    digest: WeakDigest,
    salt: String,
    hex: Zeroizing<String>,
}

impl WeakHash {
    /// What Argon2id hashes in place of a password.
    pub(super) fn digest(&self) -> &[u8] {
        self.hex.as_bytes()
    }

    /// The text to store; `phc` is the Argon2id hash of [`Self::digest`].
    pub(super) fn wrapped(&self, phc: &str) -> String {
        format!("{}${}${phc}", self.digest.wrapped_name(), self.salt)
    }
}

impl std::fmt::Debug for WeakHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("WeakHash(***)")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WeakDigest {
    Md5,
    Sha1,
}

impl WeakDigest {
    const ALL: [Self; 2] = [Self::Md5, Self::Sha1];

    const fn wrapped_name(self) -> &'static str {
        match self {
            Self::Md5 => "argon2id_md5",
            Self::Sha1 => "argon2id_sha1",
        }
    }

    /// The digest of salt and password in lower-case hexadecimal digits.
    fn hex(self, salt: &str, password: &[u8]) -> Zeroizing<String> {
        let mut input = Zeroizing::new(Vec::with_capacity(salt.len() + password.len()));
        input.extend_from_slice(salt.as_bytes());
        input.extend_from_slice(password);
        Zeroizing::new(match self {
            Self::Md5 => hex::encode(Md5::digest(&*input)),
            Self::Sha1 => hex::encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &input)),
        })
    }
}

/// A stored hash of Django, or a wrapped digest.
pub(super) enum LegacyHash {
    Pbkdf2 {
        algorithm: pbkdf2::Algorithm,
        rounds: NonZero<u32>,
        salt: String,
        tag: Vec<u8>,
    },
    Argon2(StoredHash),
    /// `hashes_digest` marks Django's `bcrypt_sha256`, which avoids the limit of 72 bytes.
    Bcrypt {
        text: String,
        cost: u32,
        hashes_digest: bool,
    },
    Scrypt {
        params: scrypt::Params,
        salt: String,
        tag: Vec<u8>,
    },
    Wrapped {
        digest: WeakDigest,
        salt: String,
        argon2: StoredHash,
    },
}

impl LegacyHash {
    /// Whether the password, as typed, has this hash, compared in constant time.
    pub(super) fn is_hash_of(
        &self,
        password: &[u8],
        params: &HashParams,
        memory: &mut Memory,
    ) -> Result<bool, HashFailure> {
        Ok(match self {
            Self::Pbkdf2 {
                algorithm,
                rounds,
                salt,
                tag,
            } => pbkdf2::verify(*algorithm, *rounds, salt.as_bytes(), password, tag).is_ok(),
            Self::Argon2(stored) => stored.is_hash_of(password, params, memory)?,
            Self::Bcrypt {
                text,
                hashes_digest,
                ..
            } => is_bcrypt_of(password, text, *hashes_digest),
            Self::Scrypt { params, salt, tag } => {
                let mut computed = Zeroizing::new(vec![0; tag.len()]);
                scrypt::scrypt(password, salt.as_bytes(), params, &mut computed).is_ok()
                    && bool::from(computed.ct_eq(tag))
            }
            Self::Wrapped {
                digest,
                salt,
                argon2,
            } => argon2.is_hash_of(digest.hex(salt, password).as_bytes(), params, memory)?,
        })
    }

    /// Whether a verification computes Argon2id with the current parameters.
    pub(super) fn costs_as_much_as(&self, params: &HashParams) -> bool {
        match self {
            Self::Wrapped { argon2, .. } => argon2.was_made_by(params),
            _ => false,
        }
    }

    /// What a verification costs beside Argon2id with the current parameters, in rounds of PBKDF2
    /// with SHA-256. Exact for SHA-256; the other factors are those of a release build on x86-64, to
    /// within a fifth.
    pub(super) fn rounds(&self) -> u32 {
        match self {
            Self::Pbkdf2 { rounds, .. } => rounds.get(),
            Self::Argon2(stored) => stored.work_kib().saturating_mul(7),
            Self::Bcrypt { cost, .. } => 400_u32.saturating_mul(1 << *cost),
            Self::Scrypt { params, .. } => {
                let blocks = params.r().saturating_mul(params.p());
                blocks.saturating_mul(1 << params.log_n()).saturating_mul(3) / 2
            }
            Self::Wrapped { .. } => 0,
        }
    }
}

fn is_bcrypt_of(password: &[u8], text: &str, hashes_digest: bool) -> bool {
    if hashes_digest {
        let digest = Zeroizing::new(hex::encode(digest::digest(&digest::SHA256, password)));
        return bcrypt::verify(digest.as_bytes(), text).unwrap_or(false);
    }
    // Django passes bcrypt what it takes: bytes from the 73rd on do not count.
    bcrypt::verify(password, text).unwrap_or(false)
}

/// Computes this many rounds of PBKDF2 and throws the result away.
pub(super) fn spend(rounds: u32) {
    let Some(rounds) = NonZero::new(rounds) else {
        return;
    };
    let mut tag = [0; digest::SHA256_OUTPUT_LEN];
    let salt = b"equal work for every account";
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, b"", &mut tag);
    black_box(tag);
}

#[cfg(test)]
mod tests;

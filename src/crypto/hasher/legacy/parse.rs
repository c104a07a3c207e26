//! Reads stored texts. Every parameter is bounded before anything is computed: an attacker who can
//! write a row of the old database must not be able to exhaust memory or CPU here.

use std::num::NonZero;

use aws_lc_rs::{digest, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{HashProblem, ImportedHash, LegacyHash, StrongHash, WeakDigest, WeakHash};
use crate::crypto::hasher::params::StoredHash;

/// Django 6.0 makes 1,200,000, and each release a fifth more.
const MAX_PBKDF2_ROUNDS: u32 = 4_000_000;
/// Django makes 12. Each step doubles the time.
const MAX_BCRYPT_COST: u32 = 14;
/// Memory of scrypt in bytes; Django's takes 16 MiB.
const MAX_SCRYPT_BYTES: u64 = 64 * 1024 * 1024;
/// Lanes of scrypt one after the other; Django's are 5.
const MAX_SCRYPT_LANES: u32 = 16;
/// Django's Argon2 takes 100 MiB twice.
const MAX_ARGON2_KIB: u32 = 256 * 1024;
const MAX_ARGON2_WORK_KIB: u32 = 1024 * 1024;
/// Django's column takes 128 characters.
const MAX_BYTES: usize = 512;
/// What scrypt of Django makes.
const SCRYPT_TAG_BYTES: usize = 64;
/// Salt and digest of bcrypt in its own alphabet.
const BCRYPT_TAIL: usize = 53;

/// Reads the text of Django's `password` column.
///
/// # Errors
/// [`HashProblem`] for a text that no password could be verified against here.
pub fn read(encoded: &str) -> Result<ImportedHash, HashProblem> {
    if encoded.is_empty() || encoded.starts_with('!') {
        return Ok(ImportedHash::Unusable);
    }
    if let Some(weak) = weak(encoded) {
        return weak.map(ImportedHash::Weak);
    }
    if WeakDigest::ALL
        .iter()
        .any(|digest| encoded.starts_with(digest.wrapped_name()))
    {
        // Ours: Django has no such algorithm.
        return Err(HashProblem::Unknown);
    }
    let rounds = LegacyHash::parse(encoded)?.rounds();
    Ok(ImportedHash::Strong(StrongHash {
        encoded: encoded.to_owned(),
        rounds,
    }))
}

/// Salted or unsalted MD5 and SHA-1; 32 hexadecimal digits alone are Django's oldest unsalted MD5.
fn weak(encoded: &str) -> Option<Result<WeakHash, HashProblem>> {
    if encoded.len() == 32 && is_hex(encoded) {
        return Some(Ok(weak_hash(WeakDigest::Md5, "", encoded)));
    }
    let (name, rest) = encoded.split_once('$')?;
    let (digest, length) = match name {
        "md5" => (WeakDigest::Md5, 32),
        "sha1" => (WeakDigest::Sha1, 40),
        _ => return None,
    };
    Some(match rest.split_once('$') {
        Some((salt, hex)) if hex.len() == length && is_hex(hex) && encoded.len() <= MAX_BYTES => {
            Ok(weak_hash(digest, salt, hex))
        }
        _ => Err(HashProblem::Malformed),
    })
}

fn weak_hash(digest: WeakDigest, salt: &str, hex: &str) -> WeakHash {
    WeakHash {
        digest,
        salt: salt.to_owned(),
        hex: hex.to_owned().into(),
    }
}

/// Lower case alone: Django compares the text, so upper case matches no password.
fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl LegacyHash {
    /// Reads a hash of Django, or a wrapped digest.
    pub(in crate::crypto::hasher) fn parse(encoded: &str) -> Result<Self, HashProblem> {
        if encoded.len() > MAX_BYTES {
            return Err(HashProblem::Malformed);
        }
        let (name, rest) = encoded.split_once('$').ok_or(HashProblem::Unknown)?;
        match name {
            "pbkdf2_sha256" => {
                let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
                pbkdf2_hash(rest, algorithm, digest::SHA256_OUTPUT_LEN)
            }
            "pbkdf2_sha1" => {
                let length = digest::SHA1_FOR_LEGACY_USE_ONLY.output_len;
                pbkdf2_hash(rest, pbkdf2::PBKDF2_HMAC_SHA1, length)
            }
            "argon2" => Ok(Self::Argon2(argon2_hash(&format!("${rest}"))?)),
            "bcrypt" => bcrypt_hash(rest, false),
            "bcrypt_sha256" => bcrypt_hash(rest, true),
            "scrypt" => scrypt_hash(rest),
            name => {
                let digest = WeakDigest::ALL
                    .into_iter()
                    .find(|digest| digest.wrapped_name() == name);
                let digest = digest.ok_or(HashProblem::Unknown)?;
                let (salt, phc) = rest.split_once('$').ok_or(HashProblem::Malformed)?;
                Ok(Self::Wrapped {
                    digest,
                    salt: salt.to_owned(),
                    argon2: argon2_hash(phc)?,
                })
            }
        }
    }
}

/// `rounds$salt$base64`
fn pbkdf2_hash(
    rest: &str,
    algorithm: pbkdf2::Algorithm,
    tag_bytes: usize,
) -> Result<LegacyHash, HashProblem> {
    let [rounds, salt, tag] = fields(rest)?;
    let rounds = NonZero::new(number(rounds)?).ok_or(HashProblem::Malformed)?;
    if rounds.get() > MAX_PBKDF2_ROUNDS {
        return Err(HashProblem::TooCostly);
    }
    Ok(LegacyHash::Pbkdf2 {
        algorithm,
        rounds,
        salt: filled(salt)?,
        tag: decoded(tag, tag_bytes)?,
    })
}

/// `n$salt$r$p$base64`
fn scrypt_hash(rest: &str) -> Result<LegacyHash, HashProblem> {
    let [n, salt, r, p, tag] = fields(rest)?;
    let (n, r, p) = (number(n)?, number(r)?, number(p)?);
    if !n.is_power_of_two() || n < 2 || r == 0 || p == 0 {
        return Err(HashProblem::Malformed);
    }
    if u64::from(n) * u64::from(r) * 128 > MAX_SCRYPT_BYTES || p > MAX_SCRYPT_LANES {
        return Err(HashProblem::TooCostly);
    }
    let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| HashProblem::Malformed)?;
    let params = scrypt::Params::new(log_n, r, p).map_err(|_| HashProblem::Malformed)?;
    Ok(LegacyHash::Scrypt {
        params,
        salt: filled(salt)?,
        tag: decoded(tag, SCRYPT_TAG_BYTES)?,
    })
}

/// `$2b$12$` and 53 characters. `$2x$` marks hashes of a broken implementation, which cannot be
/// told from right ones.
fn bcrypt_hash(rest: &str, hashes_digest: bool) -> Result<LegacyHash, HashProblem> {
    let [empty, variant, cost, tail] = fields(rest)?;
    let is_known = empty.is_empty() && matches!(variant, "2a" | "2b" | "2y");
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
    if !is_known || cost.len() != 2 || tail.len() != BCRYPT_TAIL || !tail.bytes().all(is_base64) {
        return Err(HashProblem::Malformed);
    }
    let cost = number(cost)?;
    if cost > MAX_BCRYPT_COST {
        return Err(HashProblem::TooCostly);
    }
    if cost < 4 {
        return Err(HashProblem::Malformed);
    }
    Ok(LegacyHash::Bcrypt {
        text: rest.to_owned(),
        cost,
        hashes_digest,
    })
}

fn argon2_hash(phc: &str) -> Result<StoredHash, HashProblem> {
    let stored = StoredHash::read(phc).ok_or(HashProblem::Malformed)?;
    if stored.memory_kib() > MAX_ARGON2_KIB || stored.work_kib() > MAX_ARGON2_WORK_KIB {
        return Err(HashProblem::TooCostly);
    }
    stored.within_limits().ok_or(HashProblem::TooCostly)
}

/// Exactly `N` fields between dollar signs.
fn fields<const N: usize>(text: &str) -> Result<[&str; N], HashProblem> {
    let mut parts = text.split('$');
    let mut fields = [""; N];
    for field in &mut fields {
        *field = parts.next().ok_or(HashProblem::Malformed)?;
    }
    match parts.next() {
        None => Ok(fields),
        Some(_) => Err(HashProblem::Malformed),
    }
}

/// Digits alone, without a sign.
fn number(text: &str) -> Result<u32, HashProblem> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HashProblem::Malformed);
    }
    text.parse().map_err(|_| HashProblem::TooCostly)
}

fn filled(salt: &str) -> Result<String, HashProblem> {
    if salt.is_empty() {
        return Err(HashProblem::Malformed);
    }
    Ok(salt.to_owned())
}

fn decoded(text: &str, bytes: usize) -> Result<Vec<u8>, HashProblem> {
    let decoded = STANDARD.decode(text).map_err(|_| HashProblem::Malformed)?;
    if decoded.len() == bytes {
        Ok(decoded)
    } else {
        Err(HashProblem::Malformed)
    }
}

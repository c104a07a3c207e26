//! Argon2: the current parameters, and stored hashes with their own.

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::HasherParameters;
use super::memory::{HashFailure, Memory, hash_once};

/// RFC 9106 §3.1 recommends 16 bytes of salt for passwords.
pub(super) const SALT_BYTES: usize = 16;
pub(super) const TAG_BYTES: usize = 32;

// Limits on stored hashes: an attacker who can write one must not be able to exhaust memory or CPU.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_LANES: u32 = 64;
const MAX_WORK_KIB: u64 = 8 * 1024 * 1024;

/// The parameters of new hashes.
#[derive(Clone)]
pub(super) struct HashParams(Argon2<'static>);

impl HashParams {
    /// `None` for parameters that Argon2 rejects or that exceed the limits on stored hashes.
    pub(super) fn new(parameters: &HasherParameters) -> Option<Self> {
        let HasherParameters {
            memory_kib,
            iterations,
            parallelism,
            ..
        } = *parameters;
        let bounded = within_limits(memory_kib, iterations, parallelism);
        let params = Params::new(memory_kib, iterations, parallelism, Some(TAG_BYTES)).ok()?;
        bounded.then(|| Self(Argon2::new(Algorithm::Argon2id, Version::V0x13, params)))
    }

    /// Argon2id with these parameters.
    pub(super) fn argon2(&self) -> &Argon2<'static> {
        &self.0
    }

    /// Hashes the password into a PHC string, in memory for these parameters.
    pub(super) fn hash(
        &self,
        password: &[u8],
        salt: [u8; SALT_BYTES],
        memory: &mut Memory,
    ) -> Result<String, HashFailure> {
        let mut tag = [0; TAG_BYTES];
        memory.tag(password, &salt, &mut tag)?;
        let params = self.0.params();
        Ok(format!(
            "$argon2id$v=19$m={},t={},p={}${}${}",
            params.m_cost(),
            params.t_cost(),
            params.p_cost(),
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(tag),
        ))
    }
}

/// A stored hash with its own parameters.
pub(super) struct StoredHash {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

impl StoredHash {
    /// Parses a PHC string; `None` if it is not an Argon2 hash or exceeds the limits.
    pub(super) fn parse(phc: &str) -> Option<Self> {
        Self::read(phc)?.within_limits()
    }

    /// Parses a PHC string of any parameters, to say what is wrong with it.
    pub(super) fn read(phc: &str) -> Option<Self> {
        let parsed = PasswordHash::new(phc).ok()?;
        let algorithm = Algorithm::new(parsed.algorithm).ok()?;
        // The reference implementation wrote no version before 1.3 (0x13): absent means 1.0.
        let version = match parsed.version {
            Some(number) => Version::try_from(number).ok()?,
            None => Version::V0x10,
        };
        let params = Params::try_from(&parsed).ok()?;
        let salt = parsed.salt.as_ref().map(Salt::as_ref)?.to_vec();
        let tag = parsed.hash.as_ref().map(Output::as_bytes)?.to_vec();
        Some(Self {
            algorithm,
            version,
            params,
            salt,
            tag,
        })
    }

    /// The hash, unless its parameters exceed the limits.
    pub(super) fn within_limits(self) -> Option<Self> {
        let params = &self.params;
        within_limits(params.m_cost(), params.t_cost(), params.p_cost()).then_some(self)
    }

    /// Memory in KiB.
    pub(super) fn memory_kib(&self) -> u32 {
        self.params.m_cost()
    }

    /// Memory in KiB times passes.
    pub(super) fn work_kib(&self) -> u32 {
        self.params.m_cost().saturating_mul(self.params.t_cost())
    }

    /// The hash that is verified against when there is none.
    pub(super) fn decoy(params: &HashParams, salt: [u8; SALT_BYTES]) -> Self {
        Self {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            params: params.0.params().clone(),
            salt: salt.to_vec(),
            tag: vec![0; TAG_BYTES],
        }
    }

    /// Whether the password has this hash, compared in constant time. `memory` is for the current
    /// parameters; a hash with others uses none of it.
    pub(super) fn is_hash_of(
        &self,
        password: &[u8],
        params: &HashParams,
        memory: &mut Memory,
    ) -> Result<bool, HashFailure> {
        let mut tag = Zeroizing::new(vec![0; self.tag.len()]);
        if self.was_made_by(params) {
            memory.tag(password, &self.salt, &mut tag)?;
        } else {
            let argon2 = Argon2::new(self.algorithm, self.version, self.params.clone());
            hash_once(&argon2, password, &self.salt, &mut tag)?;
        }
        Ok(bool::from(tag.as_slice().ct_eq(self.tag.as_slice())))
    }

    /// Whether the hash has the current parameters.
    pub(super) fn was_made_by(&self, params: &HashParams) -> bool {
        self.algorithm == Algorithm::Argon2id
            && self.version == Version::V0x13
            && self.params == *params.0.params()
            && self.salt.len() >= SALT_BYTES
    }
}

fn within_limits(memory_kib: u32, iterations: u32, lanes: u32) -> bool {
    let work = u64::from(memory_kib) * u64::from(iterations);
    memory_kib <= MAX_MEMORY_KIB && lanes <= MAX_LANES && work <= MAX_WORK_KIB
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn hash_params(memory_kib: u32) -> HashParams {
        let light = HasherParameters {
            memory_kib,
            iterations: 1,
            parallelism: 1,
            threads: 1,
            queue: 1,
        };
        HashParams::new(&light).unwrap()
    }

    fn memory(params: &HashParams) -> Memory {
        Memory::new(params.clone(), Arc::default())
    }

    /// A string made by the reference implementation: `echo -n password | argon2 somesalt …`.
    #[test]
    fn a_string_of_the_reference_implementation_verifies() {
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let params = hash_params(64);
        let mut memory = memory(&params);
        let stored = StoredHash::parse(phc).unwrap();
        assert!(
            stored
                .is_hash_of(b"password", &params, &mut memory)
                .unwrap()
        );
        assert!(
            !stored
                .is_hash_of(b"Password", &params, &mut memory)
                .unwrap()
        );
        assert!(!memory.is_taken(), "another hash's memory is temporary");
        assert!(!stored.was_made_by(&hash_params(65_536)));
    }

    #[test]
    fn a_text_beyond_the_limits_does_not_parse() {
        let tail = "$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA";
        for head in [
            "$argon2id$v=19$m=1048577,t=1,p=1",
            "$argon2id$v=19$m=1048576,t=9,p=1",
            "$argon2id$v=19$m=65536,t=4294967295,p=1",
            "$argon2id$v=19$m=65536,t=1,p=65",
            "$argon2id$v=19$m=4,t=1,p=1",
            "$argon2id$v=7$m=64,t=1,p=1",
            "$scrypt$ln=15,r=8,p=1",
            "",
        ] {
            assert!(
                StoredHash::parse(&format!("{head}{tail}")).is_none(),
                "{head}"
            );
        }
        assert!(StoredHash::parse("$argon2id$v=19$m=64,t=1,p=1").is_none());
        assert!(StoredHash::parse(&format!("$argon2id$v=19$m=64,t=1,p=1{tail}")).is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn no_stored_text_is_too_odd(text in "\\PC{0,200}") {
            let _ = StoredHash::parse(&text);
            let _ = StoredHash::parse(&format!("$argon2id$v=19$m=64,t=1,p=1${text}"));
        }
    }
}

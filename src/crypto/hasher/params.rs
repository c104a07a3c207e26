//! Argon2: the current parameters, and stored hashes with their own.

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::HasherParameters;
use super::memory::Memory;

/// RFC 9106 §3.1 recommends 16 bytes of salt for passwords.
pub(super) const SALT_BYTES: usize = 16;
const TAG_BYTES: usize = 32;

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

    /// The blocks of memory of one hash.
    pub(super) fn blocks(&self) -> usize {
        self.0.params().block_count()
    }

    /// Hashes the password into a PHC string.
    pub(super) fn hash(
        &self,
        password: &[u8],
        salt: [u8; SALT_BYTES],
        memory: &mut Memory,
    ) -> Result<String, argon2::Error> {
        let mut tag = [0; TAG_BYTES];
        memory.hash_into(&self.0, password, &salt, &mut tag)?;
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
        let parsed = PasswordHash::new(phc).ok()?;
        let algorithm = Algorithm::new(parsed.algorithm).ok()?;
        // The reference implementation wrote no version before 1.3 (0x13): absent means 1.0.
        let version = match parsed.version {
            Some(number) => Version::try_from(number).ok()?,
            None => Version::V0x10,
        };
        let params = Params::try_from(&parsed).ok()?;
        if !within_limits(params.m_cost(), params.t_cost(), params.p_cost()) {
            return None;
        }
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

    /// Whether the password has this hash, compared in constant time.
    pub(super) fn is_hash_of(
        &self,
        password: &[u8],
        memory: &mut Memory,
    ) -> Result<bool, argon2::Error> {
        let argon2 = Argon2::new(self.algorithm, self.version, self.params.clone());
        let mut tag = Zeroizing::new(vec![0; self.tag.len()]);
        memory.hash_into(&argon2, password, &self.salt, &mut tag)?;
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

    use argon2::{AssociatedData, ParamsBuilder};
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
        Memory::new(params.blocks(), Arc::default())
    }

    /// RFC 9106 §5.3, in memory that another hash has used.
    #[test]
    fn the_published_argon2id_vector_comes_out_of_reused_memory() {
        let expected = [
            0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b,
            0x53, 0xc9, 0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9,
            0x6b, 0x01, 0xe6, 0x59,
        ];
        let params = ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .output_len(32)
            .data(AssociatedData::new(&[4; 12]).unwrap())
            .build()
            .unwrap();
        let argon2 =
            Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).unwrap();

        let dirty = hash_params(64);
        let mut memory = memory(&dirty);
        dirty
            .hash(b"another password", [9; SALT_BYTES], &mut memory)
            .unwrap();
        let mut tag = [0; 32];
        memory
            .hash_into(&argon2, &[1; 32], &[2; 16], &mut tag)
            .unwrap();
        assert_eq!(tag, expected);
    }

    /// A string made by the reference implementation: `echo -n password | argon2 somesalt …`.
    #[test]
    fn a_string_of_the_reference_implementation_verifies() {
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let mut memory = memory(&hash_params(64));
        let stored = StoredHash::parse(phc).unwrap();
        assert!(stored.is_hash_of(b"password", &mut memory).unwrap());
        assert!(!stored.is_hash_of(b"Password", &mut memory).unwrap());
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
        fn reused_and_fresh_memory_agree(first: Vec<u8>, second: Vec<u8>, salt: [u8; SALT_BYTES]) {
            let params = hash_params(16);
            let mut used = memory(&params);
            params.hash(&first, salt, &mut used).unwrap();
            let again = params.hash(&second, salt, &mut used).unwrap();
            let fresh = params.hash(&second, salt, &mut memory(&params)).unwrap();
            prop_assert_eq!(again, fresh);
        }

        #[test]
        fn no_stored_text_is_too_odd(text in "\\PC{0,200}") {
            let _ = StoredHash::parse(&text);
            let _ = StoredHash::parse(&format!("$argon2id$v=19$m=64,t=1,p=1${text}"));
        }
    }
}

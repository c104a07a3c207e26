//! Tags of the current parameters computed by argon2-rust, with the vector instructions of the
//! processor, and the self-test before it is trusted. See `docs/decisions/argon2-core.md`.

use std::panic::catch_unwind;
use std::sync::OnceLock;

use argon2::Params;
use argon2_rust::params::{Memory, TagLen};
use argon2_rust::{Algorithm, Argon2, Hasher, Version};

use super::memory;
use super::params::{HashParams, SALT_BYTES, TAG_BYTES};
use crate::crypto::random::Random;

/// What is hashed besides the parameters.
pub(super) struct Inputs<'a> {
    pub(super) password: &'a [u8],
    pub(super) salt: &'a [u8],
    pub(super) secret: &'a [u8],
    pub(super) data: &'a [u8],
}

/// The hasher of one thread for these parameters. It takes memory with its first hash and wipes it
/// after each.
pub(super) fn hasher(params: &Params) -> Result<Hasher, argon2_rust::Error> {
    let tag_bytes = params.output_len().unwrap_or(TAG_BYTES);
    let params = argon2_rust::Params::builder()
        .memory(Memory::kib(params.m_cost().into()))
        .passes(params.t_cost())
        .lanes(params.p_cost())
        .tag_len(TagLen::bytes(tag_bytes as u64))
        .build()?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hasher())
}

/// A function that computes a tag, or `None` if it fails.
type Compute = fn(&Params, &Inputs<'_>) -> Option<[u8; TAG_BYTES]>;

fn compute(params: &Params, inputs: &Inputs<'_>) -> Option<[u8; TAG_BYTES]> {
    let Inputs {
        password,
        salt,
        secret,
        data,
    } = *inputs;
    let mut tag = [0; TAG_BYTES];
    hasher(params)
        .ok()?
        .hash_into_with_ad(password, salt, secret, data, &mut tag)
        .ok()?;
    Some(tag)
}

/// The self-test, made once per process by the thread that needs it first.
pub(super) struct SelfTest {
    password: [u8; SALT_BYTES],
    salt: [u8; SALT_BYTES],
    compute: Compute,
    passed: OnceLock<bool>,
}

impl SelfTest {
    pub(super) fn new(random: &Random) -> Self {
        Self::of(compute, random)
    }

    fn of(compute: Compute, random: &Random) -> Self {
        Self {
            password: random.bytes(),
            salt: random.bytes(),
            compute,
            passed: OnceLock::new(),
        }
    }

    /// Whether argon2-rust computes what RFC 9106 says, and of a random input what RustCrypto does.
    pub(super) fn passes(&self, params: &HashParams) -> bool {
        *self.passed.get_or_init(|| {
            let passed = catch_unwind(|| self.is_right(params)).unwrap_or(false);
            if passed {
                let instructions = argon2_rust::detected_backend();
                tracing::debug!(%instructions, "argon2-rust hashes passwords");
            } else {
                tracing::error!(
                    "argon2-rust computes wrong hashes on this machine, so the portable \
                     implementation hashes passwords; please report this with the processor's model"
                );
            }
            passed
        })
    }

    fn is_right(&self, params: &HashParams) -> bool {
        let random = Inputs {
            password: &self.password,
            salt: &self.salt,
            secret: &[],
            data: &[],
        };
        let mut expected = [0; TAG_BYTES];
        let argon2 = params.argon2();
        memory::hash_once(argon2, &self.password, &self.salt, &mut expected).is_ok()
            && (self.compute)(argon2.params(), &random) == Some(expected)
            && rfc_params()
                .is_some_and(|params| (self.compute)(&params, &RFC_INPUTS) == Some(RFC_TAG))
    }
}

/// RFC 9106 §5.3: the test vector of Argon2id.
pub(super) const RFC_INPUTS: Inputs<'static> = Inputs {
    password: &[1; 32],
    salt: &[2; 16],
    secret: &[3; 8],
    data: &[4; 12],
};
pub(super) const RFC_TAG: [u8; TAG_BYTES] = [
    0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b, 0x53, 0xc9,
    0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9, 0x6b, 0x01, 0xe6, 0x59,
];

fn rfc_params() -> Option<Params> {
    Params::new(32, 3, 4, Some(TAG_BYTES)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hash_params() -> HashParams {
        HashParams::new(&super::super::HasherParameters {
            memory_kib: 64,
            iterations: 2,
            parallelism: 1,
            threads: 1,
            queue: 1,
        })
        .unwrap()
    }

    fn with_a_flipped_bit(params: &Params, inputs: &Inputs<'_>) -> Option<[u8; TAG_BYTES]> {
        let mut tag = compute(params, inputs)?;
        tag[7] ^= 1;
        Some(tag)
    }

    /// Right for the published vector alone.
    fn wrong_for_others(params: &Params, inputs: &Inputs<'_>) -> Option<[u8; TAG_BYTES]> {
        if inputs.secret.is_empty() {
            return with_a_flipped_bit(params, inputs);
        }
        compute(params, inputs)
    }

    /// Right unless there is a secret, as in the published vector.
    fn wrong_for_the_vector(params: &Params, inputs: &Inputs<'_>) -> Option<[u8; TAG_BYTES]> {
        if inputs.secret.is_empty() {
            return compute(params, inputs);
        }
        with_a_flipped_bit(params, inputs)
    }

    #[test]
    fn an_implementation_is_trusted_if_every_tag_is_right() {
        let random = Random::seeded(1);
        let trusted = |compute| SelfTest::of(compute, &random).passes(&hash_params());
        assert!(trusted(compute));
        for wrong in [with_a_flipped_bit, wrong_for_others, wrong_for_the_vector] {
            assert!(!trusted(wrong));
        }
        assert!(!trusted(|_, _| None));
        assert!(!trusted(|_, _| panic!("it fails")));
    }

    #[test]
    fn the_self_test_runs_once() {
        let test = SelfTest::of(compute, &Random::seeded(1));
        assert!(test.passes(&hash_params()));
        let test = SelfTest {
            compute: with_a_flipped_bit,
            ..test
        };
        assert!(test.passes(&hash_params()), "the result is kept");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// Against RustCrypto's, each thread's memory reused for another input.
        #[test]
        fn both_implementations_compute_the_same_tags(
            first: Vec<u8>,
            password in proptest::collection::vec(any::<u8>(), 0..600),
            salt in proptest::collection::vec(any::<u8>(), 8..80),
            (lanes, memory_kib) in (1..=4_u32).prop_flat_map(|lanes| (Just(lanes), 8 * lanes..=300)),
            passes in 1..=4_u32,
            tag_bytes in 4..=96_usize,
        ) {
            let params = Params::new(memory_kib, passes, lanes, Some(tag_bytes)).unwrap();
            let argon2 = argon2::Argon2::new(
                argon2::Algorithm::Argon2id,
                argon2::Version::V0x13,
                params.clone(),
            );
            let mut hasher = hasher(&params).unwrap();
            let (mut simd, mut portable) = (vec![0; tag_bytes], vec![0; tag_bytes]);
            for password in [&first, &password] {
                hasher.hash_into(password, &salt, &mut simd).unwrap();
                argon2.hash_password_into(password, &salt, &mut portable).unwrap();
                prop_assert_eq!(&simd, &portable);
            }
        }
    }
}

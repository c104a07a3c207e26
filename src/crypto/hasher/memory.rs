//! The memory in which a thread hashes, and which implementation computes there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::{Argon2, Block};
use zeroize::Zeroizing;

use super::params::HashParams;
use super::simd;

/// Why a hash could not be computed.
#[derive(Debug, thiserror::Error)]
pub(super) enum HashFailure {
    /// RustCrypto's implementation failed.
    #[error(transparent)]
    Portable(#[from] argon2::Error),
    /// argon2-rust failed.
    #[error(transparent)]
    Simd(#[from] argon2_rust::Error),
}

/// The memory of one thread, taken at its first hash and kept between hashes: allocating it costs an
/// eighth of each.
///
/// It is wiped when it is returned, because what a hash leaves in it was computed from a password.
pub(super) struct Memory {
    params: HashParams,
    kept: Kept,
    holders: Arc<AtomicUsize>,
}

/// The memory for tags of the current parameters.
enum Kept {
    Portable(Zeroizing<Vec<Block>>),
    Simd(argon2_rust::Hasher),
}

impl Memory {
    /// Takes nothing yet. `holders` counts the threads that hold memory.
    pub(super) fn new(params: HashParams, holders: Arc<AtomicUsize>) -> Self {
        Self {
            params,
            kept: Kept::Portable(Zeroizing::default()),
            holders,
        }
    }

    /// Computes the current parameters with argon2-rust from now on.
    pub(super) fn use_simd(&mut self) -> Result<(), HashFailure> {
        self.release();
        self.kept = Kept::Simd(simd::hasher(self.params.argon2().params())?);
        Ok(())
    }

    /// Whether the memory is taken.
    pub(super) fn is_taken(&self) -> bool {
        match &self.kept {
            Kept::Portable(blocks) => !blocks.is_empty(),
            Kept::Simd(hasher) => hasher.reserved_blocks() > 0,
        }
    }

    /// Wipes the memory and returns it; the next hash takes it again.
    pub(super) fn release(&mut self) {
        if !self.is_taken() {
            return;
        }
        match &mut self.kept {
            Kept::Portable(blocks) => *blocks = Zeroizing::default(),
            Kept::Simd(hasher) => hasher.clear(),
        }
        self.holders.fetch_sub(1, Ordering::SeqCst);
    }

    /// Computes a tag with the current parameters, by Argon2id.
    pub(super) fn tag(
        &mut self,
        password: &[u8],
        salt: &[u8],
        tag: &mut [u8],
    ) -> Result<(), HashFailure> {
        let was_taken = self.is_taken();
        let computed = self.compute(password, salt, tag);
        if self.is_taken() && !was_taken {
            self.holders.fetch_add(1, Ordering::SeqCst);
        }
        computed
    }

    fn compute(&mut self, password: &[u8], salt: &[u8], tag: &mut [u8]) -> Result<(), HashFailure> {
        let argon2 = self.params.argon2();
        match &mut self.kept {
            Kept::Simd(hasher) => hasher.hash_into(password, salt, tag)?,
            Kept::Portable(blocks) => {
                if blocks.is_empty() {
                    *blocks = allocate(argon2.params().block_count())?;
                }
                argon2.hash_password_into_with_memory(password, salt, tag, &mut **blocks)?;
            }
        }
        Ok(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.release();
    }
}

/// Computes a tag with any parameters, in memory that is wiped and returned at once.
pub(super) fn hash_once(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    tag: &mut [u8],
) -> Result<(), HashFailure> {
    let mut blocks = allocate(argon2.params().block_count())?;
    Ok(argon2.hash_password_into_with_memory(password, salt, tag, &mut *blocks)?)
}

/// Fails instead of ending the process if there is not enough memory.
fn allocate(count: usize) -> Result<Zeroizing<Vec<Block>>, argon2::Error> {
    let mut blocks = Vec::new();
    let reserved = blocks.try_reserve_exact(count);
    reserved.map_err(|_| argon2::Error::OutOfMemory)?;
    blocks.resize(count, Block::default());
    Ok(Zeroizing::new(blocks))
}

#[cfg(test)]
mod tests {
    use argon2::{Algorithm, AssociatedData, ParamsBuilder, Version};
    use proptest::prelude::*;

    use super::super::HasherParameters;
    use super::simd::{RFC_INPUTS, RFC_TAG};
    use super::*;

    fn params(memory_kib: u32) -> HashParams {
        HashParams::new(&HasherParameters {
            memory_kib,
            iterations: 2,
            parallelism: 1,
            threads: 1,
            queue: 1,
        })
        .unwrap()
    }

    /// Memory of each implementation.
    fn both(memory_kib: u32, holders: &Arc<AtomicUsize>) -> [Memory; 2] {
        let portable = Memory::new(params(memory_kib), Arc::clone(holders));
        let mut simd = Memory::new(params(memory_kib), Arc::clone(holders));
        simd.use_simd().unwrap();
        [portable, simd]
    }

    fn tag(memory: &mut Memory, password: &[u8]) -> [u8; 32] {
        let mut tag = [0; 32];
        memory.tag(password, &[7; 16], &mut tag).unwrap();
        tag
    }

    #[test]
    fn memory_is_taken_by_a_hash_and_counted_until_it_is_returned() {
        let holders = Arc::<AtomicUsize>::default();
        let held = || holders.load(Ordering::SeqCst);
        for mut memory in both(64, &holders) {
            assert_eq!(held(), 0);
            for _ in 0..2 {
                let first = tag(&mut memory, b"correct horse");
                assert_eq!(tag(&mut memory, b"correct horse"), first);
                assert_eq!((held(), memory.is_taken()), (1, true));
                memory.release();
                assert_eq!((held(), memory.is_taken()), (0, false));
            }
            tag(&mut memory, b"correct horse");
            drop(memory);
            assert_eq!(held(), 0);
        }
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        let refused = allocate(usize::MAX / 2048);
        assert!(matches!(refused, Err(argon2::Error::OutOfMemory)));
    }

    #[test]
    fn the_portable_implementation_computes_the_published_vector() {
        let params = ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .output_len(32)
            .data(AssociatedData::new(RFC_INPUTS.data).unwrap())
            .build()
            .unwrap();
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        let argon2 = Argon2::new_with_secret(RFC_INPUTS.secret, algorithm, version, params);
        let mut tag = [0; 32];
        hash_once(
            &argon2.unwrap(),
            RFC_INPUTS.password,
            RFC_INPUTS.salt,
            &mut tag,
        )
        .unwrap();
        assert_eq!(tag, RFC_TAG);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn reused_and_fresh_memory_of_either_implementation_agree(first: Vec<u8>, second: Vec<u8>) {
            let [mut portable, mut simd] = both(16, &Arc::default());
            for used in [&mut portable, &mut simd] {
                tag(used, &first);
                let again = tag(used, &second);
                for mut fresh in both(16, &Arc::default()) {
                    prop_assert_eq!(tag(&mut fresh, &second), again);
                }
            }
        }
    }
}

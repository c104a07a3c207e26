//! The memory in which a thread hashes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::{Argon2, Block};
use zeroize::Zeroizing;

/// The memory of one thread, taken at its first hash and kept between hashes: allocating it costs an
/// eighth of each.
///
/// It is wiped when it is returned, because what a hash leaves in it was computed from a password.
pub(super) struct Memory {
    kept: Zeroizing<Vec<Block>>,
    blocks: usize,
    holders: Arc<AtomicUsize>,
}

impl Memory {
    /// Takes nothing yet. `holders` counts the threads that hold memory.
    pub(super) fn new(blocks: usize, holders: Arc<AtomicUsize>) -> Self {
        Self {
            kept: Zeroizing::default(),
            blocks,
            holders,
        }
    }

    /// Whether the memory is taken.
    pub(super) fn is_taken(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Wipes the memory and returns it; the next hash takes it again.
    pub(super) fn release(&mut self) {
        if self.is_taken() {
            self.kept = Zeroizing::default();
            self.holders.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Runs Argon2; a stored hash that needs more memory gets a temporary allocation.
    pub(super) fn hash_into(
        &mut self,
        argon2: &Argon2<'_>,
        password: &[u8],
        salt: &[u8],
        tag: &mut [u8],
    ) -> Result<(), argon2::Error> {
        let needed = argon2.params().block_count();
        if needed > self.blocks {
            let mut blocks = allocate(needed)?;
            return argon2.hash_password_into_with_memory(password, salt, tag, &mut *blocks);
        }
        if !self.is_taken() {
            self.kept = allocate(self.blocks)?;
            self.holders.fetch_add(1, Ordering::SeqCst);
        }
        argon2.hash_password_into_with_memory(password, salt, tag, &mut *self.kept)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.release();
    }
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
    use argon2::{Algorithm, Params, Version};

    use super::*;

    fn argon2(memory_kib: u32) -> Argon2<'static> {
        let params = Params::new(memory_kib, 1, 1, Some(32)).unwrap();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
    }

    #[test]
    fn memory_is_taken_by_a_hash_and_counted_until_it_is_returned() {
        let holders = Arc::<AtomicUsize>::default();
        let mut memory = Memory::new(64, Arc::clone(&holders));
        let held = || holders.load(Ordering::SeqCst);
        assert_eq!(held(), 0);
        for _ in 0..2 {
            for memory_kib in [64, 32] {
                let mut tag = [0; 32];
                memory
                    .hash_into(&argon2(memory_kib), b"correct horse", &[7; 16], &mut tag)
                    .unwrap();
                assert_eq!(held(), 1);
            }
            memory.release();
            assert_eq!((held(), memory.is_taken()), (0, false));
        }
        memory
            .hash_into(&argon2(64), b"correct horse", &[7; 16], &mut [0; 32])
            .unwrap();
        drop(memory);
        assert_eq!(held(), 0);
    }

    #[test]
    fn a_hash_that_needs_more_than_is_kept_keeps_nothing() {
        let holders = Arc::<AtomicUsize>::default();
        let mut memory = Memory::new(64, Arc::clone(&holders));
        memory
            .hash_into(&argon2(128), b"correct horse", &[7; 16], &mut [0; 32])
            .unwrap();
        assert!(!memory.is_taken());
        assert_eq!(holders.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        let refused = allocate(usize::MAX / 2048);
        assert!(matches!(refused, Err(argon2::Error::OutOfMemory)));
    }
}

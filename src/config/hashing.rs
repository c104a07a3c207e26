//! `[hashing]`: the cost of one password hash and how many run at once.

use std::num::NonZero;
use std::thread::available_parallelism;

use serde::Deserialize;

use crate::config::report::Review;

/// Memory times passes of the cheapest Argon2id setting in common guidance (7 MiB, 5 passes).
const LEAST_WORK: u64 = 7_168 * 5;
const LEAST_MEMORY_KIB: u32 = 7_168;

/// Parameters of Argon2id (RFC 9106 §3.1) and of the threads that run it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hashing {
    /// Memory of one hash in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub iterations: u32,
    /// Lanes of one hash.
    pub parallelism: u32,
    threads: usize,
    /// Hashes that may wait.
    pub queue: usize,
}

impl Hashing {
    /// Threads that hash: as many as were asked for, or one for every core.
    #[must_use]
    pub fn threads(&self) -> usize {
        match self.threads {
            0 => available_parallelism().map_or(1, NonZero::get),
            count => count,
        }
    }

    pub(super) fn check(&self, review: &mut Review<'_>) {
        review.within("hashing.iterations", self.iterations, 1..=64);
        review.within("hashing.parallelism", self.parallelism, 1..=64);
        // RFC 9106 §3.1: at least eight blocks of 1 KiB for each lane.
        let least = self.parallelism.clamp(1, 64).saturating_mul(8);
        review.within("hashing.memory_kib", self.memory_kib, least..=1_048_576);
        review.within("hashing.threads", self.threads, 0..=256);
        review.within("hashing.queue", self.queue, 1..=65_536);
        let work = u64::from(self.memory_kib) * u64::from(self.iterations);
        if review.is_production() && (work < LEAST_WORK || self.memory_kib < LEAST_MEMORY_KIB) {
            review.refuse(
                "hashing.memory_kib",
                format!(
                    "{} KiB and {} passes make stolen hashes cheap to guess",
                    self.memory_kib, self.iterations
                ),
                "Use at least 19456 KiB with 2 passes, or 7168 KiB with 5.",
            );
        }
    }
}

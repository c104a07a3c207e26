//! `[hashing]`: the cost of one password hash and how many run at once.

use std::num::NonZero;
use std::thread::available_parallelism;

use serde::Deserialize;

use super::diagnostics::Diagnostics;
use super::read::read_from_text;
use super::section::{Check, section};

/// Memory times passes of the cheapest Argon2id setting in common guidance (7 MiB, 5 passes).
const MIN_WORK: u64 = 7_168 * 5;
const MIN_MEMORY_KIB: u32 = 7_168;

section! {
    /// Parameters of Argon2id (RFC 9106 §3.1, which demands at least 8 KiB) and of its threads.
    pub struct Hashing("hashing") {
        /// Memory of one Argon2id hash in KiB, which makes guessing expensive.
        pub memory_kib: u32 = 19_456, in 8..=1_048_576;
        /// Passes over that memory, which make each guess slower.
        pub iterations: u32 = 2, in 1..=64;
        /// Threads that hash, apart from those that serve requests. 0 uses one per core.
        threads: usize = 0, in 0..=256;
        /// Hashes that may be queued before new ones are refused, so that a flood cannot pile up.
        pub queue: usize = 256, in 1..=65_536;
        /// What computes Argon2id: `simd` uses the vector instructions of the processor, after a
        /// self-test at start; `portable` takes twice as long. Their hashes are the same.
        pub implementation: HashImplementation = "simd";
    }
}

/// The implementation of Argon2id for the current parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HashImplementation {
    /// argon2-rust, which chooses the vector instructions at run time.
    Simd,
    /// RustCrypto's argon2.
    Portable,
}

read_from_text!(HashImplementation);

impl Hashing {
    /// Threads that hash: the configured number, or one per core.
    #[must_use]
    pub fn threads(&self) -> usize {
        match self.threads {
            0 => available_parallelism().map_or(1, NonZero::get),
            count => count,
        }
    }
}

impl Check for Hashing {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        let (memory, passes) = (self.memory_kib, self.iterations);
        let work = u64::from(memory) * u64::from(passes);
        if diagnostics.is_production() && (work < MIN_WORK || memory < MIN_MEMORY_KIB) {
            diagnostics.refuse(
                "hashing.memory_kib",
                format!("{memory} KiB and {passes} passes make stolen hashes cheap to guess"),
                "Use at least 19456 KiB with 2 passes, or 7168 KiB with 5.",
            );
        }
    }
}

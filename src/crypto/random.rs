//! The source of randomness, passed to everything that needs it.
//!
//! Tests seed it to be repeatable. Key pairs are the exception: their library only uses its own.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
#[expect(clippy::disallowed_types, reason = "the only source of randomness")]
use rand::rngs::SysRng;
use rand::{Rng, SeedableRng, TryRng};
use uuid::{Builder, Uuid};

/// A cheap handle on a cryptographically secure generator.
#[derive(Clone)]
pub struct Random(Source);

#[derive(Clone)]
enum Source {
    System,
    Seeded(Arc<Mutex<StdRng>>),
}

impl Random {
    /// The operating system's generator.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A generator that repeats itself for the same seed. For tests only.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(
            seed,
        )))))
    }

    /// Fills the buffer with random bytes.
    ///
    /// Aborts the process if the operating system has no randomness: a predictable token is worse
    /// than no answer.
    pub fn fill(&self, buffer: &mut [u8]) {
        match &self.0 {
            Source::System => {
                if let Err(error) = SysRng.try_fill_bytes(buffer) {
                    tracing::error!(%error, "the operating system gives no randomness, stopping");
                    std::process::abort();
                }
            }
            Source::Seeded(generator) => {
                generator
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .fill_bytes(buffer);
            }
        }
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A uniform number in `0..limit`, and 0 if the limit is 0.
    ///
    /// Rejection sampling: the plain remainder would make small results, such as low digits of a
    /// code, more likely (modulo bias).
    #[must_use]
    pub fn below(&self, limit: u32) -> u32 {
        if limit == 0 {
            return 0;
        }
        let incomplete = limit.wrapping_neg() % limit;
        loop {
            let drawn = u32::from_le_bytes(self.bytes());
            if drawn >= incomplete {
                return drawn % limit;
            }
        }
    }

    /// A version 7 UUID for this instant.
    ///
    /// The 12 bits after the milliseconds are microseconds (RFC 9562 §6.2, method 3), so that ids
    /// sort by creation as finely as the database stores time; 62 bits are random.
    #[must_use]
    pub fn uuid_v7(&self, now: DateTime<Utc>) -> Uuid {
        let milliseconds = u64::try_from(now.timestamp_millis()).unwrap_or_default();
        let microseconds = now.timestamp_subsec_micros() % 1000;
        let fraction = u16::try_from(microseconds * 4096 / 1000).unwrap_or_default();
        let mut tail: [u8; 10] = self.bytes();
        for (place, byte) in tail.iter_mut().zip(fraction.to_be_bytes()) {
            *place = byte;
        }
        Builder::from_unix_timestamp_millis(milliseconds, &tail).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Duration, TimeZone};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_seed_gives_one_sequence_shared_by_clones() {
        let (first, second) = (Random::seeded(7), Random::seeded(7));
        let clone = first.clone();
        assert_eq!(first.bytes::<16>(), second.bytes::<16>());
        assert_eq!(clone.bytes::<16>(), second.bytes::<16>());
        assert_ne!(first.bytes::<16>(), Random::seeded(8).bytes::<16>());
    }

    #[test]
    fn the_system_generator_does_not_repeat_itself() {
        assert_ne!(
            Random::system().bytes::<32>(),
            Random::system().bytes::<32>()
        );
    }

    #[test]
    fn every_number_below_the_limit_is_drawn_about_equally_often() {
        let random = Random::seeded(1);
        let mut counts = [0_u32; 10];
        for _ in 0..10_000 {
            counts[random.below(10) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1150).contains(count)),
            "{counts:?}"
        );
        assert_eq!((random.below(0), random.below(1)), (0, 0));
    }

    #[test]
    fn an_id_names_its_version_and_instant() {
        let now = Utc.with_ymd_and_hms(2026, 11, 23, 10, 0, 0).unwrap();
        let id = Random::seeded(1).uuid_v7(now);
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        let (seconds, _) = id.get_timestamp().unwrap().to_unix();
        assert_eq!(i64::try_from(seconds).unwrap(), now.timestamp());
    }

    proptest! {
        #[test]
        fn numbers_stay_below_the_limit(seed: u64, limit in 1_u32..) {
            prop_assert!(Random::seeded(seed).below(limit) < limit);
        }

        #[test]
        fn a_later_microsecond_gives_a_greater_id(seed: u64, micros in 0_i64..4_000_000_000_000_000) {
            let random = Random::seeded(seed);
            let now = DateTime::from_timestamp_micros(micros).unwrap();
            let later = now + Duration::microseconds(1);
            prop_assert!(random.uuid_v7(now) < random.uuid_v7(later));
        }
    }
}

//! The current time: the system's, or a fixed one in tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Duration, SubsecRound, Utc};

/// The source of the current time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The operating system's clock.
    System,
    /// A clock of tests, shared by all clones.
    Fixed(Arc<FixedClock>),
}

/// A clock that only moves when told.
#[derive(Debug)]
pub struct FixedClock {
    /// Microseconds since the epoch.
    now: AtomicI64,
    /// The microseconds that pass with each reading.
    step: AtomicI64,
}

impl Clock {
    /// A clock fixed at this instant.
    #[must_use]
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self::Fixed(Arc::new(FixedClock {
            now: AtomicI64::new(at.timestamp_micros()),
            step: AtomicI64::new(0),
        }))
    }

    /// The current time in whole microseconds.
    ///
    /// Databases keep no more: an instant with nanoseconds would not equal itself after being stored
    /// and read back.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::System => system_now().trunc_subsecs(6),
            Self::Fixed(clock) => {
                let step = clock.step.load(Ordering::SeqCst);
                let now = clock.now.fetch_add(step, Ordering::SeqCst);
                DateTime::from_timestamp_micros(now).unwrap_or_default()
            }
        }
    }

    /// Advances a fixed clock; has no effect on the system's.
    pub fn advance(&self, by: Duration) {
        if let Self::Fixed(clock) = self {
            let by = by.num_microseconds().unwrap_or(i64::MAX);
            clock.now.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// From now on no two readings of a fixed clock are equal, as with the system's. Shows where one
    /// request reads the time more than once.
    pub fn never_repeat(&self) {
        if let Self::Fixed(clock) = self {
            clock.step.store(1, Ordering::SeqCst);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks the operating system"
)]
fn system_now() -> DateTime<Utc> {
    Utc::now()
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Timelike};

    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_told_and_for_all_its_clones() {
        let start = Utc.with_ymd_and_hms(2026, 11, 23, 10, 0, 0).unwrap();
        let clock = Clock::fixed(start);
        let clone = clock.clone();
        assert_eq!(clock.now(), start);
        clock.advance(Duration::seconds(90));
        assert_eq!(clone.now(), start + Duration::seconds(90));
    }

    #[test]
    fn readings_that_never_repeat_are_a_microsecond_apart() {
        let start = Utc.with_ymd_and_hms(2026, 11, 23, 10, 0, 0).unwrap();
        let clock = Clock::fixed(start);
        clock.never_repeat();
        assert_eq!(clock.now(), start);
        assert_eq!(clock.clone().now(), start + Duration::microseconds(1));
        clock.advance(Duration::seconds(1));
        assert_eq!(clock.now(), start + Duration::microseconds(1_000_002));
    }

    #[test]
    fn a_fixed_clock_drops_what_a_database_would_drop() {
        let start = Utc.with_ymd_and_hms(2026, 11, 23, 10, 0, 0).unwrap();
        let clock = Clock::fixed(start + Duration::nanoseconds(1_999));
        assert_eq!(clock.now(), start + Duration::microseconds(1));
    }

    #[test]
    fn the_system_clock_gives_whole_microseconds_and_cannot_be_advanced() {
        let before = Clock::System.now();
        Clock::System.advance(Duration::days(365));
        let after = Clock::System.now();
        assert_eq!(after.nanosecond() % 1_000, 0);
        assert!(after - before < Duration::days(1));
    }
}

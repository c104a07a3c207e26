//! GCRA in integer microseconds, the same for both backends.
//!
//! A balance is the time at which a budget is full again (the theoretical arrival time of GCRA).
//! `charge.lua` repeats [`Gcra::charge`] line by line; its numbers are doubles, so all values stay below
//! 2^53.

use chrono::{DateTime, Utc};

use super::Charge;

/// 366 days: sums of three windows and a time stay exact.
const MAX_WINDOW_MICROS: u64 = 366 * 24 * 60 * 60 * 1_000_000;

/// The year 2112: later times are clamped, so that sums stay exact.
const MAX_MICROS: u64 = 1 << 52;

/// The parameters of a charge, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gcra {
    /// The emission interval times the cost.
    pub(super) increment: u64,
    /// How far a balance may be ahead of now: one window.
    pub(super) limit: u64,
    /// The wait for a charge that exceeds the capacity and so never fits.
    pub(super) never_wait: u64,
}

impl Gcra {
    pub(super) fn of(charge: &Charge) -> Self {
        let capacity = u64::from(charge.capacity);
        let window = u64::try_from(charge.window.as_micros())
            .unwrap_or(MAX_WINDOW_MICROS)
            .clamp(1, MAX_WINDOW_MICROS);
        // Rounded up: a budget refills slightly slower than configured, never faster.
        let interval = window.div_ceil(capacity.max(1));
        let limit = capacity * interval;
        // Anything above the capacity never fits; clamped against overflow.
        let increment = u64::from(charge.cost).min(capacity + 1) * interval;
        let never_wait = limit.max(interval);
        Self {
            increment,
            limit,
            never_wait,
        }
    }

    /// The balance after this charge, or the wait until it fits.
    pub(super) fn charge(self, now: u64, balance: u64) -> Result<u64, u64> {
        let ceiling = now + self.limit;
        let owed = self.clamp(now, balance).max(now) + self.increment;
        if owed <= ceiling {
            Ok(owed)
        } else if self.increment > self.limit {
            Err(self.never_wait)
        } else {
            Err(owed - ceiling)
        }
    }

    /// A balance more than one window ahead comes from a clock that was set back, or from a larger
    /// budget in the past. It is clamped to one window, so that neither causes a longer lockout.
    pub(super) fn clamp(self, now: u64, balance: u64) -> u64 {
        balance.min(now + self.limit)
    }
}

/// Microseconds since 1970, within the range in which the sums are exact.
pub(super) fn micros(now: DateTime<Utc>) -> u64 {
    u64::try_from(now.timestamp_micros())
        .unwrap_or(0)
        .min(MAX_MICROS)
}

/// The time of microseconds since 1970.
pub(super) fn from_micros(microseconds: u64) -> DateTime<Utc> {
    let microseconds = i64::try_from(microseconds).unwrap_or(0);
    DateTime::from_timestamp_micros(microseconds).unwrap_or_default()
}

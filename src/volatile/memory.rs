//! The budgets of a single instance, in process (its codes are in `codes`): one lock, and bounded memory without a task.
//!
//! What has long been whole is forgotten once a minute of the callers' clock, and under a flood of keys
//! the least used ones, never the ones that are just holding somebody back.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::budget::{Measured, moment};
use super::codes::Shelf;
use super::{Charge, Health, Level, Verdict};

/// More balances than this are never kept: some 30 MB with long keys.
const MOST_BALANCES: usize = 1 << 18;

/// How long whole budgets may lie around before they are swept out.
const SWEEP_EVERY: u64 = 60 * 1_000_000;

/// Budgets in process.
#[derive(Debug)]
pub struct Memory {
    started: DateTime<Utc>,
    ledger: Mutex<Ledger>,
    pub(super) shelf: Shelf,
}

#[derive(Default)]
struct Ledger {
    balances: HashMap<Box<str>, Balance>,
    swept: u64,
}

/// Keys stay out of debug output, as in [`Charge`].
impl std::fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Ledger({} balances)", self.balances.len())
    }
}

#[derive(Clone, Copy)]
struct Balance {
    whole_at: u64,
    limit: u64,
}

impl Balance {
    /// How much of the budget is used, in 1024ths.
    fn used(self, now: u64) -> u64 {
        let owed = self.whole_at.saturating_sub(now).saturating_mul(1024);
        owed.checked_div(self.limit).unwrap_or(0)
    }
}

impl Memory {
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self {
            started: now,
            ledger: Mutex::default(),
            shelf: Shelf::default(),
        }
    }

    pub(super) fn charge(&self, now: DateTime<Utc>, levels: &[Level]) -> Verdict {
        let now = moment(now);
        // A panic inside leaves at worst one balance uncounted, so a poisoned lock is usable.
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        if now.abs_diff(ledger.swept) >= SWEEP_EVERY {
            ledger.sweep(now);
        }
        for (index, level) in levels.iter().enumerate() {
            if let Err(wait) = ledger.pass(now, level) {
                return Verdict::Refused {
                    level: index,
                    retry_after: Duration::from_micros(wait),
                };
            }
        }
        Verdict::Allowed
    }

    pub(super) fn health(&self) -> Health {
        Health {
            up: true,
            since: self.started,
        }
    }

    #[cfg(test)]
    pub(super) fn balances(&self) -> usize {
        self.ledger.lock().unwrap().balances.len()
    }
}

impl Ledger {
    /// Charges all of a level, or nothing when one of its budgets has no room.
    fn pass(&mut self, now: u64, level: &[Charge]) -> Result<(), u64> {
        // The same key may be charged twice, so each charge begins where the one before it ended.
        let mut owed: HashMap<&str, u64> = HashMap::with_capacity(level.len());
        let mut longest = 0;
        for charge in level {
            let key = charge.key.as_str();
            let stored = || self.balances.get(key).map(|balance| balance.whole_at);
            let before = owed.get(key).copied().or_else(stored).unwrap_or(now);
            match Measured::of(charge).settle(now, before) {
                Ok(after) => _ = owed.insert(key, after),
                Err(wait) => longest = longest.max(wait),
            }
        }
        for charge in level {
            let (key, measured) = (charge.key.as_str(), Measured::of(charge));
            let stored = self.balances.get(key).map(|balance| balance.whole_at);
            let clamped = stored.map(|stored| measured.clamp(now, stored));
            let whole_at = match longest {
                0 => owed.get(key).copied(),
                // Nobody owes more than one window, also when the clock was set back.
                _ => clamped.filter(|_| clamped < stored),
            };
            if let Some(whole_at) = whole_at {
                let limit = measured.limit;
                self.write(now, key, Balance { whole_at, limit });
            }
        }
        if longest == 0 { Ok(()) } else { Err(longest) }
    }

    /// A whole budget means as much as none, so its key goes.
    fn write(&mut self, now: u64, key: &str, balance: Balance) {
        if balance.whole_at <= now {
            self.balances.remove(key);
        } else if let Some(kept) = self.balances.get_mut(key) {
            *kept = balance;
        } else {
            if self.balances.len() >= MOST_BALANCES {
                self.make_room(now);
            }
            self.balances.insert(key.into(), balance);
        }
    }

    /// Forgets what has been whole for a window, just as long as keys last on the server, so
    /// that a clock that is set back a little meets the same balances there and here.
    fn sweep(&mut self, now: u64) {
        self.swept = now;
        self.balances
            .retain(|_, balance| balance.whole_at + balance.limit > now);
        if self.balances.capacity() / 4 > self.balances.len() + 256 {
            self.balances.shrink_to(self.balances.len() * 2);
        }
    }

    /// Frees a quarter at once, so that a flood pays for one pass in many insertions.
    ///
    /// The least used go first: whoever makes up keys to push out a budget that holds them back
    /// pushes out their own made-up keys.
    fn make_room(&mut self, now: u64) {
        self.sweep(now);
        let excess = self.balances.len().saturating_sub(MOST_BALANCES / 4 * 3);
        if excess == 0 {
            return;
        }
        let mut uses: Vec<u64> = self
            .balances
            .values()
            .map(|balance| balance.used(now))
            .collect();
        let (_, &mut threshold, _) = uses.select_nth_unstable(excess - 1);
        let mut left = excess;
        self.balances.retain(|_, balance| {
            let goes = left > 0 && balance.used(now) <= threshold;
            left -= usize::from(goes);
            !goes
        });
    }
}

//! The in-process store of a single instance: one lock, bounded memory, no background task.
//!
//! Full budgets are removed once a minute of the callers' clock. Under a flood of keys the least
//! used budgets are evicted, never those that are refusing attempts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::budget::{Gcra, micros};
use super::codes::CodeStore;
use super::{Charge, Health, Level, Verdict};

/// The maximum number of balances: about 30 MB with long keys.
const MAX_BALANCES: usize = 1 << 18;

/// The interval between removals of full budgets, in microseconds.
const SWEEP_EVERY: u64 = 60 * 1_000_000;

/// The in-process store.
#[derive(Debug)]
pub struct Memory {
    started: DateTime<Utc>,
    budgets: Mutex<Budgets>,
    pub(super) codes: CodeStore,
}

#[derive(Default)]
struct Budgets {
    balances: HashMap<Box<str>, Balance>,
    swept: u64,
}

/// Keys stay out of debug output, as in [`Charge`].
impl std::fmt::Debug for Budgets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Budgets({} balances)", self.balances.len())
    }
}

#[derive(Clone, Copy)]
struct Balance {
    full_at: u64,
    limit: u64,
}

impl Balance {
    /// How much of the budget is used, in 1024ths.
    fn used(self, now: u64) -> u64 {
        let owed = self.full_at.saturating_sub(now).saturating_mul(1024);
        owed.checked_div(self.limit).unwrap_or(0)
    }
}

impl Memory {
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self {
            started: now,
            budgets: Mutex::default(),
            codes: CodeStore::default(),
        }
    }

    pub(super) fn charge(&self, now: DateTime<Utc>, levels: &[Level]) -> Verdict {
        let now = micros(now);
        // A poisoned lock is usable: a panic leaves one balance uncharged at worst.
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        if now.abs_diff(budgets.swept) >= SWEEP_EVERY {
            budgets.sweep(now);
        }
        for (index, level) in levels.iter().enumerate() {
            if let Err(wait) = budgets.charge_level(now, level) {
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
        self.budgets.lock().unwrap().balances.len()
    }
}

impl Budgets {
    /// Charges all budgets of a level, or none if one is exhausted.
    fn charge_level(&mut self, now: u64, level: &[Charge]) -> Result<(), u64> {
        // A key may occur twice, so each charge starts from the previous one.
        let mut owed: HashMap<&str, u64> = HashMap::with_capacity(level.len());
        let mut longest = 0;
        for charge in level {
            let key = charge.key.as_str();
            let stored = || self.balances.get(key).map(|balance| balance.full_at);
            let before = owed.get(key).copied().or_else(stored).unwrap_or(now);
            match Gcra::of(charge).charge(now, before) {
                Ok(after) => _ = owed.insert(key, after),
                Err(wait) => longest = longest.max(wait),
            }
        }
        for charge in level {
            let (key, gcra) = (charge.key.as_str(), Gcra::of(charge));
            let stored = self.balances.get(key).map(|balance| balance.full_at);
            let clamped = stored.map(|stored| gcra.clamp(now, stored));
            let full_at = match longest {
                0 => owed.get(key).copied(),
                // A balance is one window ahead at most, also when the clock was set back.
                _ => clamped.filter(|_| clamped < stored),
            };
            if let Some(full_at) = full_at {
                let limit = gcra.limit;
                self.write(now, key, Balance { full_at, limit });
            }
        }
        if longest == 0 { Ok(()) } else { Err(longest) }
    }

    /// A full budget is the same as none, so its key is removed.
    fn write(&mut self, now: u64, key: &str, balance: Balance) {
        if balance.full_at <= now {
            self.balances.remove(key);
        } else if let Some(kept) = self.balances.get_mut(key) {
            *kept = balance;
        } else {
            if self.balances.len() >= MAX_BALANCES {
                self.make_room(now);
            }
            self.balances.insert(key.into(), balance);
        }
    }

    /// Removes budgets that have been full for a window, which is how long Redis keeps them, so
    /// that both backends tolerate the same clock adjustments.
    fn sweep(&mut self, now: u64) {
        self.swept = now;
        self.balances
            .retain(|_, balance| balance.full_at + balance.limit > now);
        if self.balances.capacity() / 4 > self.balances.len() + 256 {
            self.balances.shrink_to(self.balances.len() * 2);
        }
    }

    /// Evicts a quarter at once, to amortize the pass over many insertions.
    ///
    /// The least used are evicted first, so an attacker who invents keys to evict an exhausted
    /// budget evicts only their own.
    fn make_room(&mut self, now: u64) {
        self.sweep(now);
        let excess = self.balances.len().saturating_sub(MAX_BALANCES / 4 * 3);
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
            let is_evicted = left > 0 && balance.used(now) <= threshold;
            left -= usize::from(is_evicted);
            !is_evicted
        });
    }
}

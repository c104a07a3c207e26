//! What a request waited for, so that a slow one says so.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::request::{current, milliseconds};

/// Something outside the request's own computing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// A statement of the database.
    Database,
    /// A free connection to the database.
    Pool,
    /// The shared store.
    SharedStore,
    /// A thread that hashes or rates passwords, and its work.
    Hashing,
    /// Another service: leaked passwords, an identity provider's keys.
    Provider,
}

/// How long and how often one request waited, for each kind.
///
/// Times are added up: of two statements side by side each counts in full.
#[derive(Debug, Default)]
pub(super) struct Waits([Total; 5]);

#[derive(Debug, Default)]
struct Total {
    micros: AtomicU64,
    count: AtomicU64,
}

impl Waits {
    fn total(&self, wait: Wait) -> &Total {
        let Self([database, pool, shared_store, hashing, provider]) = self;
        match wait {
            Wait::Database => database,
            Wait::Pool => pool,
            Wait::SharedStore => shared_store,
            Wait::Hashing => hashing,
            Wait::Provider => provider,
        }
    }

    fn add(&self, wait: Wait, took: Duration) {
        let total = self.total(wait);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        total.micros.fetch_add(micros, Ordering::Relaxed);
        total.count.fetch_add(1, Ordering::Relaxed);
    }

    fn took(&self, wait: Wait) -> Duration {
        Duration::from_micros(self.total(wait).micros.load(Ordering::Relaxed))
    }

    /// How often it waited, if it did.
    pub(super) fn count(&self, wait: Wait) -> Option<u64> {
        let count = self.total(wait).count.load(Ordering::Relaxed);
        (count > 0).then_some(count)
    }

    /// Milliseconds, if it waited.
    pub(super) fn milliseconds(&self, wait: Wait) -> Option<f64> {
        self.count(wait).map(|_| milliseconds(self.took(wait)))
    }
}

/// Notes that the request that runs has waited.
pub fn waited(wait: Wait, took: Duration) {
    current(|record| record.waits().add(wait, took));
}

/// Runs what the request has to wait for.
pub async fn timed<F: Future>(wait: Wait, work: F) -> F::Output {
    let started = Instant::now();
    let outcome = work.await;
    waited(wait, started.elapsed());
    outcome
}

/// Runs one statement that takes its connection by itself: whatever the statement did not take was
/// the wait for it.
pub async fn pooled<F: Future>(work: F) -> F::Output {
    let statements = || {
        let mut took = Duration::ZERO;
        current(|record| took = record.waits().took(Wait::Database));
        took
    };
    let (started, before) = (Instant::now(), statements());
    let outcome = work.await;
    let others = statements().saturating_sub(before);
    waited(Wait::Pool, started.elapsed().saturating_sub(others));
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_add_up_apart() {
        let waits = Waits::default();
        waits.add(Wait::Database, Duration::from_micros(1500));
        waits.add(Wait::Database, Duration::from_micros(500));
        waits.add(Wait::Provider, Duration::from_millis(7));
        assert_eq!(waits.milliseconds(Wait::Database), Some(2.0));
        assert_eq!(waits.count(Wait::Database), Some(2));
        assert_eq!(waits.milliseconds(Wait::Provider), Some(7.0));
        for wait in [Wait::Pool, Wait::SharedStore, Wait::Hashing] {
            assert_eq!((waits.count(wait), waits.milliseconds(wait)), (None, None));
        }
    }
}

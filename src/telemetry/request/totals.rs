//! Totals of what one request waited for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// A statement of the database.
    Database,
    /// A free connection to the database.
    Pool,
    /// The shared store.
    SharedStore,
    /// A hashing thread, and its work.
    Hashing,
    /// Another service: leaked passwords, the JWKS of an identity provider.
    Provider,
}

/// How long and how often one request waited, by kind. Concurrent waits count in full.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct Waits([Total; 5]);

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

    pub(in crate::telemetry) fn add(&self, wait: Wait, took: Duration) {
        let total = self.total(wait);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        total.micros.fetch_add(micros, Ordering::Relaxed);
        total.count.fetch_add(1, Ordering::Relaxed);
    }

    pub(in crate::telemetry) fn took(&self, wait: Wait) -> Duration {
        Duration::from_micros(self.total(wait).micros.load(Ordering::Relaxed))
    }

    /// How often it waited, if it did.
    pub(in crate::telemetry) fn count(&self, wait: Wait) -> Option<u64> {
        let count = self.total(wait).count.load(Ordering::Relaxed);
        (count > 0).then_some(count)
    }

    /// Milliseconds, if it waited.
    pub(in crate::telemetry) fn milliseconds(&self, wait: Wait) -> Option<f64> {
        self.count(wait).map(|_| milliseconds(self.took(wait)))
    }
}

/// Milliseconds with microsecond precision.
pub(in crate::telemetry) fn milliseconds(duration: Duration) -> f64 {
    let micros = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_added_up_separately() {
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

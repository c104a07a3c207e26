//! `[subscriptions]`: live events, and what a listener may hold.

use serde::Deserialize;

use crate::config::report::Review;
use crate::config::values;

/// Bounds of connections that stay open for events.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscriptions {
    /// Whether there are any.
    #[serde(deserialize_with = "values::switch")]
    pub enabled: bool,
    /// Connections of one person at a time, at each listener.
    pub max_connections: usize,
    /// Connections from one address that have not said who they are.
    pub max_unknown: usize,
    /// Subscriptions on one connection.
    pub max_per_connection: usize,
    /// Events that may wait for one connection.
    pub queue: usize,
    /// Seconds to say who one is.
    pub init_seconds: u64,
    /// Seconds between checks whether the person may still listen.
    pub recheck_seconds: u64,
    /// Seconds between signs of life.
    pub keep_alive_seconds: u64,
    /// Seconds that a client may take to accept what it is sent.
    pub write_seconds: u64,
}

impl Subscriptions {
    pub(super) fn check(&self, review: &mut Review<'_>) {
        let counts = [
            ("subscriptions.max_connections", self.max_connections),
            ("subscriptions.max_unknown", self.max_unknown),
            ("subscriptions.max_per_connection", self.max_per_connection),
            ("subscriptions.queue", self.queue),
        ];
        for (key, count) in counts {
            review.within(key, count, 1..=10_000);
        }
        let waits = [
            ("subscriptions.init_seconds", self.init_seconds),
            ("subscriptions.recheck_seconds", self.recheck_seconds),
            ("subscriptions.keep_alive_seconds", self.keep_alive_seconds),
            ("subscriptions.write_seconds", self.write_seconds),
        ];
        for (key, seconds) in waits {
            review.within(key, seconds, 1..=300);
        }
    }
}

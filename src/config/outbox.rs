//! `[outbox]`: delivery of messages.

use serde::Deserialize;

use crate::config::report::Review;

/// A year, in seconds.
const YEAR: i64 = 365 * 86_400;

/// How this instance delivers messages, and how long their traces are kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outbox {
    /// Whether it does.
    pub enabled: bool,
    /// Messages on their way at once in each channel.
    pub concurrency: usize,
    /// Attempts before a message is set aside.
    pub max_attempts: u32,
    /// Seconds for which the trace of a delivered message is kept.
    pub keep_delivered_seconds: i64,
    /// Seconds for which a message that was set aside is kept.
    pub keep_dead_seconds: i64,
}

impl Outbox {
    pub(super) fn check(&self, review: &mut Review<'_>) {
        review.within("outbox.concurrency", self.concurrency, 1..=100);
        review.within("outbox.max_attempts", self.max_attempts, 1..=1_000);
        review.within(
            "outbox.keep_delivered_seconds",
            self.keep_delivered_seconds,
            0..=YEAR,
        );
        review.within("outbox.keep_dead_seconds", self.keep_dead_seconds, 0..=YEAR);
    }
}

//! `[outbox]`: delivery of messages.

use serde::Deserialize;

use crate::config::report::Review;

/// How this instance delivers messages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outbox {
    /// Whether it does.
    pub enabled: bool,
    /// Messages taken at once.
    pub batch: u64,
    /// Attempts before a message is set aside.
    pub max_attempts: u32,
}

impl Outbox {
    pub(super) fn check(&self, review: &mut Review<'_>) {
        review.within("outbox.batch", self.batch, 1..=1_000);
        review.within("outbox.max_attempts", self.max_attempts, 1..=100);
    }
}

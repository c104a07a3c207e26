//! `[outbox]`: delivery of messages.

use super::section::{Check, section};

section! {
    /// How this instance delivers messages, and how long delivered and failed ones are kept.
    pub struct Outbox("outbox") {
        /// Whether this instance delivers messages; if not, other instances have to.
        pub enabled: bool = true;
        /// Messages in delivery at once per channel; this many may be sent twice after a crash.
        pub concurrency: usize = 16, in 1..=100;
        /// Attempts before a message is moved to the dead letters; 60 span about half a day.
        pub max_attempts: u32 = 60, in 1..=1_000;
        /// Seconds for which the record of a delivered message is kept, without its contents (one
        /// day).
        pub keep_delivered_seconds: i64 = 86_400, in 0..=31_536_000;
        /// Seconds for which a dead letter can be inspected and sent again (a week).
        pub keep_dead_seconds: i64 = 604_800, in 0..=31_536_000;
    }
}

impl Check for Outbox {}

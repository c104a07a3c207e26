//! `[outbox]`: delivery of messages.

use super::section::{Check, section};

section! {
    /// How this instance delivers messages.
    pub struct Outbox("outbox") {
        /// Whether this instance delivers messages; if not, other instances have to.
        pub enabled: bool = true;
        /// Messages in delivery at once per channel; this many may be sent twice after a crash.
        pub concurrency: usize = 16, in 1..=100;
        /// Attempts before a message is moved to the dead letters; 60 span about half a day.
        pub max_attempts: u32 = 60, in 1..=1_000;
    }
}

impl Check for Outbox {}

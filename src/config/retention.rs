//! `[retention]`: how long each kind of data is kept.

use super::section::{Check, section};

section! {
    /// How long data is kept after its use is over. What is still in use is never removed, and links,
    /// codes, consumed proofs and used refresh tokens go as soon as they have expired: after that they
    /// would be refused without a row, too. `idgate retention --dry-run` counts what would go.
    pub struct Retention("retention") {
        /// Days for which ended sessions are kept, so that people can look them up.
        pub ended_sessions_days: i64 = 30, in 0..=3_650;
        /// Days for which the record of a delivered message is kept, without its contents.
        pub delivered_messages_days: i64 = 1, in 0..=365;
        /// Days for which a dead letter can be inspected and sent again.
        pub dead_letters_days: i64 = 7, in 0..=365;
        /// Days for which audit events are kept; older ones are deleted a day at a time. 0 keeps them
        /// for ever.
        pub audit_events_days: u32 = 0, in 0..=36_525;
    }
}

impl Check for Retention {}

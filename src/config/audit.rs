//! `[audit]`: how long audit events are kept.

use super::section::{Check, section};

section! {
    /// How long audit events are kept.
    pub struct Audit("audit") {
        /// Days for which audit events are kept; older ones are deleted a day at a time. 0 keeps them
        /// for ever.
        pub retention_days: u32 = 0, in 0..=36_525;
    }
}

impl Check for Audit {}

//! `[lifecycle]`: deleting, erasing and exporting accounts.

use super::section::{Check, section};

section! {
    /// How long deleted accounts can be restored, who erases them before, and exports of personal data.
    pub struct Lifecycle("lifecycle") {
        /// Days for which an account that staff deleted can be restored. Then it is erased.
        pub restore_days: i64 = 30, in 1..=3_650;
        /// Days for which an account that its owner deleted can be restored, also by its owner. Then it
        /// is erased.
        pub grace_days: i64 = 14, in 1..=365;
        /// Whether erasing an account earlier takes two people: one who requests it, and another one
        /// who confirms it within a day. Needs two administrators.
        pub erase_needs_two: bool = false;
        /// Hours for which a copy of personal data can be downloaded. Then it is deleted.
        pub export_hours: i64 = 72, in 1..=720;
    }
}

impl Check for Lifecycle {}

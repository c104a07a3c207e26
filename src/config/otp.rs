//! `[otp]`: one-time codes.

use super::section::{Check, section};

section! {
    /// How long codes are valid and how often they may be tried.
    ///
    /// NIST SP 800-63B-3 §5.1.3.2 allows a code sent out of band ten minutes at most, and §5.2.2
    /// demands a limit on guesses. A validity of less than half a minute is shorter than delivery.
    pub struct Otp("otp") {
        /// Seconds for which a one-time code is valid.
        pub life_seconds: u32 = 300, in 30..=600;
        /// Seconds before another code for the same purpose can be requested.
        pub resend_seconds: u32 = 60, in 1..=3_600;
        /// Wrong guesses after which a code is void: an attacker gets this many of a million codes.
        pub tries: u32 = 5, in 1..=10;
        /// Seconds for which a code is valid at most while `throttle.code_wrong_global` is exhausted,
        /// a sign that codes are being guessed.
        pub alarm_life_seconds: u32 = 120, in 30..=600;
    }
}

impl Check for Otp {}

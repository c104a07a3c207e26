//! `[otp]`: one-time codes.

use serde::Deserialize;

use crate::config::report::Review;

/// How long codes work and how often they may be tried.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Otp {
    /// Seconds a code works.
    pub life_seconds: u32,
    /// Seconds before another one can be asked for.
    pub resend_seconds: u32,
    /// Tries before it is dead.
    pub tries: u32,
    /// Seconds a code works at most while too many wrong codes are typed.
    pub alarm_life_seconds: u32,
}

impl Otp {
    pub(super) fn check(&self, review: &mut Review<'_>) {
        // NIST SP 800-63B-3 §5.1.3.2: a code sent out of band is good for ten minutes at most.
        review.within("otp.life_seconds", self.life_seconds, 30..=600);
        review.within("otp.resend_seconds", self.resend_seconds, 1..=3600);
        // NIST SP 800-63B-3 §5.2.2: guessing a short code has to be limited.
        review.within("otp.tries", self.tries, 1..=10);
        // Below that a message may arrive too late to be of use.
        review.within("otp.alarm_life_seconds", self.alarm_life_seconds, 30..=600);
    }
}

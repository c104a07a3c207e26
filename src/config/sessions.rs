//! `[sessions]`: how long a sign-in lasts.

use serde::Deserialize;

use crate::config::report::Review;

/// Spans in the life of a session.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sessions {
    /// Seconds a session may lie unused.
    pub refresh_idle_seconds: i64,
    /// Seconds a session may last at all.
    pub absolute_seconds: i64,
    /// Seconds in which a used refresh token still gets the same successor.
    pub grace_seconds: i64,
    /// Seconds sessions that ended are kept.
    pub keep_ended_seconds: i64,
    /// Seconds an authentication counts as recent.
    pub fresh_seconds: i64,
}

impl Sessions {
    pub(super) fn check(&self, review: &mut Review<'_>) {
        let idle = self.refresh_idle_seconds;
        let absolute = self.absolute_seconds;
        review.within("sessions.refresh_idle_seconds", idle, 60..=31_622_400);
        review.within("sessions.absolute_seconds", absolute, 60..=63_244_800);
        // The longer the window, the longer a thief's replay goes unnoticed.
        review.within("sessions.grace_seconds", self.grace_seconds, 0..=60);
        let keep = self.keep_ended_seconds;
        review.within("sessions.keep_ended_seconds", keep, 0..=315_360_000);
        review.within("sessions.fresh_seconds", self.fresh_seconds, 30..=86_400);
        if idle > absolute {
            review.refuse(
                "sessions.refresh_idle_seconds",
                format!("{idle} is longer than sessions.absolute_seconds ({absolute})"),
                "Make it shorter, or the absolute span longer.",
            );
        }
    }
}

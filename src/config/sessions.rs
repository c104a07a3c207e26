//! `[sessions]`: how long a sign-in lasts.

use super::diagnostics::Diagnostics;
use super::section::{Check, section};

section! {
    /// How long sessions last.
    pub struct Sessions("sessions") {
        /// Seconds without use after which a session ends (30 days).
        pub refresh_idle_seconds: i64 = 2_592_000, in 60..=31_622_400;
        /// Seconds after which a session ends regardless of use (180 days).
        pub absolute_seconds: i64 = 15_552_000, in 60..=63_244_800;
        /// Seconds in which a used refresh token still gets the same successor, for responses that
        /// were lost. The longer, the longer a replayed token goes unnoticed.
        pub grace_seconds: i64 = 10, in 0..=60;
        /// Seconds for which an authentication is recent enough for sensitive changes.
        pub fresh_seconds: i64 = 900, in 30..=86_400;
    }
}

impl Check for Sessions {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        let (idle, absolute) = (self.refresh_idle_seconds, self.absolute_seconds);
        if idle > absolute {
            diagnostics.refuse(
                "sessions.refresh_idle_seconds",
                format!("{idle} is longer than sessions.absolute_seconds ({absolute})"),
                "Make it shorter, or the absolute span longer.",
            );
        }
    }
}

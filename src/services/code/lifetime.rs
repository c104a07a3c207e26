//! How long one-time codes are valid, which is shorter during an attack.
//!
//! Tries are limited per code, address and account. An attacker with very many of each still gets
//! many guesses in total; shorter lifetimes leave each guess fewer live codes to hit.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::app::App;
use crate::services::throttle;

/// The lifetime of a code issued now.
pub(super) fn lifetime(app: &App) -> Duration {
    let otp = &app.config.otp;
    let lifetime = Duration::from_secs(otp.life_seconds.into());
    if is_alarm_raised(app) {
        lifetime.min(Duration::from_secs(otp.alarm_life_seconds.into()))
    } else {
        lifetime
    }
}

/// Whether the alarm is raised; also sets the metric.
fn is_alarm_raised(app: &App) -> bool {
    let is_raised = app.code_alarm.is_raised(app.clock.now());
    app.metrics.code_guessing_alarm(is_raised);
    is_raised
}

/// When a code was issued, and when it expires at the latest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    pub(super) issued_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
}

impl Validity {
    /// The effective expiry: while the alarm is raised, earlier codes get the shorter lifetime too.
    ///
    /// Codes that only the alarm expired are valid again if it ends before `expires_at`.
    pub(super) fn effective_expiry(self, app: &App) -> DateTime<Utc> {
        self.expires_at.min(self.issued_at + lifetime(app))
    }
}

/// Counts a wrong code. Too many raise or prolong the alarm.
///
/// Nothing is refused for it: a flood must not deny other people their codes.
pub(super) async fn count_wrong_code(app: &App) {
    if throttle::count_wrong_code(app).await.is_err() {
        let now = app.clock.now();
        let budget = app.config.throttle.code_wrong_global;
        if app.code_alarm.raise(now, now + budget.window) {
            tracing::warn!(
                "one-time codes are being guessed at: more wrong codes than \
                 throttle.code_wrong_global; until it is over, codes work for \
                 otp.alarm_life_seconds at most"
            );
        }
    }
    is_alarm_raised(app);
}

//! How long one-time codes work, which is shorter while they are being guessed at.
//!
//! Tries are limited per code, address and account; a guesser with very many of each still has
//! many guesses altogether. Shorter lives give each of those guesses fewer codes to meet.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::app::App;
use crate::services::throttle;

/// How long a new code works: shorter while codes are being guessed at.
pub(super) fn life(app: &App) -> Duration {
    let otp = &app.config.otp;
    let life = Duration::from_secs(otp.life_seconds.into());
    if is_alarmed(app) {
        life.min(Duration::from_secs(otp.alarm_life_seconds.into()))
    } else {
        life
    }
}

/// Whether the alarm is raised; the metric is set to it.
fn is_alarmed(app: &App) -> bool {
    let is_raised = app.code_alarm.is_raised(app.clock.now());
    app.metrics.code_guessing_alarm(is_raised);
    is_raised
}

/// When a code was made and when it ends, whatever happens meanwhile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) made_at: DateTime<Utc>,
    pub(super) ends_at: DateTime<Utc>,
}

impl Span {
    /// When it ends as things are: codes from before an alarm live no longer than those made in it.
    ///
    /// Those that the alarm ended early work again if it is over before `ends_at`.
    pub(super) fn end(self, app: &App) -> DateTime<Utc> {
        self.ends_at.min(self.made_at + life(app))
    }
}

/// Counts a wrong code. Too many of them raise or prolong the alarm.
///
/// Nobody is refused for it: a flood must not keep others from their codes.
pub(super) async fn note_wrong(app: &App) {
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
    is_alarmed(app);
}

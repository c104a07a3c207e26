//! The background work that begins by itself, and how often.
//!
//! An idle instance asks the database for nothing else, so these pauses are what it costs: below one
//! statement a second, of which [`Round::Look`] is half a statement.

use std::time::Duration;

use crate::app::App;
use crate::fault::Fault;
use crate::services::operator::{housekeeping, outbox, waiting};

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// Notices messages that are due, audit events that wait for a link, and new signing keys:
    /// whatever this process did not write itself.
    Look,
    /// Removes sealed successors of refresh tokens soon after their grace period.
    ForgetSuccessors,
    /// Removes what has expired.
    Tidy,
    /// Counts what waits, for the metrics.
    Measure,
}

impl Round {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::Look,
        Self::ForgetSuccessors,
        Self::Tidy,
        Self::Measure,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Look => "waiting work",
            Self::ForgetSuccessors => "refresh tokens",
            Self::Tidy => "tidying",
            Self::Measure => "measuring",
        }
    }

    /// The pause before the next round, after one that found something to do or did not.
    #[must_use]
    pub const fn pause(self, found: bool) -> Duration {
        match self {
            // What another process leaves waits no longer.
            Self::Look => Duration::from_secs(2),
            // Nobody waits for it where nothing expires; where much does, it must not pile up.
            Self::Tidy if !found => Duration::from_mins(5),
            Self::Tidy | Self::ForgetSuccessors => Duration::from_secs(30),
            // The maximum age of the metrics.
            Self::Measure => Duration::from_secs(15),
        }
    }

    /// Runs one round; returns whether it found something to do.
    pub async fn run(self, app: &App) -> Result<bool, Fault> {
        match self {
            Self::Look => waiting::look(app).await.map(|()| false),
            Self::ForgetSuccessors => {
                let forgotten = housekeeping::forget_successors(app).await?;
                Ok(forgotten > 0)
            }
            Self::Tidy => Ok(housekeeping::tidy(app).await?.is_something()),
            Self::Measure => {
                let is_raised = app.code_alarm.is_raised(app.clock.now());
                app.metrics.code_guessing_alarm(is_raised);
                outbox::measure(app).await?;
                Ok(false)
            }
        }
    }
}

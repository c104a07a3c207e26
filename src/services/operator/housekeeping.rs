//! What is done from time to time beside the requests: removing data whose time is over, and
//! summarizing counted attempts, and keeping up with imported passwords.

use chrono::Duration;

use crate::app::App;
use crate::fault::Fault;
use crate::services::audit;
use crate::services::operator::imported_passwords;
use crate::services::operator::retention::{self, DataKind};
use crate::stores::refresh_token;

/// Batches of one kind in one run; the next run continues.
const MAX_BATCHES: usize = 20;

/// What one run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    /// How many rows of each kind were removed; kinds without any are left out.
    pub removed: Vec<retention::Amount>,
    /// Sealed successors of refresh tokens whose grace period was over.
    pub successors: u64,
    /// Counted attempts, now summarized in one event per kind and hour.
    pub attempts: u64,
}

impl Tidied {
    /// Whether anything was done, so that more may follow soon.
    #[must_use]
    pub fn is_something(&self) -> bool {
        *self != Self::default()
    }

    /// How many rows of a kind were removed.
    #[must_use]
    pub fn of(&self, kind: DataKind) -> u64 {
        let amounts = self.removed.iter().filter(|amount| amount.kind == kind);
        amounts.map(|amount| amount.rows).sum()
    }
}

/// Removes the sealed successors of refresh tokens whose grace period is over; returns how many.
pub async fn forget_successors(app: &App) -> Result<u64, Fault> {
    let window = Duration::seconds(app.config.sessions.grace_seconds);
    refresh_token::forget_successors(&app.database, app.clock.now() - window).await
}

/// One run. Safe on every instance at once.
pub async fn tidy(app: &App) -> Result<Tidied, Fault> {
    let successors = forget_successors(app).await?;
    let mut removed = Vec::new();
    for kind in DataKind::ALL {
        let rows = retention::remove(app, kind, MAX_BATCHES, &mut |_| ()).await?;
        if rows > 0 {
            removed.push(retention::Amount { kind, rows });
        }
    }
    imported_passwords::equalize(app).await?;
    // What was removed must not stay in SQLite's write-ahead log either.
    app.database.empty_log().await?;
    Ok(Tidied {
        removed,
        successors,
        attempts: audit::summarize_attempts(app).await?,
    })
}

//! Whether this process can serve, asked for often and found out once a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use super::App;
use crate::stores::database::Readiness;

/// How long a dependency may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long what was found holds, measured from when it was asked for.
const HOLDS_FOR: TimeDelta = TimeDelta::seconds(1);

/// How a dependency has been, as far as anybody noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What it is like.
    pub status: &'static str,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// What the process depends on.
#[derive(Clone, Copy, Debug)]
pub struct Dependencies {
    /// The rows: `up`, `unmigrated`, `read-only` or `down`.
    pub database: Condition,
    /// The shared store for budgets and codes: `up` or `down`.
    pub volatile: Condition,
    /// Whether the shared store answered just now.
    pub is_volatile_up: bool,
    asked_at: DateTime<Utc>,
    asked: Instant,
}

impl Dependencies {
    /// Whether the database can be worked with.
    #[must_use]
    pub fn is_database_up(&self) -> bool {
        self.database.status == Readiness::Up.as_str()
    }
}

/// What was found last. Held while it is found out, so that everybody else waits for the answer
/// instead of asking as well.
#[derive(Clone, Debug, Default)]
pub(super) struct Remembered(Arc<Mutex<Option<Dependencies>>>);

impl App {
    /// What this process depends on, and how that is.
    ///
    /// However many ask, and also if they go away at once: it costs one round trip a second.
    pub async fn dependencies(self: &Arc<Self>) -> Dependencies {
        let mut remembered = Arc::clone(&self.readiness.0).lock_owned().await;
        if let Some(last) = *remembered
            && self.still_holds(&last)
        {
            return last;
        }
        let (app, last) = (Arc::clone(self), *remembered);
        let asked = Instant::now();
        let asked_at = self.clock.now();
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends by itself within its patience, and a stop need not wait for it"
        )]
        let asking = tokio::spawn(async move {
            let found = app.find_out(last, asked_at, asked).await;
            *remembered = Some(found);
            found
        });
        match asking.await {
            Ok(found) => found,
            // It does not panic; the runtime ends.
            Err(_) => Dependencies {
                database: Condition {
                    status: Readiness::Down.as_str(),
                    since: asked_at,
                },
                volatile: Condition {
                    status: "down",
                    since: asked_at,
                },
                is_volatile_up: false,
                asked_at,
                asked,
            },
        }
    }

    /// A clock that was set back ends what it was before, and so does a write that failed since.
    fn still_holds(&self, last: &Dependencies) -> bool {
        let age = self.clock.now().signed_duration_since(last.asked_at);
        let is_recent = age >= TimeDelta::zero() && age < HOLDS_FOR;
        is_recent && !(last.is_database_up() && self.database.has_failed_since(last.asked))
    }

    async fn find_out(
        &self,
        last: Option<Dependencies>,
        asked_at: DateTime<Utc>,
        asked: Instant,
    ) -> Dependencies {
        let database = tokio::time::timeout(PATIENCE, self.database.readiness());
        let (database, pinged) = futures_util::join!(database, self.volatile.ping(asked_at));
        let status = database.unwrap_or(Readiness::Down).as_str();
        let same = last.map(|last| last.database);
        let health = self.volatile.health();
        Dependencies {
            database: same
                .filter(|before| before.status == status)
                .unwrap_or(Condition {
                    status,
                    since: self.clock.now(),
                }),
            volatile: Condition {
                status: if health.up { "up" } else { "down" },
                since: health.since,
            },
            is_volatile_up: pinged.is_ok(),
            asked_at,
            asked,
        }
    }
}

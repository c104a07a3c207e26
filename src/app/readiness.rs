//! Whether this process can serve; checked at most once a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

use super::App;
use crate::stores::database::Readiness;

/// How long a dependency may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a result is valid, from the moment of its request.
const HOLDS_FOR: TimeDelta = TimeDelta::seconds(1);

/// The last known state of a dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DependencyState {
    /// The state.
    pub status: &'static str,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why it is unusable, with host and port, for operators.
    pub reason: Option<String>,
}

/// The dependencies of this process.
#[derive(Clone, Debug)]
pub struct Dependencies {
    /// The database: `up`, `unmigrated`, `read-only` or `down`.
    pub database: DependencyState,
    /// The shared store: `up` or `down`.
    pub volatile: DependencyState,
    /// Whether the shared store answered just now.
    pub is_volatile_up: bool,
    asked_at: DateTime<Utc>,
    asked: Instant,
}

impl Dependencies {
    /// Whether the database is usable.
    #[must_use]
    pub fn is_database_up(&self) -> bool {
        self.database.status == Readiness::Up.as_str()
    }
}

/// The last result. Locked during a check, so that concurrent callers wait for its result instead of
/// checking too.
#[derive(Clone, Debug, Default)]
pub(super) struct Remembered(Arc<Mutex<Option<Dependencies>>>);

impl App {
    /// The dependencies and their states.
    ///
    /// Costs one round trip a second at most, however many callers ask or go away.
    pub async fn dependencies(self: &Arc<Self>) -> Dependencies {
        let mut remembered = Arc::clone(&self.readiness.0).lock_owned().await;
        let last = remembered.clone();
        if let Some(last) = &last
            && self.is_current(last)
        {
            return last.clone();
        }
        let app = Arc::clone(self);
        let asked = Instant::now();
        let asked_at = self.clock.now();
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends by itself within its patience, and a stop need not wait for it"
        )]
        let asking = tokio::spawn(async move {
            let found = app.probe(last, asked_at, asked).await;
            *remembered = Some(found.clone());
            found
        });
        match asking.await {
            Ok(found) => found,
            // It does not panic; the runtime is shutting down.
            Err(_) => Dependencies {
                database: DependencyState {
                    status: Readiness::Down.as_str(),
                    since: asked_at,
                    reason: None,
                },
                volatile: DependencyState {
                    status: "down",
                    since: asked_at,
                    reason: None,
                },
                is_volatile_up: false,
                asked_at,
                asked,
            },
        }
    }

    /// A clock that was set back invalidates the last result, and so does a later failed write.
    fn is_current(&self, last: &Dependencies) -> bool {
        let age = self.clock.now().signed_duration_since(last.asked_at);
        let is_recent = age >= TimeDelta::zero() && age < HOLDS_FOR;
        is_recent && !(last.is_database_up() && self.database.has_failed_since(last.asked))
    }

    async fn probe(
        &self,
        last: Option<Dependencies>,
        asked_at: DateTime<Utc>,
        asked: Instant,
    ) -> Dependencies {
        let was_down = last.as_ref().is_some_and(|last| !last.is_database_up());
        let database = tokio::time::timeout(PATIENCE, self.database.readiness());
        // Concurrent with the other check, so that an outage delays only the first answer.
        let reason = async {
            if was_down {
                self.database.reach(PATIENCE).await.err()
            } else {
                None
            }
        };
        let pinged = self.volatile.ping(asked_at);
        let (database, reason, pinged) = futures_util::join!(database, reason, pinged);
        let readiness = database.unwrap_or(Readiness::Down);
        let reason = match (readiness, was_down) {
            (Readiness::Down, true) => reason,
            (Readiness::Down, false) => self.database.reach(PATIENCE / 2).await.err(),
            _ => None,
        };
        let status = readiness.as_str();
        let same = last.map(|last| last.database);
        let same = same.filter(|before| before.status == status);
        let health = self.volatile.health();
        Dependencies {
            database: DependencyState {
                status,
                since: same.map_or_else(|| self.clock.now(), |before| before.since),
                reason: reason.map(|unreachable| unreachable.to_string()),
            },
            volatile: DependencyState {
                status: if health.up { "up" } else { "down" },
                since: health.since,
                reason: pinged.as_ref().err().map(ToString::to_string),
            },
            is_volatile_up: pinged.is_ok(),
            asked_at,
            asked,
        }
    }
}

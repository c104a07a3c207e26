//! What a request costs, counted instead of timed.

use std::sync::atomic::Ordering;

use super::TestApp;

/// What a request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    /// SQL statements, transaction brackets excluded.
    pub(crate) statements: u64,
    /// Password hashes.
    pub(crate) hashes: u64,
    /// Rounds of PBKDF2 beside them.
    pub(crate) rounds: u64,
    /// Passwords whose strength was rated.
    pub(crate) ratings: u64,
    /// Rows in the outbox.
    pub(crate) messages: i64,
    /// Rows in the audit log.
    pub(crate) events: i64,
    /// Attempts that were counted, kept or not.
    pub(crate) attempts: i64,
}

impl Work {
    /// What its duration can tell: where an attempt is counted, an event and a write to no row are
    /// one statement either way.
    pub(crate) fn as_timed(self) -> Self {
        let events = if self.attempts > 0 { 0 } else { self.events };
        Self { events, ..self }
    }
}

impl TestApp {
    /// Counts the work of a future: statements, hashes, ratings and outbox rows.
    pub(crate) async fn work_of<T>(&self, work: impl Future<Output = T>) -> (T, Work) {
        let before = self.work().await;
        let outcome = work.await;
        let after = self.work().await;
        let done = Work {
            statements: after.statements - before.statements,
            hashes: after.hashes - before.hashes,
            rounds: after.rounds - before.rounds,
            ratings: after.ratings - before.ratings,
            messages: after.messages - before.messages,
            events: after.events - before.events,
            attempts: after.attempts - before.attempts,
        };
        (outcome, done)
    }

    async fn attempts(&self) -> i64 {
        let counted = "SELECT CAST(COALESCE(SUM(attempts), 0) AS BIGINT) FROM audit_tallies";
        self.number(counted).await
    }

    async fn work(&self) -> Work {
        Work {
            messages: self.number("SELECT COUNT(*) FROM outbox_messages").await,
            events: self.number("SELECT COUNT(*) FROM audit_events").await,
            attempts: self.attempts().await,
            statements: self.statements.load(Ordering::Relaxed),
            hashes: self.app.hasher.completed(),
            rounds: self.app.hasher.rounds(),
            ratings: self.app.hasher.rated(),
        }
    }
}

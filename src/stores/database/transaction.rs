//! Transactions, which say themselves where they begin and end.
//!
//! The driver counts how deep its transactions are and turns a BEGIN inside of one into a
//! SAVEPOINT. After a COMMIT that failed its count and the database disagree, and from then on it
//! releases savepoints where we mean to commit. So none of that is used here: BEGIN, COMMIT and
//! ROLLBACK are statements of our own, there are no savepoints, and a connection on which one of
//! them failed is closed. See docs/decisions/transactions.md.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::sqlx::Error as DriverError;
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, ExecResult, QueryResult,
    RuntimeErr, Statement,
};
use tokio::sync::{Mutex, MutexGuard};

use super::connection::Lease;
use super::failure::Failure;
use super::watch::Watch;
use crate::domain::event::DomainEvent;
use crate::fault::Fault;
use crate::stores::event_queue::PendingEvents;
use crate::telemetry::waits::{Wait, timed};

/// How a transaction is begun.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    /// It may write.
    Write,
    /// It reads the rows as they are when it begins.
    Snapshot,
}

impl Mode {
    fn begin(self, backend: DatabaseBackend) -> &'static str {
        match (self, backend) {
            // A deferred transaction that reads first cannot wait for the writer when it turns
            // into a write: it fails at once. Immediate ones queue.
            (Self::Write, DatabaseBackend::Sqlite) => "BEGIN IMMEDIATE",
            // SQLite reads from one state of the file for as long as the transaction lasts.
            (Self::Snapshot, DatabaseBackend::Sqlite) | (Self::Write, _) => "BEGIN",
            (Self::Snapshot, _) => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        }
    }
}

/// A transaction; dropped without [`Tx::commit`] it rolls back.
#[derive(Debug)]
pub struct Tx {
    bracket: Mutex<Bracket>,
    backend: DatabaseBackend,
    watch: Arc<Watch>,
    statements: Option<Arc<AtomicU64>>,
    events: PendingEvents,
}

struct Bracket {
    lease: Option<Lease>,
    /// A statement failed: Postgres takes nothing but ROLLBACK from here, and SQLite may have
    /// rolled back by itself, after which each statement would be a transaction of its own.
    is_failed: bool,
    has_written: bool,
}

impl std::fmt::Debug for Bracket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Bracket").finish_non_exhaustive()
    }
}

impl Tx {
    /// Begins on a connection of this pool.
    pub(super) async fn begin(
        pool: &DatabaseConnection,
        mode: Mode,
        watch: Arc<Watch>,
        statements: Option<Arc<AtomicU64>>,
        events: PendingEvents,
    ) -> Result<Self, DbErr> {
        let backend = pool.get_database_backend();
        let lease = match begun(pool, mode.begin(backend)).await {
            Ok(lease) => lease,
            Err(error) => {
                watch.note(&error);
                return Err(error);
            }
        };
        Ok(Self {
            bracket: Mutex::new(Bracket {
                lease: Some(lease),
                is_failed: false,
                has_written: false,
            }),
            backend,
            watch,
            statements,
            events,
        })
    }

    /// Commits the transaction and publishes its events.
    ///
    /// Success means that the database has confirmed it. After an error it may have been committed
    /// or not.
    pub async fn commit(self) -> Result<(), Fault> {
        self.end().await?;
        self.events.flush();
        Ok(())
    }

    /// Publishes an event once this transaction is committed, and only then.
    pub(in crate::stores) fn announce(&self, event: DomainEvent) {
        self.events.add(event);
    }

    async fn end(&self) -> Result<(), DbErr> {
        let mut bracket = self.bracket.lock().await;
        let has_written = bracket.has_written;
        let Some(lease) = bracket.usable() else {
            return Err(already_failed());
        };
        lease.set_busy();
        // Postgres answers COMMIT in a failed transaction with success, having rolled back. Any
        // other statement is refused there, and then the COMMIT behind it is not run.
        let commit = match self.backend {
            DatabaseBackend::Sqlite => "COMMIT",
            _ => "SELECT 1; COMMIT",
        };
        let committed = timed(Wait::Database, lease.run(commit)).await;
        if let Err(error) = committed.map_err(querying) {
            self.watch.note(&error);
            self.watch.gave_up(&error);
            return Err(error);
        }
        lease.set_idle();
        // Nothing is left to roll back: the connection returns to its pool.
        bracket.lease = None;
        if has_written {
            self.watch.written();
        }
        Ok(())
    }

    /// Holds the connection for one statement.
    async fn enter(&self) -> Result<MutexGuard<'_, Bracket>, DbErr> {
        let mut bracket = self.bracket.lock().await;
        let lease = bracket.usable().ok_or_else(already_failed)?;
        // Until its answer is heard: whoever goes away meanwhile leaves a connection to be closed.
        lease.set_busy();
        Ok(bracket)
    }

    /// Notes how the statement ended.
    fn leave(&self, mut bracket: MutexGuard<'_, Bracket>, outcome: Result<(), &DbErr>) {
        let failure = outcome.err().map(|error| {
            self.watch.note(error);
            self.watch.gave_up(error);
            bracket.is_failed = true;
            Failure::of(error)
        });
        if let Some(lease) = &mut bracket.lease
            && !failure.is_some_and(Failure::retires)
        {
            lease.set_idle();
        }
    }

    fn count(&self) {
        if let Some(statements) = &self.statements {
            statements.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn change(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.count();
        let mut bracket = self.enter().await?;
        let outcome = timed(Wait::Database, bracket.lease()?.execute(&statement)).await;
        let outcome = outcome.map_err(executing);
        bracket.has_written |= outcome.as_ref().is_ok_and(|done| done.rows_affected() > 0);
        self.leave(bracket, outcome.as_ref().map(drop));
        outcome
    }

    async fn change_as_it_is(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut bracket = self.enter().await?;
        let outcome = bracket.lease()?.run(sql).await.map_err(executing);
        self.leave(bracket, outcome.as_ref().map(drop));
        outcome
    }

    async fn first(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.count();
        let mut bracket = self.enter().await?;
        let outcome = match timed(Wait::Database, bracket.lease()?.first(&statement)).await {
            Ok(row) => Ok(Some(row)),
            Err(DriverError::RowNotFound) => Ok(None),
            Err(error) => Err(querying(error)),
        };
        bracket.has_written |= is_write(&statement) && matches!(outcome, Ok(Some(_)));
        self.leave(bracket, outcome.as_ref().map(drop));
        outcome
    }

    async fn all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.count();
        let mut bracket = self.enter().await?;
        let outcome = timed(Wait::Database, bracket.lease()?.all(&statement)).await;
        let outcome = outcome.map_err(querying);
        bracket.has_written |=
            is_write(&statement) && outcome.as_ref().is_ok_and(|rows| !rows.is_empty());
        self.leave(bracket, outcome.as_ref().map(drop));
        outcome
    }
}

impl Bracket {
    /// The connection, while the transaction can go on.
    fn usable(&mut self) -> Option<&mut Lease> {
        let is_failed = self.is_failed;
        let lease = self.lease.as_mut();
        lease.filter(|lease| lease.is_idle() && !is_failed)
    }

    fn lease(&mut self) -> Result<&mut Lease, DbErr> {
        self.lease.as_mut().ok_or_else(already_failed)
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(lease) = self.bracket.get_mut().lease.take() {
            lease.roll_back();
        }
    }
}

/// A connection on which a transaction has begun; where that fails it is closed.
async fn begun(pool: &DatabaseConnection, begin: &'static str) -> Result<Lease, DbErr> {
    let mut lease = timed(Wait::Pool, Lease::take(pool)).await?;
    lease.set_busy();
    timed(Wait::Database, lease.run(begin))
        .await
        .map_err(querying)?;
    lease.set_idle();
    Ok(lease)
}

/// Whether rows of this statement come from a `RETURNING` clause.
pub(super) fn is_write(statement: &Statement) -> bool {
    let verbs = ["INSERT", "UPDATE", "DELETE"];
    verbs.iter().any(|verb| statement.sql.starts_with(verb))
}

fn querying(error: DriverError) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

fn executing(error: DriverError) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

fn already_failed() -> DbErr {
    DbErr::Custom(
        "a statement of this transaction failed before; it can only be rolled back".to_owned(),
    )
}

#[async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DatabaseBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.change(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.change_as_it_is(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.first(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.all(statement).await
    }
}

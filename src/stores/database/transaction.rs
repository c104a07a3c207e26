//! Transactions with explicit BEGIN, COMMIT and ROLLBACK statements.
//!
//! The driver counts the nesting of its transactions and turns an inner BEGIN into a SAVEPOINT.
//! After a failed COMMIT its count and the database disagree, and it then releases savepoints
//! instead of committing. So its transactions are not used: there are no savepoints, and a
//! connection on which one of these statements failed is closed. See docs/decisions/transactions.md.

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
    /// Reads and writes.
    Write,
    /// Reads a consistent snapshot.
    Snapshot,
}

impl Mode {
    fn begin(self, backend: DatabaseBackend) -> &'static str {
        match (self, backend) {
            // A deferred transaction that reads first fails at once when it writes while another
            // one does (SQLITE_BUSY). Immediate ones queue.
            (Self::Write, DatabaseBackend::Sqlite) => "BEGIN IMMEDIATE",
            // In SQLite a transaction reads from a snapshot anyway.
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
    /// A statement failed: Postgres then accepts only ROLLBACK, and SQLite may have rolled back,
    /// after which each statement would be a transaction of its own.
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
    pub(in crate::stores) fn publish_on_commit(&self, event: DomainEvent) {
        self.events.add(event);
    }

    async fn end(&self) -> Result<(), DbErr> {
        let mut bracket = self.bracket.lock().await;
        let has_written = bracket.has_written;
        let Some(lease) = bracket.usable() else {
            return Err(already_failed());
        };
        lease.set_busy();
        // In a failed transaction Postgres rolls back on COMMIT and reports success. The SELECT
        // fails there, and then the COMMIT is not run.
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
        // Nothing to roll back: return the connection to the pool.
        bracket.lease = None;
        if has_written {
            self.watch.written();
        }
        Ok(())
    }

    /// Locks the connection for one statement.
    async fn enter(&self) -> Result<MutexGuard<'_, Bracket>, DbErr> {
        let mut bracket = self.bracket.lock().await;
        let lease = bracket.usable().ok_or_else(already_failed)?;
        // Until the answer is received: a request that is cancelled meanwhile closes it.
        lease.set_busy();
        Ok(bracket)
    }

    /// Records how the statement ended.
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

    /// Runs a COPY … FROM STDIN with its lines; Postgres only.
    pub(in crate::stores) async fn copy_in(
        &self,
        statement: &str,
        lines: &[u8],
    ) -> Result<(), DbErr> {
        self.count();
        let mut bracket = self.enter().await?;
        let outcome = timed(Wait::Database, bracket.lease()?.copy_in(statement, lines)).await;
        let outcome = outcome.map_err(executing);
        bracket.has_written |= outcome.is_ok();
        self.leave(bracket, outcome.as_ref().map(drop));
        outcome
    }

    async fn execute_unprepared_sql(&self, sql: &str) -> Result<ExecResult, DbErr> {
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
    /// The connection, unless the transaction failed.
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

/// Begins a transaction on a connection of the pool; closes it if that fails.
async fn begun(pool: &DatabaseConnection, begin: &'static str) -> Result<Lease, DbErr> {
    let mut lease = timed(Wait::Pool, Lease::take(pool)).await?;
    lease.set_busy();
    timed(Wait::Database, lease.run(begin))
        .await
        .map_err(querying)?;
    lease.set_idle();
    Ok(lease)
}

/// Whether rows of this statement come from a `RETURNING` clause. The only statements that begin
/// with `WITH` are those that write to several tables.
pub(super) fn is_write(statement: &Statement) -> bool {
    let verbs = ["INSERT", "UPDATE", "DELETE", "WITH"];
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
        self.execute_unprepared_sql(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.first(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.all(statement).await
    }
}

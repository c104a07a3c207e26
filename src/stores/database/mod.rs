//! The connection pools and the transaction that services write in.
//!
//! `transaction` begins and ends transactions on a connection of `connection`, `failure` classifies
//! errors, `watch` tracks outages, `readiness` is the health check, and `reach` says why a server
//! cannot be reached.

mod connection;
mod failure;
mod pool;
mod reach;
mod readiness;
mod transaction;
mod watch;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, ExecResult, QueryResult, Statement,
};
use secrecy::SecretString;

use super::event_queue::{EventQueue, PendingEvents};
use crate::fault::Fault;
use crate::fault::unreachable::{CONNECT_TIMEOUT, Unreachable};
use crate::telemetry::Metrics;

pub use failure::{is_orphaned, is_unavailable};
pub use readiness::Readiness;
pub use transaction::Tx;

use failure::Failure;
use pool::Watched;
use reach::Server;
use transaction::{Mode, is_write};
use watch::Watch;

/// The database, and how to use it.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// Where it is.
    pub location: DatabaseLocation,
    /// Connections per pool on Postgres.
    pub max_connections: u32,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// The statement timeout on Postgres.
    pub statement_timeout: Duration,
}

/// A server or a file.
#[derive(Clone, Debug)]
pub enum DatabaseLocation {
    /// The URL of a Postgres server, which may hold a password.
    Postgres(SecretString),
    /// The path of a SQLite file. Not a URL, so that `%`, `?` and `#` are literal.
    Sqlite(PathBuf),
}

/// A URL that the driver cannot parse. Its message is dropped, because it may quote the URL.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the database URL is not one that the driver can read")]
pub struct UnreadableUrl;

impl DatabaseSettings {
    /// The server, if it is not a file.
    fn server(&self) -> Result<Option<Server>, UnreadableUrl> {
        match &self.location {
            DatabaseLocation::Postgres(url) => Ok(Some(Server::new(pool::limited(self, url)?))),
            DatabaseLocation::Sqlite(_) => Ok(None),
        }
    }

    /// One connection without a statement timeout, which no other migration has at the same time.
    pub(super) async fn connect_to_migrate(&self) -> Result<DatabaseConnection, Fault> {
        let url = match &self.location {
            DatabaseLocation::Sqlite(file) => {
                let options = pool::sqlite(self, file, 1, &Arc::default());
                return pool::open_file(options, file).await;
            }
            DatabaseLocation::Postgres(url) => url,
        };
        let server = pool::server(url)?;
        Server::new(server.clone()).reach(CONNECT_TIMEOUT).await?;
        let mut options = pool::without_limits(server);
        options.max_connections(1);
        let connection = sea_orm::Database::connect(options).await?;
        connection
            .execute_unprepared("SELECT pg_advisory_lock(7246128361)")
            .await?;
        Ok(connection)
    }
}

impl DatabaseLocation {
    /// Parses the URL without connecting.
    ///
    /// # Errors
    ///
    /// If the driver cannot parse it.
    pub fn check(&self) -> Result<(), UnreadableUrl> {
        match self {
            Self::Postgres(url) => pool::server(url).map(drop),
            Self::Sqlite(_) => Ok(()),
        }
    }
}

/// The pools: one for writes, and on SQLite another one for concurrent reads.
#[derive(Clone, Debug)]
pub struct Database {
    /// For writes.
    primary: Watched,
    /// For reads.
    reader: Watched,
    event_queue: Arc<EventQueue>,
    server: Option<Server>,
    watch: Arc<Watch>,
    statements: Option<Arc<AtomicU64>>,
}

impl Database {
    /// Opens the pools. Postgres may be down: connections are opened lazily.
    pub async fn open(settings: &DatabaseSettings) -> Result<Self, Fault> {
        let server = settings.server()?;
        let watch = Arc::new(Watch::over(server.clone()));
        let (primary, reader) = match &settings.location {
            DatabaseLocation::Sqlite(file) => {
                // SQLite has one writer; under WAL other connections read concurrently.
                let open = |connections| {
                    let options = pool::sqlite(settings, file, connections, &watch);
                    pool::open_file(options, file)
                };
                (open(1).await?, open(4).await?)
            }
            DatabaseLocation::Postgres(url) => {
                let options = pool::postgres(settings, url, &watch)?;
                let pool = sea_orm::Database::connect(options).await?;
                (pool.clone(), pool)
            }
        };
        Ok(Self {
            primary: Watched::new(primary, &watch),
            reader: Watched::new(reader, &watch),
            event_queue: Arc::default(),
            server,
            watch,
            statements: None,
        })
    }

    /// Checks whether the server can be reached, over a separate connection.
    ///
    /// # Errors
    ///
    /// Why it cannot, within the timeout.
    pub async fn reach(&self, patience: Duration) -> Result<(), Unreachable> {
        match &self.server {
            Some(server) => server.reach(patience).await,
            None => Ok(()),
        }
    }

    /// The events of committed transactions.
    #[must_use]
    pub fn event_queue(&self) -> &EventQueue {
        &self.event_queue
    }

    /// Begins a transaction, on a new connection if the pooled ones were dead.
    pub async fn begin(&self) -> Result<Tx, Fault> {
        self.begin_on(&self.primary, Mode::Write).await
    }

    /// Begins a read-only transaction on a snapshot.
    pub async fn snapshot(&self) -> Result<Tx, Fault> {
        self.begin_on(&self.reader, Mode::Snapshot).await
    }

    async fn begin_on(&self, pool: &Watched, mode: Mode) -> Result<Tx, Fault> {
        let begin = || {
            let (watch, statements) = (Arc::clone(&self.watch), self.statements.clone());
            let events = PendingEvents::new(Arc::clone(&self.event_queue));
            Tx::begin(pool.connection(), mode, watch, statements, events)
        };
        Ok(self.retried(begin).await?)
    }

    /// The pool for reads outside a transaction, which see all committed rows.
    #[must_use]
    pub fn reader(&self) -> &DatabaseConnection {
        self.reader.connection()
    }

    /// Whether it is a SQLite file.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        self.primary.get_database_backend() == DatabaseBackend::Sqlite
    }

    /// Counts failures in these metrics from now on.
    pub fn report_to(&self, metrics: &Metrics) {
        self.watch.report_to(metrics.clone());
    }

    /// Retries an idempotent step if its pooled connection was dead.
    ///
    /// Connections are not tested before use. After a restart of the database the first one that
    /// fails makes the others of its age distrusted.
    pub(super) async fn retried<T, F>(&self, mut step: impl FnMut() -> F) -> Result<T, DbErr>
    where
        F: Future<Output = Result<T, DbErr>>,
    {
        const ATTEMPTS: usize = 4;
        let mut outcome = step().await;
        for attempt in 1..ATTEMPTS {
            match &outcome {
                // The pool has already waited for the acquire timeout.
                Err(DbErr::ConnectionAcquire(_)) => break,
                Err(error) if Failure::of(error).is_retried() => {
                    if attempt > 1 {
                        // Two in a row: distrust the whole pool.
                        self.watch.sweep_now();
                    }
                    outcome = step().await;
                }
                _ => break,
            }
        }
        if let Err(error) = &outcome {
            self.watch.gave_up(error);
        }
        outcome
    }

    /// Writes the committed pages of SQLite's write-ahead log into the file and empties the log, which
    /// otherwise keeps erased rows for long. Gives up soon while readers prevent it.
    pub async fn empty_log(&self) -> Result<(), Fault> {
        const STATEMENTS: &str = "PRAGMA busy_timeout = 250; PRAGMA wal_checkpoint(truncate); \
                                  PRAGMA busy_timeout = 10000";
        if self.is_sqlite() {
            self.primary.execute_unprepared(STATEMENTS).await?;
        }
        Ok(())
    }

    /// Counts every statement except BEGIN, COMMIT and ROLLBACK.
    pub fn count_statements(&mut self, counter: Arc<AtomicU64>) {
        for pool in [&mut self.primary, &mut self.reader] {
            pool.measure(Some(Arc::clone(&counter)));
        }
        self.statements = Some(counter);
    }

    /// Closes the pools once running statements have ended.
    pub async fn close(self) -> Result<(), Fault> {
        self.primary.close().await?;
        self.reader.close().await?;
        Ok(())
    }
}

/// Single statements: reads run on the reader, again if the connection was dead; writes run on the
/// primary.
#[async_trait]
impl ConnectionTrait for Database {
    fn get_database_backend(&self) -> DatabaseBackend {
        self.primary.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.primary.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.primary.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if is_write(&statement) {
            return self.primary.query_one_raw(statement).await;
        }
        self.retried(|| self.reader.query_one_raw(statement.clone()))
            .await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if is_write(&statement) {
            return self.primary.query_all_raw(statement).await;
        }
        self.retried(|| self.reader.query_all_raw(statement.clone()))
            .await
    }
}

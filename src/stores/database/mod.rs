//! The connection pools and the transaction that services write in.
//!
//! `transaction` begins and ends transactions on a connection of `connection`, `failure` says what
//! an error means, `watch` keeps what became of statements, `readiness` asks whether all is well,
//! `reach` why a server cannot be used.

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

use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, EntityTrait, FromQueryResult,
    Select, SelectTwo,
};

use secrecy::SecretString;

use super::event_queue::{EventQueue, PendingEvents};
use crate::fault::Fault;
use crate::fault::unreachable::{PATIENCE, Unreachable};
use crate::telemetry::Metrics;

pub use failure::is_unavailable;
pub use readiness::Readiness;
pub use transaction::Tx;

use failure::Failure;
use pool::Watched;
use reach::Server;
use transaction::{Mode, Transaction};
use watch::Watch;

/// Where the rows are and how patiently we wait for them.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// A server or a file.
    pub location: DatabaseLocation,
    /// Connections per pool on Postgres.
    pub max_connections: u32,
    /// How long a request waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long one statement may run on Postgres.
    pub statement_timeout: Duration,
}

/// A server or a file.
#[derive(Clone, Debug)]
pub enum DatabaseLocation {
    /// A Postgres server, by a URL that may hold a password.
    Postgres(SecretString),
    /// A SQLite file. A path and never a URL, so that `%`, `?` and `#` in it mean themselves.
    Sqlite(PathBuf),
}

/// A URL that the driver cannot read. The driver's own message is dropped: it may quote the URL.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the database URL is not one that the driver can read")]
pub struct UnreadableUrl;

impl DatabaseSettings {
    /// The server that connections of the pool lead to.
    fn server(&self) -> Result<Option<Server>, UnreadableUrl> {
        match &self.location {
            DatabaseLocation::Postgres(url) => Ok(Some(Server::new(pool::limited(self, url)?))),
            DatabaseLocation::Sqlite(_) => Ok(None),
        }
    }
}

impl DatabaseLocation {
    /// Reads what the driver will be given, and opens nothing.
    ///
    /// # Errors
    ///
    /// When the driver cannot read it.
    pub fn check(&self) -> Result<(), UnreadableUrl> {
        match self {
            Self::Postgres(url) => pool::server(url).map(drop),
            Self::Sqlite(_) => Ok(()),
        }
    }
}

/// The pools: one that writes, and one that reads beside it where the file has a single writer.
#[derive(Clone, Debug)]
pub struct Database {
    /// Single statements that write.
    pub(super) primary: Watched,
    /// Single statements that read.
    reader: Watched,
    event_queue: Arc<EventQueue>,
    server: Option<Server>,
    watch: Arc<Watch>,
    statements: Option<Arc<AtomicU64>>,
}

impl Database {
    /// Opens the pools. Postgres may be down: connections are made when they are needed.
    pub async fn open(settings: &DatabaseSettings) -> Result<Self, Fault> {
        let server = settings.server()?;
        let watch = Arc::new(Watch::over(server.clone()));
        let (primary, reader) = match &settings.location {
            DatabaseLocation::Sqlite(file) => {
                // SQLite has one writer: one connection writes, a few read beside it under WAL.
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

    /// Asks the server whether it can be used, over a connection of its own; a file always can.
    ///
    /// # Errors
    ///
    /// Why it cannot, after so much time at the latest.
    pub async fn reach(&self, patience: Duration) -> Result<(), Unreachable> {
        match &self.server {
            Some(server) => server.reach(patience).await,
            None => Ok(()),
        }
    }

    /// What committed transactions announced.
    #[must_use]
    pub fn event_queue(&self) -> &EventQueue {
        &self.event_queue
    }

    /// Begins a transaction on the primary, on a fresh connection if the first ones were dead.
    pub async fn begin(&self) -> Result<Tx, Fault> {
        self.begin_on(&self.primary, Mode::Write).await
    }

    /// Begins a transaction that only reads, and that sees the rows as they are now until it ends.
    pub async fn snapshot(&self) -> Result<Tx, Fault> {
        self.begin_on(&self.reader, Mode::Snapshot).await
    }

    async fn begin_on(&self, pool: &Watched, mode: Mode) -> Result<Tx, Fault> {
        let begin = || {
            let (watch, statements) = (Arc::clone(&self.watch), self.statements.clone());
            Transaction::begin(pool.connection(), mode, watch, statements)
        };
        let transaction = self.retried(begin).await?;
        let pending = PendingEvents::new(Arc::clone(&self.event_queue));
        Ok(Tx(transaction, pending))
    }

    /// The pool for reads outside a transaction; they see everything that was committed.
    #[must_use]
    pub fn reader(&self) -> &DatabaseConnection {
        self.reader.connection()
    }

    /// Whether the rows are in a SQLite file.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        self.primary.get_database_backend() == DatabaseBackend::Sqlite
    }

    /// Counts failures in these metrics from now on.
    pub fn report_to(&self, metrics: &Metrics) {
        self.watch.report_to(metrics.clone());
    }

    /// Runs an idempotent step again when its pooled connection turned out to be dead.
    ///
    /// Connections are not pinged before use; after a restart of the database the first that
    /// fails takes the others of its age with it.
    pub(super) async fn retried<T, F>(&self, mut step: impl FnMut() -> F) -> Result<T, DbErr>
    where
        F: Future<Output = Result<T, DbErr>>,
    {
        const ATTEMPTS: usize = 4;
        let mut outcome = step().await;
        for attempt in 1..ATTEMPTS {
            match &outcome {
                // The pool itself has waited for a connection as long as anybody should.
                Err(DbErr::ConnectionAcquire(_)) => break,
                Err(error) if Failure::of(error).is_retried() => {
                    if attempt > 1 {
                        // Two of them in a row are no accident.
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

    /// Applies the migrations that are missing, fills what only idgate can compute, and says how
    /// many migrations there were.
    ///
    /// On Postgres an advisory lock makes a second instance wait instead of failing halfway.
    pub async fn migrate(settings: &DatabaseSettings) -> Result<u64, Fault> {
        let tell = |folded| tracing::info!(folded, "accounts were prepared for searches");
        Self::migrate_telling(settings, tell).await
    }

    /// The same for somebody who waits: `tell` hears how many accounts were folded so far.
    pub async fn migrate_telling(
        settings: &DatabaseSettings,
        tell: impl Fn(u64),
    ) -> Result<u64, Fault> {
        use migrations::{Migrator, MigratorTrait};
        let connection = match &settings.location {
            DatabaseLocation::Sqlite(file) => {
                let options = pool::sqlite(settings, file, 1, &Arc::default());
                pool::open_file(options, file).await?
            }
            DatabaseLocation::Postgres(url) => {
                let server = pool::server(url)?;
                Server::new(server.clone()).reach(PATIENCE).await?;
                let mut options = pool::without_limits(server);
                options.max_connections(1);
                let connection = sea_orm::Database::connect(options).await?;
                connection
                    .execute_unprepared("SELECT pg_advisory_lock(7246128361)")
                    .await?;
                connection
            }
        };
        let pending = Migrator::get_pending_migrations(&connection).await?.len();
        Migrator::up(&connection, None).await?;
        crate::stores::user::fold_missing(&connection, tell).await?;
        connection.close().await?;
        Ok(u64::try_from(pending)?)
    }

    /// Counts every statement that is sent, transaction brackets excluded.
    pub fn count_statements(&mut self, counter: Arc<AtomicU64>) {
        for pool in [&mut self.primary, &mut self.reader] {
            pool.measure(Some(Arc::clone(&counter)));
        }
        self.statements = Some(counter);
    }

    /// Closes the pools after the statements in flight.
    pub async fn close(self) -> Result<(), Fault> {
        self.primary.close().await?;
        self.reader.close().await?;
        Ok(())
    }
}

/// One row of a select on the primary.
pub(super) async fn one<E: EntityTrait>(
    database: &Database,
    select: Select<E>,
) -> Result<Option<E::Model>, DbErr> {
    database
        .retried(|| select.clone().one(&database.reader))
        .await
}

/// One row of a select on the primary, shaped by `M`.
pub(super) async fn one_as<M, E>(database: &Database, select: Select<E>) -> Result<Option<M>, DbErr>
where
    M: FromQueryResult + Send + Sync,
    E: EntityTrait,
{
    database
        .retried(|| select.clone().into_model::<M>().one(&database.reader))
        .await
}

/// Every row of a select on the primary.
pub(super) async fn all<E: EntityTrait>(
    database: &Database,
    select: Select<E>,
) -> Result<Vec<E::Model>, DbErr> {
    database
        .retried(|| select.clone().all(&database.reader))
        .await
}

/// One joined row of a select on the primary.
pub(super) async fn one_of_two<E, F>(
    database: &Database,
    select: SelectTwo<E, F>,
) -> Result<Option<(E::Model, Option<F::Model>)>, DbErr>
where
    E: EntityTrait,
    F: EntityTrait,
{
    database
        .retried(|| select.clone().one(&database.reader))
        .await
}

//! The connection pools and the transaction that services write in.

use std::collections::HashSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::ConnectOptions as _;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction,
    DbErr, EntityTrait, FromQueryResult, IsolationLevel, RuntimeErr, Select, SelectTwo,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

use secrecy::{ExposeSecret, SecretString};

use super::announcements::{Announcements, Pending};
use crate::domain::occurrence::Occurrence;
use crate::fault::Fault;

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

impl DatabaseLocation {
    /// Reads what the driver will be given, and opens nothing.
    ///
    /// # Errors
    ///
    /// When the driver cannot read it.
    pub fn check(&self) -> Result<(), UnreadableUrl> {
        match self {
            Self::Postgres(url) => server(url).map(drop),
            Self::Sqlite(_) => Ok(()),
        }
    }
}

/// The pools: one that writes, and one that reads beside it where the file has a single writer.
#[derive(Clone, Debug)]
pub struct Database {
    pub(super) primary: DatabaseConnection,
    reader: DatabaseConnection,
    announcements: Arc<Announcements>,
}

/// A transaction; dropped without [`Tx::commit`] it rolls back.
#[derive(Debug)]
pub struct Tx(pub(super) DatabaseTransaction, Pending);

impl Tx {
    /// Makes everything written in this transaction durable, and lets it be known.
    pub async fn commit(self) -> Result<(), Fault> {
        self.0.commit().await?;
        self.1.hand_over();
        Ok(())
    }

    /// Lets something be known once this transaction is durable, and only then.
    pub(super) fn announce(&self, occurrence: Occurrence) {
        self.1.add(occurrence);
    }
}

impl Database {
    /// Opens the pools. Postgres may be down: connections are made when they are needed.
    pub async fn open(settings: &DatabaseSettings) -> Result<Self, Fault> {
        match &settings.location {
            DatabaseLocation::Sqlite(file) => Self::open_sqlite(settings, file).await,
            DatabaseLocation::Postgres(url) => {
                let mut options = postgres(settings, url)?;
                options
                    .max_connections(settings.max_connections)
                    .acquire_timeout(settings.acquire_timeout)
                    .connect_timeout(settings.acquire_timeout)
                    .test_before_acquire_if_idle_for(Duration::from_secs(30))
                    .connect_lazy(true);
                let primary = sea_orm::Database::connect(options).await?;
                let reader = primary.clone();
                Ok(Self::of(primary, reader))
            }
        }
    }

    /// SQLite has one writer: one connection writes, a few read beside it under WAL.
    async fn open_sqlite(settings: &DatabaseSettings, file: &Path) -> Result<Self, Fault> {
        let primary = sea_orm::Database::connect(sqlite(settings, file, 1)).await?;
        let reader = sea_orm::Database::connect(sqlite(settings, file, 4)).await?;
        Ok(Self::of(primary, reader))
    }

    fn of(primary: DatabaseConnection, reader: DatabaseConnection) -> Self {
        Self {
            primary,
            reader,
            announcements: Arc::default(),
        }
    }

    /// What committed transactions announced.
    #[must_use]
    pub fn announcements(&self) -> &Announcements {
        &self.announcements
    }

    fn transaction(&self, begun: DatabaseTransaction) -> Tx {
        Tx(begun, Pending::new(Arc::clone(&self.announcements)))
    }

    /// Begins a transaction on the primary, once more on a fresh connection if the first was dead.
    pub async fn begin(&self) -> Result<Tx, Fault> {
        let options = TransactionOptions {
            // A deferred transaction that reads first cannot wait for the writer when it turns
            // into a write: it fails at once. Immediate ones queue.
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let begin = || self.primary.begin_with_options(options);
        Ok(self.transaction(retried(begin).await?))
    }

    /// Begins a transaction that only reads, and that sees the rows as they are now until it ends.
    pub async fn snapshot(&self) -> Result<Tx, Fault> {
        // SQLite reads from one state of the file for as long as the transaction lasts.
        let isolation = (!self.is_sqlite()).then_some(IsolationLevel::RepeatableRead);
        let options = TransactionOptions {
            isolation_level: isolation,
            ..TransactionOptions::default()
        };
        let begin = || self.reader.begin_with_options(options);
        Ok(self.transaction(retried(begin).await?))
    }

    /// The pool for reads outside a transaction; they see everything that was committed.
    #[must_use]
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Whether the rows are in a SQLite file.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        self.primary.get_database_backend() == DatabaseBackend::Sqlite
    }

    /// Applies the migrations that are missing and says how many there were.
    ///
    /// On Postgres an advisory lock makes a second instance wait instead of failing halfway.
    pub async fn migrate(settings: &DatabaseSettings) -> Result<u64, Fault> {
        use migrations::{Migrator, MigratorTrait};
        let connection = match &settings.location {
            DatabaseLocation::Sqlite(file) => {
                sea_orm::Database::connect(sqlite(settings, file, 1)).await?
            }
            DatabaseLocation::Postgres(url) => {
                let mut options = without_limits(server(url)?);
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
        connection.close().await?;
        Ok(u64::try_from(pending)?)
    }

    /// Whether every migration this binary knows has been applied.
    ///
    /// Reads the list of applied ones and nothing else, since readiness is asked for often.
    pub async fn is_migrated(&self) -> Result<bool, Fault> {
        use migrations::{Migrator, MigratorTrait};
        let backend = self.primary.get_database_backend();
        let list = || Statement::from_string(backend, "SELECT version FROM seaql_migrations");
        let rows = match retried(|| self.primary.query_all_raw(list())).await {
            Ok(rows) => rows,
            Err(error) if is_broken_connection(&error) => return Err(error.into()),
            Err(error @ (DbErr::ConnectionAcquire(_) | DbErr::Conn(_))) => return Err(error.into()),
            // There is no such table yet.
            Err(_) => return Ok(false),
        };
        let applied = rows
            .iter()
            .map(|row| row.try_get_by_index::<String>(0))
            .collect::<Result<HashSet<_>, _>>()?;
        Ok(Migrator::migrations()
            .iter()
            .all(|known| applied.contains(known.name())))
    }

    /// Counts every statement that is sent, transaction brackets excluded.
    pub fn count_statements(&mut self, counter: std::sync::Arc<std::sync::atomic::AtomicU64>) {
        let count = move |counter: &std::sync::atomic::AtomicU64| {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        };
        let reader = counter.clone();
        self.primary.set_metric_callback(move |_| count(&counter));
        self.reader.set_metric_callback(move |_| count(&reader));
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
    retried(|| select.clone().one(&database.reader)).await
}

/// One row of a select on the primary, shaped by `M`.
pub(super) async fn one_as<M, E>(database: &Database, select: Select<E>) -> Result<Option<M>, DbErr>
where
    M: FromQueryResult + Send + Sync,
    E: EntityTrait,
{
    retried(|| select.clone().into_model::<M>().one(&database.reader)).await
}

/// Every row of a select on the primary.
pub(super) async fn all<E: EntityTrait>(
    database: &Database,
    select: Select<E>,
) -> Result<Vec<E::Model>, DbErr> {
    retried(|| select.clone().all(&database.reader)).await
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
    retried(|| select.clone().one(&database.reader)).await
}

/// Runs an idempotent step again when its pooled connection turned out to be dead.
///
/// Connections are not pinged before use; after a restart of the database each of them fails once.
pub(super) async fn retried<T, F>(mut step: impl FnMut() -> F) -> Result<T, DbErr>
where
    F: Future<Output = Result<T, DbErr>>,
{
    const ATTEMPTS: usize = 4;
    let mut outcome = step().await;
    for _ in 1..ATTEMPTS {
        match &outcome {
            Err(error) if is_broken_connection(error) => outcome = step().await,
            _ => break,
        }
    }
    outcome
}

/// Whether the failure is the connection's and not the statement's.
fn is_broken_connection(error: &DbErr) -> bool {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(source))
        | DbErr::Exec(RuntimeErr::SqlxError(source))
        | DbErr::Query(RuntimeErr::SqlxError(source)) => match source.as_ref() {
            sea_orm::sqlx::Error::Io(_) | sea_orm::sqlx::Error::Protocol(_) => true,
            // 57P01 admin_shutdown, 57P02 crash_shutdown, 57P03 cannot_connect_now
            sea_orm::sqlx::Error::Database(error) => {
                error.code().is_some_and(|code| code.starts_with("57P"))
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether this failure means that the database cannot be reached, so that trying later helps.
#[must_use]
pub fn is_unavailable(fault: &Fault) -> bool {
    fault
        .source()
        .downcast_ref::<DbErr>()
        .is_some_and(|error| match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
            error => is_broken_connection(error),
        })
}

/// What the driver reads from the URL.
fn server(url: &SecretString) -> Result<PgConnectOptions, UnreadableUrl> {
    let read: Result<PgConnectOptions, _> = url.expose_secret().parse();
    let named = read.map_err(|_| UnreadableUrl)?;
    Ok(named.application_name("idgate").disable_statement_logging())
}

/// Options around a server that was read already.
///
/// SeaORM logs its own options at `trace`, the URL among them, so it gets one without secrets.
fn without_limits(server: PgConnectOptions) -> ConnectOptions {
    let mut options = ConnectOptions::new("postgres://");
    options
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .map_sqlx_postgres_opts(move |_| server.clone());
    options
}

fn postgres(
    settings: &DatabaseSettings,
    url: &SecretString,
) -> Result<ConnectOptions, UnreadableUrl> {
    let limit = settings.statement_timeout.as_millis().to_string();
    let server = server(url)?.options([("statement_timeout", limit)]);
    Ok(without_limits(server))
}

fn sqlite(settings: &DatabaseSettings, file: &Path, connections: u32) -> ConnectOptions {
    // SQLite takes a name that begins with `file:` or a colon for something else than a path.
    let file = Path::new(".").join(file);
    let mut options = ConnectOptions::new("sqlite::memory:");
    options
        .max_connections(connections)
        .acquire_timeout(settings.acquire_timeout)
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .test_before_acquire(false)
        .map_sqlx_sqlite_opts(move |_| {
            SqliteConnectOptions::new()
                .filename(&file)
                .disable_statement_logging()
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // WAL with FULL: what was answered survives a power cut.
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(Duration::from_secs(10))
                .pragma("secure_delete", "ON")
        });
    options
}

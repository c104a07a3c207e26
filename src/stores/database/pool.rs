//! Making the pools, and running single statements on them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::sqlx::ConnectOptions as _;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, ExecResult,
    QueryResult, Statement,
};

use super::watch::Watch;
use super::{DatabaseSettings, UnreadableUrl};
use crate::fault::Fault;
use crate::telemetry::waits::{self, Wait};
use secrecy::{ExposeSecret as _, SecretString};

/// A pool for single statements, whose failures and waits are recorded.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    connection: DatabaseConnection,
    watch: Arc<Watch>,
}

impl Watched {
    pub(super) fn new(connection: DatabaseConnection, watch: &Arc<Watch>) -> Self {
        let mut watched = Self {
            connection,
            watch: Arc::clone(watch),
        };
        watched.measure(None);
        watched
    }

    pub(super) fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Records how long each statement took, and counts it.
    pub(super) fn measure(&mut self, counter: Option<Arc<AtomicU64>>) {
        self.connection.set_metric_callback(move |statement| {
            waits::waited(Wait::Database, statement.elapsed);
            if let Some(counter) = &counter {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
    }

    pub(super) async fn close(self) -> Result<(), DbErr> {
        self.connection.close().await
    }

    async fn noted<T>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let outcome = waits::pooled(work).await;
        if let Err(error) = &outcome {
            self.watch.note(error);
        }
        outcome
    }
}

#[async_trait]
impl ConnectionTrait for Watched {
    fn get_database_backend(&self) -> DatabaseBackend {
        self.connection.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.noted(self.connection.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.noted(self.connection.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.noted(self.connection.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.noted(self.connection.query_all_raw(statement)).await
    }
}

/// The connection options of a URL.
pub(super) fn server(url: &SecretString) -> Result<PgConnectOptions, UnreadableUrl> {
    let read: Result<PgConnectOptions, _> = url.expose_secret().parse();
    let named = read.map_err(|_| UnreadableUrl)?;
    Ok(named.application_name("idgate").disable_statement_logging())
}

/// The same with a statement timeout.
pub(super) fn limited(
    settings: &DatabaseSettings,
    url: &SecretString,
) -> Result<PgConnectOptions, UnreadableUrl> {
    let limit = settings.statement_timeout.as_millis().to_string();
    Ok(server(url)?.options([("statement_timeout", limit)]))
}

/// Pool options for a server.
///
/// SeaORM logs the URL of its options at `trace`, so it gets one without secrets.
pub(super) fn without_limits(server: PgConnectOptions) -> ConnectOptions {
    let mut options = ConnectOptions::new("postgres://");
    options
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .map_sqlx_postgres_opts(move |_| server.clone());
    options
}

/// The pool of a Postgres server, which connects lazily.
pub(super) fn postgres(
    settings: &DatabaseSettings,
    url: &SecretString,
    watch: &Arc<Watch>,
) -> Result<ConnectOptions, UnreadableUrl> {
    let mut options = without_limits(limited(settings, url)?);
    let watch = Arc::clone(watch);
    options
        .max_connections(settings.max_connections)
        .acquire_timeout(settings.acquire_timeout)
        .connect_timeout(settings.acquire_timeout)
        .test_before_acquire_if_idle_for(Duration::from_secs(30))
        .map_sqlx_postgres_before_acquire(move |_, connection| {
            let is_trusted = watch.trusts(connection.age);
            Box::pin(async move { Ok(is_trusted) })
        })
        .connect_lazy(true);
    Ok(options)
}

/// Opens a file; unlike the driver's error, this one names it.
pub(super) async fn open_file(
    options: ConnectOptions,
    file: &Path,
) -> Result<DatabaseConnection, Fault> {
    sea_orm::Database::connect(options).await.map_err(|error| {
        let place = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        Fault::new(format!(
            "the database {} cannot be opened: {error}; check the path, that its directory exists, \
             and that it may be written by this account",
            place.display()
        ))
    })
}

/// A pool over a SQLite file.
pub(super) fn sqlite(
    settings: &DatabaseSettings,
    file: &Path,
    connections: u32,
    watch: &Arc<Watch>,
) -> ConnectOptions {
    // SQLite reads a name that begins with `file:` or a colon as a URI, not as a path.
    let file = Path::new(".").join(file);
    let mut options = ConnectOptions::new("sqlite::memory:");
    let watch = Arc::clone(watch);
    options
        .max_connections(connections)
        .acquire_timeout(settings.acquire_timeout)
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .test_before_acquire(false)
        .map_sqlx_sqlite_before_acquire(move |_, connection| {
            let is_trusted = watch.trusts(connection.age);
            Box::pin(async move { Ok(is_trusted) })
        })
        .map_sqlx_sqlite_opts(move |_| {
            SqliteConnectOptions::new()
                .filename(&file)
                .disable_statement_logging()
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // WAL with FULL: committed transactions survive a power cut.
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(Duration::from_secs(10))
                .pragma("secure_delete", "ON")
        });
    options
}

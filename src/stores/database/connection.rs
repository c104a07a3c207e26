//! A connection that is checked out of its pool.

use std::time::Duration;

use futures_util::future::Either;
use sea_orm::sea_query::Values;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::query::Query;
use sea_orm::sqlx::{
    AssertSqlSafe, Connection as _, Database as Driver, Error as DriverError, Executor as _,
    IntoArguments, Postgres, Sqlite, query_with,
};
use sea_orm::{
    ConnAcquireErr, DatabaseBackend, DatabaseConnection, DbErr, ExecResult, QueryResult,
    RuntimeErr, Statement,
};
use sea_query_sqlx::SqlxValues;
use tokio::runtime::Handle;

/// The timeout for ending an abandoned connection.
const TIMEOUT: Duration = Duration::from_secs(10);

/// One connection, used by one transaction.
///
/// It is returned to the pool only while it is idle: no statement is running, and the last answer
/// was received. Dropped in any other state it is closed, which rolls back. So a request that is
/// cancelled at any point leaves nothing behind.
pub(super) struct Lease {
    connection: Option<Either<PoolConnection<Postgres>, PoolConnection<Sqlite>>>,
    is_idle: bool,
}

impl Lease {
    /// Takes a connection out of the pool.
    pub(super) async fn take(pool: &DatabaseConnection) -> Result<Self, DbErr> {
        let taken = if pool.get_database_backend() == DatabaseBackend::Sqlite {
            let pool = pool.get_sqlite_connection_pool();
            pool.acquire().await.map(Either::Right)
        } else {
            let pool = pool.get_postgres_connection_pool();
            pool.acquire().await.map(Either::Left)
        };
        let connection = taken.map_err(|error| match error {
            DriverError::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
            DriverError::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            error => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
        })?;
        Ok(Self {
            connection: Some(connection),
            is_idle: true,
        })
    }

    /// Whether the last answer was received and left the connection usable.
    pub(super) fn is_idle(&self) -> bool {
        self.is_idle
    }

    /// Marks the start of a statement.
    pub(super) fn set_busy(&mut self) {
        self.is_idle = false;
    }

    /// Marks the end of a statement.
    pub(super) fn set_idle(&mut self) {
        self.is_idle = true;
    }

    /// Runs SQL without parameters, as it is.
    pub(super) async fn run(&mut self, sql: &str) -> Result<ExecResult, DriverError> {
        let sql = AssertSqlSafe(sql);
        match self.connection()? {
            Either::Left(connection) => {
                (&mut **connection).execute(sql).await.map(ExecResult::from)
            }
            Either::Right(connection) => {
                (&mut **connection).execute(sql).await.map(ExecResult::from)
            }
        }
    }

    /// Runs a statement for what it changes.
    pub(super) async fn execute(
        &mut self,
        statement: &Statement,
    ) -> Result<ExecResult, DriverError> {
        match self.connection()? {
            Either::Left(on) => query(statement)
                .execute(&mut **on)
                .await
                .map(ExecResult::from),
            Either::Right(on) => query(statement)
                .execute(&mut **on)
                .await
                .map(ExecResult::from),
        }
    }

    /// Runs a statement for its first row.
    pub(super) async fn first(
        &mut self,
        statement: &Statement,
    ) -> Result<QueryResult, DriverError> {
        match self.connection()? {
            Either::Left(on) => query(statement)
                .fetch_one(&mut **on)
                .await
                .map(QueryResult::from),
            Either::Right(on) => query(statement)
                .fetch_one(&mut **on)
                .await
                .map(QueryResult::from),
        }
    }

    /// Runs a statement for all its rows.
    pub(super) async fn all(
        &mut self,
        statement: &Statement,
    ) -> Result<Vec<QueryResult>, DriverError> {
        Ok(match self.connection()? {
            Either::Left(on) => {
                let rows = query(statement).fetch_all(&mut **on).await?;
                rows.into_iter().map(QueryResult::from).collect()
            }
            Either::Right(on) => {
                let rows = query(statement).fetch_all(&mut **on).await?;
                rows.into_iter().map(QueryResult::from).collect()
            }
        })
    }

    /// Runs a COPY … FROM STDIN with its lines.
    pub(super) async fn copy_in(
        &mut self,
        statement: &str,
        lines: &[u8],
    ) -> Result<(), DriverError> {
        let Either::Left(connection) = self.connection()? else {
            let what = "only Postgres knows COPY".into();
            return Err(DriverError::Configuration(what));
        };
        let mut copy = connection.copy_in_raw(statement).await?;
        copy.send(lines).await?;
        copy.finish().await.map(drop)
    }

    fn connection(
        &mut self,
    ) -> Result<&mut Either<PoolConnection<Postgres>, PoolConnection<Sqlite>>, DriverError> {
        // Only taken in `drop`.
        self.connection.as_mut().ok_or(DriverError::WorkerCrashed)
    }

    /// Rolls back in the background.
    ///
    /// The driver's own way queues a ROLLBACK without checking whether it succeeds.
    pub(super) fn roll_back(mut self) {
        if !self.is_idle {
            return; // Dropped: closed.
        }
        self.set_busy();
        spawn(async move {
            let ended = tokio::time::timeout(TIMEOUT, self.run("ROLLBACK")).await;
            if matches!(ended, Ok(Ok(_))) {
                self.set_idle();
            }
        });
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if !self.is_idle {
            match connection {
                Either::Left(connection) => close(connection),
                Either::Right(connection) => close(connection),
            }
        }
    }
}

/// Closes a connection and then frees its slot in the pool.
///
/// A statement that is still running keeps the slot, so that cancelled requests cannot run more
/// statements than the pool has connections (denial of service).
fn close<D: Driver>(mut connection: PoolConnection<D>) {
    connection.close_on_drop();
    spawn(async move {
        let _ = tokio::time::timeout(TIMEOUT, connection.ping()).await;
    });
}

#[expect(
    clippy::disallowed_methods,
    reason = "it ends by itself within seconds, and a stop that closes the pools waits for connections"
)]
pub(super) fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    if Handle::try_current().is_ok() {
        tokio::spawn(work);
    }
}

fn query<D: Driver>(statement: &Statement) -> Query<'_, D, SqlxValues>
where
    SqlxValues: IntoArguments<D>,
{
    let values = statement.values.clone().unwrap_or(Values(Vec::new()));
    query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values))
}

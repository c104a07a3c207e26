//! A connection that is out of its pool, and what becomes of it.

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

/// How long a connection that is given up may take to come to its end.
const PATIENCE: Duration = Duration::from_secs(10);

/// One connection, in use by one transaction.
///
/// It goes back into its pool only while it is known to be idle: nothing under way, the last
/// answer heard. Dropped in any other state it is closed, and the server or the file's locks
/// forget what it had begun. So a request that is cancelled anywhere leaves nothing behind.
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

    /// Whether the last answer was heard, and it was not one after which a connection ends.
    pub(super) fn is_idle(&self) -> bool {
        self.is_idle
    }

    /// Begins something of which it is not known yet how it ends.
    pub(super) fn set_busy(&mut self) {
        self.is_idle = false;
    }

    /// What was begun has come to an end that is known.
    pub(super) fn set_idle(&mut self) {
        self.is_idle = true;
    }

    /// Runs SQL without parameters, as it is.
    pub(super) async fn run(&mut self, sql: &str) -> Result<ExecResult, DriverError> {
        let sql = AssertSqlSafe(sql);
        match self.connection()? {
            Either::Left(it) => (&mut **it).execute(sql).await.map(ExecResult::from),
            Either::Right(it) => (&mut **it).execute(sql).await.map(ExecResult::from),
        }
    }

    /// Runs a statement for what it changes.
    pub(super) async fn execute(&mut self, it: &Statement) -> Result<ExecResult, DriverError> {
        match self.connection()? {
            Either::Left(on) => query(it).execute(&mut **on).await.map(ExecResult::from),
            Either::Right(on) => query(it).execute(&mut **on).await.map(ExecResult::from),
        }
    }

    /// Runs a statement for its first row.
    pub(super) async fn first(&mut self, it: &Statement) -> Result<QueryResult, DriverError> {
        match self.connection()? {
            Either::Left(on) => query(it).fetch_one(&mut **on).await.map(QueryResult::from),
            Either::Right(on) => query(it).fetch_one(&mut **on).await.map(QueryResult::from),
        }
    }

    /// Runs a statement for all its rows.
    pub(super) async fn all(&mut self, it: &Statement) -> Result<Vec<QueryResult>, DriverError> {
        Ok(match self.connection()? {
            Either::Left(on) => {
                let rows = query(it).fetch_all(&mut **on).await?;
                rows.into_iter().map(QueryResult::from).collect()
            }
            Either::Right(on) => {
                let rows = query(it).fetch_all(&mut **on).await?;
                rows.into_iter().map(QueryResult::from).collect()
            }
        })
    }

    fn connection(
        &mut self,
    ) -> Result<&mut Either<PoolConnection<Postgres>, PoolConnection<Sqlite>>, DriverError> {
        // Taken by nobody but `drop`.
        self.connection.as_mut().ok_or(DriverError::WorkerCrashed)
    }

    /// Ends what was begun and not committed.
    ///
    /// Not the driver's own way, which queues a ROLLBACK and never hears whether it worked.
    pub(super) fn roll_back(mut self) {
        if !self.is_idle {
            return; // Dropped: closed.
        }
        self.set_busy();
        spawn(async move {
            let ended = tokio::time::timeout(PATIENCE, self.run("ROLLBACK")).await;
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

/// Closes a connection, whose place in the pool is free once it is gone.
///
/// A statement that is still running keeps the place: clients that come and go must not have more
/// of them running than the pool has connections.
fn close<D: Driver>(mut connection: PoolConnection<D>) {
    connection.close_on_drop();
    spawn(async move {
        let _ = tokio::time::timeout(PATIENCE, connection.ping()).await;
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

//! One connection to a legacy database of any kind, in a read-only snapshot.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};
use url::Url;

use super::select::Dialect;
use super::{LegacyError, LegacyLocation};
use crate::domain::legacy::Cell;

/// How long to wait for a server.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) enum Connection {
    Postgres(PgConnection),
    MySql(MySqlConnection),
    /// With the copy that it reads, which goes with it.
    Sqlite(SqliteConnection, Option<Copy>),
}

/// A copy of a SQLite file; removed when dropped.
pub(super) struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn failed(error: sqlx::Error) -> LegacyError {
    match error {
        sqlx::Error::Configuration(_) => LegacyError::Url,
        error => LegacyError::Database(error.to_string()),
    }
}

impl Connection {
    /// Connects and begins the snapshot; returns what names the database, without a password.
    pub(super) async fn open(
        location: &LegacyLocation,
        temporary: &Path,
    ) -> Result<(Self, String), LegacyError> {
        match location {
            LegacyLocation::Postgres(url) => {
                let connection = tokio::time::timeout(PATIENCE, postgres(url)).await;
                let connection = connection.map_err(|_| silent())??;
                Ok((Self::Postgres(connection), named(url)?))
            }
            LegacyLocation::MySql(url) => {
                let connection = tokio::time::timeout(PATIENCE, mysql(url)).await;
                let connection = connection.map_err(|_| silent())??;
                Ok((Self::MySql(connection), named(url)?))
            }
            LegacyLocation::Sqlite(file) => {
                let place = std::path::absolute(file).unwrap_or_else(|_| file.clone());
                let (connection, copy) = sqlite(&place, temporary).await?;
                let name = format!("sqlite://{}", place.display());
                Ok((Self::Sqlite(connection, copy), name))
            }
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Self::Postgres(_) => Dialect::Postgres,
            Self::MySql(_) => Dialect::MySql,
            Self::Sqlite(..) => Dialect::Sqlite,
        }
    }

    /// The rows of a statement whose columns are text or bytes.
    pub(super) async fn rows(
        &mut self,
        statement: &str,
        values: &[i64],
    ) -> Result<Vec<Vec<Cell>>, LegacyError> {
        macro_rules! read {
            ($connection:expr) => {{
                let mut query = sqlx::query(AssertSqlSafe(statement));
                for value in values {
                    query = query.bind(*value);
                }
                let rows = query.fetch_all(&mut *$connection).await.map_err(failed)?;
                let mut read = Vec::with_capacity(rows.len());
                for row in rows {
                    let mut cells = Vec::with_capacity(row.len());
                    for place in 0..row.len() {
                        let bytes = row.try_get_unchecked::<Option<Vec<u8>>, _>(place);
                        cells.push(Cell::of(bytes.map_err(failed)?));
                    }
                    read.push(cells);
                }
                Ok(read)
            }};
        }
        match self {
            Self::Postgres(connection) => read!(connection),
            Self::MySql(connection) => read!(connection),
            Self::Sqlite(connection, _) => read!(connection),
        }
    }

    /// The columns of a table; none if there is no such table.
    pub(super) async fn columns(&mut self, table: &str) -> Result<Vec<String>, LegacyError> {
        // The name admits no quotes.
        let statement = match self.dialect() {
            Dialect::Postgres => {
                let quoted = super::quoted(Dialect::Postgres, table);
                format!(
                    "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass('{quoted}') \
                     AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
                )
            }
            Dialect::MySql => {
                let (schema, name) = table.split_once('.').map_or_else(
                    || ("DATABASE()".to_owned(), table),
                    |(schema, name)| (format!("'{schema}'"), name),
                );
                format!(
                    "SELECT CONVERT(column_name USING utf8mb4) FROM information_schema.columns \
                     WHERE table_schema = {schema} AND table_name = '{name}' \
                     ORDER BY ordinal_position"
                )
            }
            Dialect::Sqlite => {
                format!("SELECT CAST(name AS BLOB) FROM pragma_table_info('{table}')")
            }
        };
        let rows = self.rows(&statement, &[]).await?;
        let names = rows.iter().filter_map(|row| row.first()?.text());
        Ok(names.map(str::to_owned).collect())
    }

    pub(super) async fn close(self) {
        let _ = match self {
            Self::Postgres(connection) => connection.close().await,
            Self::MySql(connection) => connection.close().await,
            Self::Sqlite(connection, _copy) => connection.close().await,
        };
    }
}

fn silent() -> LegacyError {
    let seconds = PATIENCE.as_secs();
    LegacyError::Database(format!("it does not answer within {seconds} seconds"))
}

/// Scheme, host, port and path.
fn named(url: &SecretString) -> Result<String, LegacyError> {
    let mut url = Url::parse(url.expose_secret()).map_err(|_| LegacyError::Url)?;
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.set_query(None);
    url.set_fragment(None);
    Ok(url.into())
}

/// Times in UTC and in ISO 8601, whatever the server's settings. A repeatable read takes no lock that a
/// writer would wait for.
async fn postgres(url: &SecretString) -> Result<PgConnection, LegacyError> {
    let options = PgConnectOptions::from_str(url.expose_secret()).map_err(|_| LegacyError::Url)?;
    let options = options
        .application_name("idgate import")
        .options([
            ("default_transaction_read_only", "on"),
            ("statement_timeout", "0"),
        ])
        .disable_statement_logging();
    let mut connection = options.connect().await.map_err(failed)?;
    for statement in [
        "SET TIME ZONE 'UTC'",
        "SET DateStyle = ISO",
        "SET idle_in_transaction_session_timeout = 0",
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    ] {
        connection.execute(statement).await.map_err(failed)?;
    }
    Ok(connection)
}

async fn mysql(url: &SecretString) -> Result<MySqlConnection, LegacyError> {
    let options =
        MySqlConnectOptions::from_str(url.expose_secret()).map_err(|_| LegacyError::Url)?;
    let mut connection = options
        .disable_statement_logging()
        .connect()
        .await
        .map_err(failed)?;
    for statement in [
        "SET time_zone = '+00:00'",
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ] {
        // The text protocol: the server prepares no such statements.
        let statement = sqlx::raw_sql(statement);
        statement.execute(&mut connection).await.map_err(failed)?;
    }
    Ok(connection)
}

/// A reader of a file with a write-ahead log hinders no writer. Otherwise it would for as long as it
/// reads, so it reads a copy, which is made within the time that Django waits for a lock.
async fn sqlite(
    file: &Path,
    temporary: &Path,
) -> Result<(SqliteConnection, Option<Copy>), LegacyError> {
    if !file.is_file() {
        let place = file.display();
        return Err(LegacyError::Database(format!("there is no file {place}")));
    }
    let mut connection = sqlite_reader(file).await?;
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
    let copy = if mode.eq_ignore_ascii_case("wal") {
        None
    } else {
        let copy = Copy(temporary.to_owned());
        let _ = std::fs::remove_file(&copy.0);
        sqlx::query("VACUUM INTO ?")
            .bind(copy.0.to_string_lossy().into_owned())
            .execute(&mut connection)
            .await
            .map_err(failed)?;
        connection.close().await.map_err(failed)?;
        connection = sqlite_reader(&copy.0).await?;
        Some(copy)
    };
    connection.execute("BEGIN").await.map_err(failed)?;
    // The first read takes the snapshot.
    let first = "SELECT count(*) FROM sqlite_master";
    connection.execute(first).await.map_err(failed)?;
    Ok((connection, copy))
}

async fn sqlite_reader(file: &Path) -> Result<SqliteConnection, LegacyError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .busy_timeout(PATIENCE)
        .disable_statement_logging();
    options.connect().await.map_err(failed)
}

//! The health check: the database answers, is migrated, and accepts writes.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, Statement};

use super::Database;
use crate::fault::Fault;
use crate::fault::unreachable::CONNECT_TIMEOUT;

/// How long a successful write counts as a check of writes.
const WRITE_CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Pages that SQLite writes as a probe after a failed write, about as many as a registration. A full
/// disk often has room for one more page.
const PROBE_PAGES: usize = 24;

/// The state of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It answers, is migrated and accepts writes.
    Up,
    /// It lacks migrations that this binary knows.
    Unmigrated,
    /// It answers and is read-only.
    ReadOnly,
    /// It does not answer, or its disk is full.
    Down,
}

impl Readiness {
    /// The name in health checks.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Unmigrated => "unmigrated",
            Self::ReadOnly => "read-only",
            Self::Down => "down",
        }
    }
}

/// The result of reading the applied migrations.
struct Applied {
    has_tables: bool,
    is_migrated: bool,
    takes_writes: bool,
}

impl Database {
    /// Checks the database with one statement, and with a probe write unless a recent write
    /// succeeded.
    pub async fn readiness(&self) -> Readiness {
        let found = match self.find().await {
            // The connection may predate a failover or a change of settings.
            Ok(found) if !found.takes_writes => {
                self.watch.sweep_now();
                self.find().await
            }
            found => found,
        };
        match found {
            Err(error) => judge(&error),
            Ok(found) if !found.is_migrated => Readiness::Unmigrated,
            Ok(found) if !found.takes_writes => Readiness::ReadOnly,
            Ok(_) if self.watch.has_written_within(WRITE_CHECK_INTERVAL) => Readiness::Up,
            Ok(_) => match self.probe_write().await {
                Ok(()) => {
                    self.watch.probed();
                    Readiness::Up
                }
                Err(error) => {
                    self.watch.gave_up(&error);
                    judge(&error)
                }
            },
        }
    }

    /// Checks that the database can be reached and has tables. Missing later migrations are no
    /// error: an instance may start and wait, not ready, until they are applied.
    ///
    /// # Errors
    ///
    /// Why it cannot be used, and what to do.
    pub async fn expect_tables(&self) -> Result<(), Fault> {
        self.reach(CONNECT_TIMEOUT).await?;
        if self.find().await?.has_tables {
            return Ok(());
        }
        let server = self.server.as_ref();
        let place = server.map(|server| format!(" of Postgres at {}", server.place()));
        Err(Fault::new(format!(
            "the database{} has no tables yet; run `idgate migrate`",
            place.unwrap_or_default()
        )))
    }

    /// Whether a write has failed since then, and none succeeded after it.
    #[must_use]
    pub fn has_failed_since(&self, instant: Instant) -> bool {
        self.watch.failed_since(instant)
    }

    async fn find(&self) -> Result<Applied, DbErr> {
        use migrations::{Migrator, MigratorTrait};
        let backend = self.primary.get_database_backend();
        // One statement for both, because readiness is checked often.
        let question = match backend {
            DatabaseBackend::Sqlite => "SELECT version, 'off' FROM seaql_migrations",
            _ => {
                "SELECT version, CASE WHEN pg_is_in_recovery() THEN 'on' \
                 ELSE current_setting('transaction_read_only') END FROM seaql_migrations"
            }
        };
        let ask = || Statement::from_string(backend, question);
        let rows = self
            .retried(|| self.primary.query_all_raw(ask()))
            .await
            .or_else(|error| {
                if lacks_table(&error) {
                    Ok(Vec::new())
                } else {
                    Err(error)
                }
            })?;
        let mut applied = HashSet::new();
        let mut takes_writes = true;
        for row in &rows {
            applied.insert(row.try_get_by_index::<String>(0)?);
            takes_writes &= row.try_get_by_index::<String>(1)? == "off";
        }
        let known = Migrator::migrations();
        let is_migrated = known.iter().all(|known| applied.contains(known.name()));
        Ok(Applied {
            has_tables: !applied.is_empty(),
            is_migrated,
            takes_writes,
        })
    }

    /// Writes to the disk without a visible change.
    async fn probe_write(&self) -> Result<(), DbErr> {
        if !self.is_sqlite() {
            // A record in the write-ahead log, which its readers ignore.
            let record = "SELECT pg_logical_emit_message(true, 'idgate', '')";
            let write = || self.primary.execute_unprepared(record);
            return self.retried(write).await.map(drop);
        }
        let pages = if self.watch.is_failing() {
            PROBE_PAGES
        } else {
            1
        };
        for _ in 0..pages {
            // Rewrites the first page of the file; `user_version` is unused.
            let write = || self.primary.execute_unprepared("PRAGMA user_version = 0");
            self.retried(write).await?;
        }
        Ok(())
    }
}

fn judge(error: &DbErr) -> Readiness {
    if super::Failure::of(error) == super::Failure::ReadOnly {
        Readiness::ReadOnly
    } else {
        Readiness::Down
    }
}

/// Whether the table of migrations does not exist.
fn lacks_table(error: &DbErr) -> bool {
    use sea_orm::RuntimeErr::SqlxError;
    let (DbErr::Query(SqlxError(source)) | DbErr::Exec(SqlxError(source))) = error else {
        return false;
    };
    let Some(error) = source.as_database_error() else {
        return false;
    };
    // undefined_table; SQLite has no specific code.
    error.code().is_some_and(|code| code == "42P01") || error.message().starts_with("no such table")
}

//! Whether the database can be worked with now: it answers, it has our tables, it takes writes.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, Statement};

use super::Database;
use crate::fault::Fault;
use crate::fault::unreachable::CONNECT_TIMEOUT;

/// How long a write that got through proves that writes get through.
const PROVEN_FOR: Duration = Duration::from_secs(10);

/// How much is written as a proof after a write has failed, in pages of SQLite: about as much as a
/// registration. A full disk often has room for one page more.
const PAGES: usize = 24;

/// What the database is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It answers, knows our tables and takes writes.
    Up,
    /// It lacks migrations that this binary knows.
    Unmigrated,
    /// It answers and takes no writes.
    ReadOnly,
    /// It does not answer, or has no room.
    Down,
}

impl Readiness {
    /// As health checks say it.
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

/// What one reading of the migrations that were applied found.
struct Found {
    has_tables: bool,
    is_migrated: bool,
    takes_writes: bool,
}

impl Database {
    /// Asks the database how it is, in one statement; a write comes with it where none of the last
    /// seconds has shown that writes get through.
    pub async fn readiness(&self) -> Readiness {
        let found = match self.find().await {
            // The connection may be one from before a failover or a change of its settings.
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
            Ok(_) if self.watch.has_written_within(PROVEN_FOR) => Readiness::Up,
            Ok(_) => match self.prove_writing().await {
                Ok(()) => {
                    self.watch.proven();
                    Readiness::Up
                }
                Err(error) => {
                    self.watch.gave_up(&error);
                    judge(&error)
                }
            },
        }
    }

    /// Makes sure that the database can be reached and was migrated once. What is missing since then
    /// is no error here: an instance may wait, not ready, for who migrates.
    ///
    /// # Errors
    ///
    /// Why it cannot be used, and what to do about it.
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

    /// Whether a write has failed since then, and none got through after it.
    #[must_use]
    pub fn has_failed_since(&self, instant: Instant) -> bool {
        self.watch.failed_since(instant)
    }

    async fn find(&self) -> Result<Found, DbErr> {
        use migrations::{Migrator, MigratorTrait};
        let backend = self.primary.get_database_backend();
        // The list and whether this connection may write, since readiness is asked for often.
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
        Ok(Found {
            has_tables: !applied.is_empty(),
            is_migrated,
            takes_writes,
        })
    }

    /// Writes what changes nothing, through to the disk.
    async fn prove_writing(&self) -> Result<(), DbErr> {
        if !self.is_sqlite() {
            // A record in the write-ahead log and its commit; what reads the log ignores it.
            let record = "SELECT pg_logical_emit_message(true, 'idgate', '')";
            let write = || self.primary.execute_unprepared(record);
            return self.retried(write).await.map(drop);
        }
        let pages = if self.watch.is_failing() { PAGES } else { 1 };
        for _ in 0..pages {
            // The first page of the file, written anew with a number that nobody uses.
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

/// Whether nothing was ever migrated here.
fn lacks_table(error: &DbErr) -> bool {
    use sea_orm::RuntimeErr::SqlxError;
    let (DbErr::Query(SqlxError(source)) | DbErr::Exec(SqlxError(source))) = error else {
        return false;
    };
    let Some(error) = source.as_database_error() else {
        return false;
    };
    // undefined_table; SQLite has no code of its own for it.
    error.code().is_some_and(|code| code == "42P01") || error.message().starts_with("no such table")
}

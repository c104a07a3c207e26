//! `[database]`: where the rows live and how long anyone waits for them.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::config::report::Review;
use crate::config::values;

/// The relational database, the one truth. Its addresses are hidden, as they may hold passwords.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    #[serde(deserialize_with = "values::optional_secret")]
    url: Option<SecretString>,
    /// Connections this instance may hold.
    pub max_connections: u32,
    /// Seconds to wait for a free connection.
    pub acquire_timeout_seconds: u64,
    /// Seconds one statement may run.
    pub statement_timeout_seconds: u64,
    /// Who migrates at start.
    pub migrate_at_start: MigrateAtStart,
}

/// Which databases are migrated when the server starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MigrateAtStart {
    /// SQLite only; a shared database is migrated by a deliberate command.
    Embedded,
    /// Any database.
    Always,
    /// None.
    Never,
}

impl Database {
    /// The primary as its driver wants it, password included; `None` means the embedded file.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        self.url.as_ref().map(revealed)
    }

    /// Whether the database is a SQLite file, named or made by default.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.url
            .as_ref()
            .is_none_or(|url| url.expose_secret().starts_with("sqlite:"))
    }

    /// Whether starting the server brings the schema up to date.
    #[must_use]
    pub fn migrates_at_start(&self) -> bool {
        match self.migrate_at_start {
            MigrateAtStart::Always => true,
            MigrateAtStart::Never => false,
            MigrateAtStart::Embedded => self.is_embedded(),
        }
    }

    pub(super) fn check(&self, review: &mut Review<'_>) {
        let acquire = self.acquire_timeout_seconds;
        let statement = self.statement_timeout_seconds;
        review.within("database.max_connections", self.max_connections, 1..=1_000);
        review.within("database.acquire_timeout_seconds", acquire, 1..=60);
        review.within("database.statement_timeout_seconds", statement, 1..=300);
        if !(self.is_embedded() || self.url.as_ref().is_some_and(is_postgres)) {
            review.refuse(
                "database.url",
                "the address starts with neither postgres:// nor sqlite:",
                "Write postgres://user:password@host/database, or leave it empty for SQLite.",
            );
        }
    }
}

fn revealed(secret: &SecretString) -> String {
    secret.expose_secret().to_owned()
}

fn is_postgres(url: &SecretString) -> bool {
    let url = url.expose_secret();
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

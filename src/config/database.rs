//! `[database]`: the relational database.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::diagnostics::Diagnostics;
use super::read::read_from_text;
use super::section::{Check, section};
use super::service_url;

const REMEDY: &str = "Write postgres://user:password@host/database with one host, and percent-encode \
                      what is special in a URL; or leave it empty for SQLite.";

/// Parameters that the Postgres driver reads from a URL. It would log the value of any other.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

section! {
    /// The relational database.
    pub struct Database("database") {
        /// The database: `postgres://user:password@host/database`, or `sqlite:` and a path. Empty keeps
        /// a SQLite file in the data directory.
        url: Option<SecretString> = "", alias "DATABASE_URL";
        /// Connections of this instance; all instances share the limit of the server.
        pub max_connections: u32 = 10, in 1..=1_000;
        /// Seconds to wait for a free connection before the request fails as unavailable.
        pub acquire_timeout_seconds: u64 = 5, in 1..=60;
        /// Seconds after which the database cancels a statement.
        pub statement_timeout_seconds: u64 = 10, in 1..=300;
        /// Which databases are migrated at start: "embedded" only SQLite, "always" any, "never" none.
        pub migrate_at_start: MigrateAtStart = "embedded";
    }
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

read_from_text!(MigrateAtStart);

impl Database {
    /// The primary's URL, password included; `None` means the file in the data directory.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        self.url.as_ref().map(|url| url.expose_secret().to_owned())
    }

    /// The URL of a server; `None` when the rows are in a file.
    #[must_use]
    pub fn server(&self) -> Option<SecretString> {
        self.url.clone().filter(|_| !self.is_embedded())
    }

    /// The SQLite file that the URL names; `None` means the one in the data directory.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        sqlite_file(self.url.as_ref()?.expose_secret()).ok()
    }

    /// Whether the database is a SQLite file, named or made by default.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.url
            .as_ref()
            .is_none_or(|url| is_sqlite(url.expose_secret()))
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
}

impl Check for Database {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        let Some(url) = &self.url else { return };
        if let Err(reason) = check_url(url.expose_secret()) {
            diagnostics.refuse("database.url", reason, REMEDY);
        }
    }
}

fn is_sqlite(url: &str) -> bool {
    url.starts_with("sqlite:")
}

fn check_url(url: &str) -> Result<(), &'static str> {
    if is_sqlite(url) {
        sqlite_file(url).map(drop)
    } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let parsed = service_url::read_with_socket(url)?;
        let is_known = |name: &str| {
            PARAMETERS.contains(&name) || (name.starts_with("options[") && name.ends_with(']'))
        };
        service_url::check_parameters(&parsed, is_known)
    } else {
        Err("the address starts with neither postgres:// nor sqlite:")
    }
}

/// The path in `sqlite:path?mode=rwc`, percent-decoded as the driver does.
fn sqlite_file(url: &str) -> Result<PathBuf, &'static str> {
    let rest = url.strip_prefix("sqlite:").unwrap_or(url);
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    // The file is created when it is missing and always written, so no other mode is true.
    if !matches!(parameters, "" | "mode=rw" | "mode=rwc") {
        return Err("a SQLite file takes no parameter but mode=rwc");
    }
    let decoded = percent_decode_str(path).decode_utf8();
    let path = decoded.map_err(|_| "the path of the SQLite file is not UTF-8")?;
    match path.as_ref() {
        "" => Err("the address names no SQLite file"),
        ":memory:" => Err("a database in memory would lose every account with the process"),
        path if path.chars().any(char::is_control) => {
            Err("the path of the SQLite file holds a control character")
        }
        path => Ok(PathBuf::from(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlite_address_is_a_percent_encoded_path() {
        for (url, path) in [
            ("sqlite:data/id.db", "data/id.db"),
            ("sqlite://data/id.db", "data/id.db"),
            ("sqlite:///var/lib/id.db?mode=rwc", "/var/lib/id.db"),
            ("sqlite:///a%20b%3F%23%25/id.db", "/a b?#%/id.db"),
            ("sqlite:///a b#c/id.db", "/a b#c/id.db"),
            ("sqlite:///100%/id.db", "/100%/id.db"),
            ("sqlite:file:id.db", "file:id.db"),
        ] {
            assert_eq!(sqlite_file(url).as_deref(), Ok(path.as_ref()), "{url}");
        }
    }
}

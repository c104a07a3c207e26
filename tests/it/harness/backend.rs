//! Where the rows live: the embedded backend (a file, this process) or the one of production
//! (Postgres, Redis). `IDGATE_TEST_BACKEND` chooses.
//!
//! Migrations run once: every test starts from a copy of the migrated database.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use idgate::crypto::random::Random;
use idgate::stores::{self, DatabaseLocation, DatabaseSettings};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseBackend, DatabaseConnection, Statement};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::sync::Mutex;
use url::Url;
use walkdir::WalkDir;

/// The data directory of one test, and its databases.
pub(super) struct Backend {
    data: TempDir,
    servers: Option<Servers>,
}

/// The database and the corner of Redis that belong to one test.
struct Servers {
    administration: Url,
    database: String,
    redis: String,
}

impl Backend {
    /// A new backend with every migration applied.
    pub(super) async fn create() -> Self {
        let data = tempfile::tempdir().unwrap();
        let servers = match variable("IDGATE_TEST_BACKEND").as_deref() {
            None | Some("embedded") => {
                std::fs::write(sqlite_file(data.path()), migrated_file().await).unwrap();
                None
            }
            Some("production") => Some(Servers::create().await),
            Some(other) => panic!("IDGATE_TEST_BACKEND is embedded or production, not {other}"),
        };
        Self { data, servers }
    }

    /// The settings that lead the gateway here.
    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![("IDGATE_DATA_DIR", self.data.path().display().to_string())];
        if let Some(servers) = &self.servers {
            settings.push(("IDGATE_DATABASE__URL", servers.database_url().to_string()));
            settings.push(("IDGATE_REDIS__URL", servers.redis.clone()));
            settings.push(("IDGATE_REDIS__PREFIX", servers.database.clone()));
        }
        settings
    }

    /// The Redis server of this backend and the prefix of this test's keys.
    pub(super) fn redis(&self) -> Option<(&str, &str)> {
        let servers = self.servers.as_ref()?;
        Some((&servers.redis, &servers.database))
    }

    /// Ends every connection to the Postgres database of this test, and refuses or takes new ones.
    pub(super) async fn forbid_connections(&self, forbidden: bool) {
        let servers = self.servers.as_ref().expect("a database with a server");
        let database = &servers.database;
        let allowed = !forbidden;
        let connection = connect(servers.administration.as_str()).await;
        for statement in [
            format!("ALTER DATABASE {database} ALLOW_CONNECTIONS {allowed}"),
            format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = '{database}'"
            ),
        ] {
            connection.execute_unprepared(&statement).await.unwrap();
        }
        connection.close().await.unwrap();
    }

    /// A connection for looking at the rows.
    pub(super) async fn observer(&self) -> DatabaseConnection {
        match &self.servers {
            Some(servers) => connect(servers.database_url().as_str()).await,
            None => connect(&sqlite_url(self.data.path())).await,
        }
    }
}

impl Servers {
    async fn create() -> Self {
        let needed = |name| variable(name).unwrap_or_else(|| panic!("{name} is not set"));
        let administration = Url::parse(&needed("IDGATE_TEST_POSTGRES_URL")).unwrap();
        let template = template(&administration).await;
        let database = format!(
            "idgate_it_{:016x}",
            u64::from_be_bytes(Random::system().bytes())
        );
        let connection = connect(administration.as_str()).await;
        let statement = format!("CREATE DATABASE {database} TEMPLATE {template}");
        connection.execute_unprepared(&statement).await.unwrap();
        connection.close().await.unwrap();
        Self {
            administration,
            database,
            redis: needed("IDGATE_TEST_REDIS_URL"),
        }
    }

    fn database_url(&self) -> Url {
        let mut url = self.administration.clone();
        url.set_path(&self.database);
        url
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let (url, database) = (self.administration.to_string(), self.database.clone());
        // The test's runtime may be stopping, so this uses its own.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let connection = connect(&url).await;
                let statement = format!("DROP DATABASE {database} WITH (FORCE)");
                connection.execute_unprepared(&statement).await.unwrap();
                connection.close().await.unwrap();
            });
        });
        assert!(
            dropped.join().is_ok() || std::thread::panicking(),
            "a database stays behind"
        );
    }
}

/// The migrated template, named after the migrations, so that a change of them makes a new one.
async fn template(administration: &Url) -> String {
    static READY: Mutex<bool> = Mutex::const_new(false);
    let name = format!("idgate_it_template_{}", migrations_digest());
    let mut ready = READY.lock().await;
    if *ready {
        return name;
    }
    let connection = connect(administration.as_str()).await;
    // Another process may be at it.
    connection
        .execute_unprepared("SELECT pg_advisory_lock(20260301)")
        .await
        .unwrap();
    let known = format!("SELECT 1 FROM pg_database WHERE datname = '{name}'");
    let known = Statement::from_string(DatabaseBackend::Postgres, known);
    if connection.query_one_raw(known).await.unwrap().is_none() {
        // Remove what a crashed process left behind.
        let clear = format!("DROP DATABASE IF EXISTS {name}_new WITH (FORCE)");
        connection.execute_unprepared(&clear).await.unwrap();
        connection
            .execute_unprepared(&format!("CREATE DATABASE {name}_new"))
            .await
            .unwrap();
        let mut url = administration.clone();
        url.set_path(&format!("{name}_new"));
        stores::migrate(&settings(DatabaseLocation::Postgres(url.as_str().into())))
            .await
            .unwrap();
        let finish = format!("ALTER DATABASE {name}_new RENAME TO {name}");
        connection.execute_unprepared(&finish).await.unwrap();
    }
    connection.close().await.unwrap();
    *ready = true;
    name
}

/// The bytes of a SQLite file with every migration applied.
async fn migrated_file() -> &'static [u8] {
    static FILE: tokio::sync::OnceCell<Vec<u8>> = tokio::sync::OnceCell::const_new();
    FILE.get_or_init(async || {
        let folder = tempfile::tempdir().unwrap();
        stores::migrate(&settings(DatabaseLocation::Sqlite(sqlite_file(
            folder.path(),
        ))))
        .await
        .unwrap();
        std::fs::read(sqlite_file(folder.path())).unwrap()
    })
    .await
}

fn migrations_digest() -> &'static str {
    static DIGEST: OnceLock<String> = OnceLock::new();
    DIGEST.get_or_init(|| {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/src");
        let mut digest = Sha256::new();
        for entry in WalkDir::new(sources).sort_by_file_name() {
            let entry = entry.unwrap();
            if entry.file_type().is_file() {
                digest.update(std::fs::read(entry.path()).unwrap());
            }
        }
        hex::encode(&digest.finalize()[..8])
    })
}

fn settings(location: DatabaseLocation) -> DatabaseSettings {
    DatabaseSettings {
        location,
        max_connections: 1,
        acquire_timeout: Duration::from_mins(1),
        statement_timeout: Duration::from_mins(1),
    }
}

/// The Redis server that backends of production share.
pub(super) fn redis_url() -> Option<String> {
    let backend = variable("IDGATE_TEST_BACKEND");
    let is_production = backend.as_deref() == Some("production");
    is_production
        .then(|| variable("IDGATE_TEST_REDIS_URL"))
        .flatten()
}

fn sqlite_file(data: &Path) -> PathBuf {
    idgate::app::sqlite_file(data)
}

fn sqlite_url(data: &Path) -> String {
    format!("sqlite://{}?mode=rwc", sqlite_file(data).display())
}

async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the backends of tests are not settings of idgate"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

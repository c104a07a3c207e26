//! Empty databases to migrate: one for each test and kind, gone afterwards.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use idgate::crypto::random::Random;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use tokio::runtime::Runtime;
use url::Url;

/// Runs a check on an empty SQLite database, and on an empty Postgres database if there is a
/// server for tests.
pub(crate) fn on_every_backend(check: impl AsyncFn(&DatabaseConnection)) {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async { check(&connect("sqlite::memory:").await).await });
    if let Some(server) = postgres() {
        on_postgres(&runtime, &server, check);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the services for tests are not settings of idgate"
)]
fn postgres() -> Option<Url> {
    let text = std::env::var("IDGATE_TEST_POSTGRES_URL").ok()?;
    Some(Url::parse(&text).expect("IDGATE_TEST_POSTGRES_URL is a URL"))
}

fn on_postgres(runtime: &Runtime, server: &Url, check: impl AsyncFn(&DatabaseConnection)) {
    let number = u64::from_be_bytes(Random::system().bytes());
    let name = format!("idgate_migrations_{number:016x}");
    let administer = |statement: String| {
        runtime.block_on(async {
            let connection = connect(server.as_str()).await;
            connection.execute_unprepared(&statement).await.unwrap();
            connection.close().await.unwrap();
        });
    };
    let mut database = server.clone();
    database.set_path(&name);
    administer(format!("CREATE DATABASE {name}"));
    // A failed check must not leave its database behind.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async { check(&connect(database.as_str()).await).await });
    }));
    administer(format!("DROP DATABASE {name} WITH (FORCE)"));
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// One connection, because every connection to SQLite's memory is a database of its own.
async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.unwrap()
}

//! Readiness: what is down and since when.

use serde_json::{Value, json};
use url::Url;

use crate::harness::{Answer, TestApp};

/// The seconds after the start at which a test checks.
fn at(seconds: u32) -> String {
    format!("2026-03-01T12:{:02}:{:02}Z", seconds / 60, seconds % 60)
}

async fn database(app: &TestApp) -> (u16, Value, Value) {
    let answer = app.get("/health/ready").await;
    let status = answer.json["status"].clone();
    (answer.status, status, answer.json["database"].clone())
}

fn unavailable(status: &str, since: u32) -> (u16, Value, Value) {
    let database = json!({ "status": status, "since": at(since) });
    (503, json!("unavailable"), database)
}

fn ok(since: u32) -> (u16, Value, Value) {
    let database = json!({ "status": "up", "since": at(since) });
    (200, json!("ok"), database)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_migration_is_told_with_the_moment_it_was_noticed() {
    let app = TestApp::spawn().await;
    assert_eq!(database(&app).await, ok(0));
    app.advance(60);
    assert_eq!(database(&app).await, ok(0));
    app.execute("ALTER TABLE seaql_migrations RENAME TO hidden")
        .await;
    app.advance(1);
    assert_eq!(database(&app).await, unavailable("unmigrated", 61));
    app.advance(60);
    assert_eq!(database(&app).await, unavailable("unmigrated", 61));
    app.execute("ALTER TABLE hidden RENAME TO seaql_migrations")
        .await;
    app.execute("UPDATE seaql_migrations SET version = version || '_'")
        .await;
    app.advance(1);
    assert_eq!(database(&app).await, unavailable("unmigrated", 61));
    app.execute("UPDATE seaql_migrations SET version = rtrim(version, '_')")
        .await;
    app.advance(1);
    assert_eq!(database(&app).await, ok(123));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_is_told_since_when_and_so_is_its_return() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    assert_eq!(database(&app).await, ok(0));
    app.advance(30);
    if app.is_sqlite() {
        // A SQLite file cannot go away; a closed pool stays closed.
        app.app.database.clone().close().await.unwrap();
    } else {
        app.forbid_connections(true).await;
    }
    for _ in 0..2 {
        let (status, text, mut database) = database(&app).await;
        // With a database server, operators learn which one and why.
        let reason = database.as_object_mut().unwrap().remove("reason");
        let place = app.server_url().map(|url| Url::parse(url).unwrap());
        let place = place.map(|url| format!("Postgres at {}:", url.host_str().unwrap()));
        let reason = reason.as_ref().map(|reason| reason.as_str().unwrap());
        assert_eq!(place.is_some(), reason.is_some(), "{reason:?}");
        assert!(
            reason
                .unwrap_or_default()
                .starts_with(&place.unwrap_or_default())
        );
        assert_eq!((status, text, database), unavailable("down", 30));
        app.advance(30);
    }
    let answer = ada.run("Me", json!({})).await;
    assert_eq!(answer.code(), "SERVICE_UNAVAILABLE", "{}", answer.text);
    assert_eq!(app.get("/health/live").await.status, 200);
    if !app.is_sqlite() {
        app.forbid_connections(false).await;
        app.advance(1);
        assert_eq!(database(&app).await, ok(91));
        assert!(ada.is_signed_in().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_learn_that_something_is_down_and_not_what() {
    let production = [
        ("IDGATE_ENV", "production"),
        ("IDGATE_SERVER__PUBLIC_URL", "https://id.example.com"),
        ("IDGATE_REDIS__ALLOW_IN_PROCESS", "true"),
        (
            "IDGATE_KEYS__MASTER",
            "4zMDzBzCz0RMAGXwVwL1OYG7x7dLwIWD7qXsC4gV3o8=",
        ),
        ("IDGATE_HASHING__MEMORY_KIB", "19456"),
        ("IDGATE_HASHING__ITERATIONS", "2"),
    ];
    let app = TestApp::with(&production).await;
    let answer = app.get("/health/ready").await;
    assert_eq!(answer.json, json!({ "status": "ok" }));
    app.execute("ALTER TABLE seaql_migrations RENAME TO hidden")
        .await;
    app.advance(1);
    let answer: Answer = app.get("/health/ready").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.json, json!({ "status": "unavailable" }));
}

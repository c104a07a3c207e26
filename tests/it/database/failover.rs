//! A Postgres server that is read-only for a while, as pooled connections see it in a failover.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, TestApp};

async fn database(app: &TestApp) -> (u16, Value) {
    app.advance(1);
    let answer = app.get("/health/ready").await;
    (answer.status, answer.json["database"]["status"].clone())
}

/// Makes new sessions read-only, or writable again; existing connections are unchanged.
async fn turn_read_only(app: &TestApp, read_only: bool) {
    let name = app.database_url().rsplit('/').next().unwrap().to_owned();
    let name = name.split('?').next().unwrap();
    let value = if read_only { "on" } else { "off" };
    let change = format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}");
    app.execute(&format!(
        "SET default_transaction_read_only = off; {change}"
    ))
    .await;
}

async fn end_connections(app: &TestApp) {
    app.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name = 'idgate'",
    )
    .await;
}

/// Makes the pool hold several connections.
async fn fill_the_pool(app: &TestApp) {
    let anonymous = app.anonymous();
    let logins = (0..20).map(|_| anonymous.login("ada@example.com", PASSWORD));
    futures_util::future::join_all(logins).await;
}

async fn assert_refused(app: &TestApp) {
    let answer = app.anonymous().login("ada@example.com", PASSWORD).await;
    answer.assert_refusal(503, "SERVICE_UNAVAILABLE");
    assert_eq!(answer.header("retry-after"), "1", "{}", answer.text);
}

async fn assert_served(app: &TestApp) {
    for _ in 0..20 {
        app.login("ada@example.com").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_database_is_reported_and_recovery_needs_no_restart() {
    let app = TestApp::spawn().await;
    if app.is_sqlite() {
        return; // A file has no failover.
    }
    let ada = app.register("ada@example.com").await;
    assert_eq!(database(&app).await, (200, json!("up")));
    turn_read_only(&app, true).await;
    end_connections(&app).await;

    // No write was attempted yet.
    assert_eq!(database(&app).await, (503, json!("read-only")));
    for _ in 0..10 {
        assert_refused(&app).await;
    }
    fill_the_pool(&app).await;
    assert_eq!(database(&app).await, (503, json!("read-only")));
    // Reads continue.
    assert!(ada.is_signed_in().await);
    let metrics = app.app.metrics.render();
    let counted = "idgate_database_failures_total{kind=\"read_only\"} ";
    assert!(metrics.contains(counted), "{metrics}");

    turn_read_only(&app, false).await;
    assert_eq!(database(&app).await, (200, json!("up")));
    assert_served(&app).await;
}

/// The same without readiness checks.
#[tokio::test(flavor = "multi_thread")]
async fn writes_recover_without_readiness_checks() {
    let app = TestApp::spawn().await;
    if app.is_sqlite() {
        return; // A file has no failover.
    }
    app.register("ada@example.com").await;
    turn_read_only(&app, true).await;
    end_connections(&app).await;
    fill_the_pool(&app).await;
    assert_refused(&app).await;
    turn_read_only(&app, false).await;
    // Each old connection fails once at most.
    let mut failures = 0;
    while app
        .anonymous()
        .login("ada@example.com", PASSWORD)
        .await
        .status
        == 503
    {
        failures += 1;
        assert!(failures <= 20, "the old connections are kept");
    }
    assert_served(&app).await;
}

/// A restart of the server: every pooled connection is dead.
#[tokio::test(flavor = "multi_thread")]
async fn connections_closed_by_the_server_are_replaced_silently() {
    let app = TestApp::spawn().await;
    if app.is_sqlite() {
        return; // A file has no server to restart.
    }
    app.register("ada@example.com").await;
    for _ in 0..3 {
        fill_the_pool(&app).await;
        end_connections(&app).await;
        assert_served(&app).await;
        assert_eq!(database(&app).await, (200, json!("up")));
    }
}

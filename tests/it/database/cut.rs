//! A connection to Postgres that breaks around BEGIN, COMMIT and ROLLBACK.

use serde_json::json;

use super::wait_until_idle;
use crate::harness::{Cutter, Moment, PASSWORD, TestApp};

/// Registers, and checks that an acknowledged account exists; returns whether it was acknowledged.
async fn register(app: &TestApp, email: &str) -> bool {
    let answer = app.anonymous().register(email).await;
    let is_there = format!("SELECT COUNT(*) FROM users WHERE email = '{email}'");
    if answer.status == 503 {
        answer.assert_refusal(503, "SERVICE_UNAVAILABLE");
        assert_eq!(answer.header("retry-after"), "1", "{}", answer.text);
        return false;
    }
    assert_eq!(answer.typename("register"), "SignedIn", "{}", answer.text);
    assert_eq!(app.number(&is_there).await, 1, "{email} was acknowledged");
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_a_broken_connection() {
    let direct = TestApp::spawn().await;
    if direct.is_sqlite() {
        return; // A file has no connection.
    }
    let cutter = Cutter::before(direct.database_url()).await;
    let app = direct.over(&[("IDGATE_DATABASE__URL", cutter.url())]).await;
    assert!(register(&app, "first@example.com").await);
    let mut unacknowledged = 0;
    for word in ["BEGIN", "COMMIT"] {
        for moment in [Moment::BeforeItArrives, Moment::BeforeItsAnswer] {
            for turn in 0..5 {
                let email = format!("{word}-{moment:?}-{turn}@example.com").to_lowercase();
                cutter.arm(word, moment);
                let acknowledged = register(&app, &email).await;
                assert!(!cutter.is_armed(), "{word} was sent");
                unacknowledged += u32::from(!acknowledged);
                // A connection that broke before BEGIN is replaced silently.
                assert_eq!(acknowledged, word == "BEGIN", "{word} {moment:?}");
                // The gateway recovers at once, without a restart.
                let email = format!("after-{email}");
                assert!(register(&app, &email).await, "{email}");
            }
        }
    }
    assert_eq!(unacknowledged, 10);
    wait_until_idle(&app).await;
    app.advance(1);
    assert_eq!(app.get("/health/ready").await.status, 200);
}

/// A refused request drops its transaction, and its ROLLBACK fails in the background.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_rollback_closes_its_connection() {
    let direct = TestApp::spawn().await;
    if direct.is_sqlite() {
        return; // A file has no connection.
    }
    let cutter = Cutter::before(direct.database_url()).await;
    let app = direct.over(&[("IDGATE_DATABASE__URL", cutter.url())]).await;
    for moment in [Moment::BeforeItArrives, Moment::BeforeItsAnswer] {
        cutter.arm("ROLLBACK", moment);
        drop(app.app.begin().await.unwrap());
        while cutter.is_armed() {
            tokio::task::yield_now().await;
        }
        let email = format!("{moment:?}@example.com").to_lowercase();
        assert!(register(&app, &email).await);
        let answer = app.anonymous().login(&email, PASSWORD).await;
        assert_eq!(answer.typename("login"), "SignedIn", "{}", answer.text);
    }
    wait_until_idle(&app).await;
}

/// The request is cancelled while its statement waits for a lock.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_request_leaves_no_transaction_and_no_lock() {
    let app = TestApp::spawn().await;
    if app.is_sqlite() {
        return; // On SQLite the writer waits before its transaction begins.
    }
    let limits = [
        ("IDGATE_GRAPHQL__TIMEOUT_SECONDS", "1"),
        ("IDGATE_DATABASE__STATEMENT_TIMEOUT_SECONDS", "2"),
    ];
    let hasty = app.over(&limits).await;
    let ada = app.register("ada@example.com").await;
    app.execute("BEGIN; SELECT id FROM users FOR UPDATE").await;
    let input = json!({ "input": { "city": "London" } });
    let answer = ada.at(&hasty).run("UpdateProfile", input.clone()).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    app.execute("COMMIT").await;
    wait_until_idle(&app).await;
    let answer = ada.run("UpdateProfile", input).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.code(), "", "{}", answer.text);
}

//! Lock timeouts are answered with `SERVICE_UNAVAILABLE`.

use serde_json::json;

use crate::harness::{Answer, PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_timeout_asks_the_client_to_retry() {
    let app = TestApp::spawn().await;
    if app.is_sqlite() {
        return; // The busy timeout of SQLite is fixed at ten seconds.
    }
    // The statements after the lock have to end within it, on the same instance.
    let limit = [("IDGATE_DATABASE__STATEMENT_TIMEOUT_SECONDS", "5")];
    let hasty = app.over(&limit).await;
    let ada = app.register("ada@example.com").await;
    app.execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        .await;
    let (client, at_hasty) = (hasty.anonymous(), ada.at(&hasty));
    let answers: [Answer; 4] = tokio::join!(
        client.login("ada@example.com", PASSWORD),
        client.register("grace@example.com"),
        client.refresh(&ada.refresh_token),
        at_hasty.run("Me", json!({})),
    )
    .into();
    // A lock on one table is not an outage.
    assert_eq!(hasty.get("/health/ready").await.status, 200);
    app.execute("COMMIT").await;
    for answer in answers {
        answer.assert_refusal(503, "SERVICE_UNAVAILABLE");
        assert_eq!(answer.header("retry-after"), "1", "{}", answer.text);
    }
    let metrics = hasty.app.metrics.render();
    let counted = "idgate_database_failures_total{kind=\"contention\"} ";
    assert!(metrics.contains(counted), "{metrics}");
    assert!(hasty.login("ada@example.com").await.is_signed_in().await);
}

/// The same for the federation router and live events.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_or_a_full_disk_of_the_server_is_unavailable_too() {
    let app = TestApp::spawn().await;
    if app.is_sqlite() {
        return; // SQLite codes are in the unit test; a full disk is in `process`.
    }
    app.register("ada@example.com").await;
    app.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE EXCEPTION 'as asked for' USING ERRCODE = TG_ARGV[0]; END $$",
    )
    .await;
    for code in [
        "53100", "53200", "40P01", "40001", "55P03", "57014", "58030", "25006",
    ] {
        app.execute(&format!(
            "CREATE TRIGGER failing BEFORE INSERT ON sessions FOR EACH STATEMENT \
             EXECUTE FUNCTION fail('{code}')"
        ))
        .await;
        let answer = app.anonymous().login("ada@example.com", PASSWORD).await;
        answer.assert_refusal(503, "SERVICE_UNAVAILABLE");
        assert_eq!(answer.header("retry-after"), "1", "{code}: {}", answer.text);
        app.execute("DROP TRIGGER failing ON sessions").await;
        assert!(
            app.login("ada@example.com").await.is_signed_in().await,
            "{code}"
        );
    }
    app.execute(
        "CREATE TRIGGER failing BEFORE INSERT ON sessions FOR EACH STATEMENT \
         EXECUTE FUNCTION fail('22012')",
    )
    .await;
    let answer = app.anonymous().login("ada@example.com", PASSWORD).await;
    assert_eq!(answer.code(), "INTERNAL_SERVER_ERROR", "{}", answer.text);
}

//! What is recorded, and how little of it can be read in the rows.
//!
//! `chain` is how events are linked and kept, `reading` who may read them and how.

mod chain;
mod reading;

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{PASSWORD, TestApp};

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const ADDRESS: &str = "203.0.113.77";

/// Asserts that no column of no row of the table shows any of these, as text or as bytes.
async fn assert_hidden(app: &TestApp, table: &str, secrets: &[&str]) {
    let rows = app.printed(table).await;
    assert!(!rows.is_empty(), "{table} has no row");
    let rows = rows.join("\n").to_lowercase();
    for secret in secrets {
        let bytes = hex::encode(secret.as_bytes());
        assert!(
            !rows.contains(&secret.to_lowercase()),
            "{table} shows {secret}: {rows}"
        );
        assert!(
            !rows.contains(&bytes),
            "{table} holds the bytes of {secret}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_login_is_recorded_and_shows_neither_identifier_nor_address() {
    let app = TestApp::with(&[("IDGATE_SERVER__TRUSTED_PROXIES", "127.0.0.1/32")]).await;
    app.register("known@example.com").await;
    let client = app
        .anonymous()
        .with("user-agent", AGENT)
        .with("x-forwarded-for", ADDRESS);
    let guess = "a guess at the password";
    client.login("known@example.com", guess).await;
    client.login("stranger@example.com", guess).await;
    client.login("typed the Secret here", guess).await;
    let failed = "SELECT COUNT(*) FROM audit_events WHERE action = 'login.failed'";
    assert_eq!(app.number(failed).await, 3);
    let unattributed = "SELECT COUNT(*) FROM audit_events WHERE subject_id IS NULL \
                        AND identifier_index IS NOT NULL";
    assert_eq!(app.number(unattributed).await, 2);
    let secrets = [
        "known@example.com",
        "stranger@example.com",
        "stranger",
        "typed the secret here",
        "typed the Secret here",
        guess,
        ADDRESS,
        "203.0.113",
        "Firefox",
        "Linux",
        "127.0.0.1",
    ];
    assert_hidden(&app, "audit_events", &secrets).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_unknown_identifier_leads_to_the_same_rows() {
    let app = TestApp::spawn().await;
    for identifier in [
        "eve@example.com",
        "EVE@example.com.",
        "eve@example.com",
        "bob@example.com",
    ] {
        app.anonymous().login(identifier, "not the password").await;
    }
    let distinct = "SELECT COUNT(DISTINCT identifier_index) FROM audit_events";
    assert_eq!(app.number(distinct).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_changes_are_recorded_encrypted() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let input = json!({ "city": "Marylebone", "bio": "Poetical science" });
    ada.run("UpdateProfile", json!({ "input": input }))
        .await
        .root("updateProfile");
    let recorded = "SELECT COUNT(*) FROM audit_events WHERE action = 'profile.updated' \
                    AND actor_id = subject_id";
    assert_eq!(app.number(recorded).await, 1);
    assert_hidden(
        &app,
        "audit_events",
        &["Marylebone", "Poetical", "ada@example"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_leaves_its_event() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let second = app.login("ada@example.com").await;
    ada.run("StepUp", json!({ "input": { "password": PASSWORD } }))
        .await;
    ada.run(
        "StepUp",
        json!({ "input": { "password": "not the password" } }),
    )
    .await;
    let id = second.session_id().await;
    ada.run("RevokeSession", json!({ "input": { "sessionId": id } }))
        .await;
    app.login("ada@example.com").await;
    ada.run("RevokeOtherSessions", json!({})).await;
    let client = app.anonymous();
    let wanted = json!({ "input": { "email": "ada@example.com" } });
    client.run("RequestEmailVerification", wanted).await;
    let token = app.confirmation_token("ada@example.com").await;
    let wrong = json!({ "input": { "token": token, "password": "not the password" } });
    client.run("VerifyEmail", wrong).await;
    ada.run("VerifyEmail", json!({ "input": { "token": token } }))
        .await;
    client.refresh("idr_unknown").await;
    ada.run("Logout", json!({})).await;
    for action in [
        "user.registered",
        "login.succeeded",
        "session.stepped_up",
        "session.step_up_failed",
        "session.revoked",
        "session.others_revoked",
        "email.verification_requested",
        "email.verification_failed",
        "email.verified",
        "session.ended",
    ] {
        let count = format!("SELECT COUNT(*) FROM audit_events WHERE action = '{action}'");
        assert!(app.number(&count).await >= 1, "no {action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_cannot_be_recorded_is_rolled_back() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let sessions = "SELECT COUNT(*) FROM sessions WHERE revoked_at IS NULL";
    app.execute("ALTER TABLE audit_events RENAME TO audit_events_away")
        .await;
    let client = app.anonymous();
    let answers = [
        client.register("grace@example.com").await,
        client.login("ada@example.com", PASSWORD).await,
        client.login("ada@example.com", "not the password").await,
        ada.run("Logout", json!({})).await,
        ada.run("UpdateProfile", json!({ "input": { "city": "London" } }))
            .await,
    ];
    for answer in answers {
        assert_eq!(answer.code(), "INTERNAL_SERVER_ERROR", "{}", answer.text);
        assert!(!answer.text.contains("audit_events"), "{}", answer.text);
    }
    app.execute("ALTER TABLE audit_events_away RENAME TO audit_events")
        .await;
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 1);
    assert_eq!(app.number(sessions).await, 1);
    assert_eq!(
        app.number("SELECT COUNT(*) FROM users WHERE city = ''")
            .await,
        1
    );
    assert_eq!(app.number("SELECT COUNT(*) FROM outbox_messages").await, 1);
    assert!(ada.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_events_as_changes_when_all_come_at_once() {
    let app = TestApp::spawn().await;
    let client = app.anonymous();
    let names: Vec<String> = (0..30)
        .map(|number| format!("p{number}@example.com"))
        .collect();
    join_all(names.iter().map(|name| client.register(name))).await;
    let registered = "SELECT COUNT(*) FROM audit_events WHERE action = 'user.registered'";
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 30);
    assert_eq!(app.number(registered).await, 30);
    assert_eq!(
        app.number("SELECT COUNT(DISTINCT subject_id) FROM audit_events")
            .await,
        30
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn queued_messages_are_encrypted_and_delivered_ones_are_deleted() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    assert_hidden(
        &app,
        "outbox_messages",
        &["ada@example.com", "idl_", "confirm"],
    )
    .await;
    assert_eq!(app.mail().await.len(), 1);
    let kept = "SELECT COUNT(*) FROM outbox_messages WHERE sealed_body IS NOT NULL";
    assert_eq!(app.number(kept).await, 0);
    assert_hidden(&app, "links", &["idl_"]).await;
}

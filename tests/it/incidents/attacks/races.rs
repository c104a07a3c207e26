//! Codes and links that end while somebody redeems them.

use serde_json::json;

use super::{VICTIM, proven, reset, run};
use crate::harness::TestApp;

/// Locks in the database of this test.
const LOCKS: &str = "FROM pg_locks WHERE database = \
                     (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Runs `change` in a transaction that holds the accounts in this mode, once a request waits for
/// them.
async fn while_it_waits(app: &TestApp, mode: &str, change: &str) {
    app.execute(&format!(
        "DO $$ BEGIN \
           LOCK TABLE users IN {mode} MODE; \
           PERFORM pg_advisory_xact_lock(1); \
           FOR attempt IN 1..1000 LOOP \
             EXIT WHEN EXISTS (SELECT 1 {LOCKS} AND NOT granted AND relation = 'users'::regclass); \
             PERFORM pg_sleep(0.01); \
           END LOOP; \
           {change} \
         END $$"
    ))
    .await;
}

/// Waits until [`while_it_waits`] holds its table; looks by the connection of another instance.
async fn until_locked(observer: &TestApp) {
    let held = format!("SELECT COUNT(*) {LOCKS} AND locktype = 'advisory' AND granted");
    while observer.number(&held).await == 0 {
        tokio::task::yield_now().await;
    }
}

/// What a change of the password does to the rows, as one transaction.
const CHANGED: &str = "UPDATE users SET credential_version = credential_version + 1; \
                       DELETE FROM links WHERE purpose = 'reset_password';";

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_link_that_ends_while_it_is_redeemed_sets_no_password() {
    let app = TestApp::spawn().await;
    if app.is_sqlite() {
        return; // It has no lock to hold one statement back.
    }
    proven(&app, VICTIM).await;
    let input = json!({ "emailOrPhone": VICTIM });
    run(&app.anonymous(), "RequestPasswordReset", input).await;
    let token = app.token(VICTIM, "password_reset").await;
    let observer = app.second_instance().await;
    let redeem = async {
        until_locked(&observer).await;
        reset(&app, &token).await
    };
    let (outcome, ()) = tokio::join!(redeem, while_it_waits(&app, "ACCESS EXCLUSIVE", CHANGED));
    assert_eq!(outcome, "TokenInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_code_that_ends_while_it_is_redeemed_gives_no_token() {
    let app = TestApp::spawn().await;
    if app.is_sqlite() {
        return; // It has no lock to hold one statement back.
    }
    proven(&app, VICTIM).await;
    let client = app.anonymous();
    client.request_otp(VICTIM, "RESET_PASSWORD").await;
    let code = app.code(VICTIM, "password_reset").await;
    let observer = app.second_instance().await;
    let redeem = async {
        until_locked(&observer).await;
        client.verify_otp(VICTIM, "RESET_PASSWORD", &code).await
    };
    let change = while_it_waits(&app, "EXCLUSIVE", CHANGED);
    let (answer, ()) = tokio::join!(redeem, change);
    if answer.typename("verifyOtp") == "PasswordResetAllowed" {
        let token = answer.root("verifyOtp")["token"].as_str().unwrap();
        assert_eq!(reset(&app, token).await, "TokenInvalid");
    }
}

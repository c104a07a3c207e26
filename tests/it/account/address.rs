//! Changing an account's e-mail address, and reverting it.

use serde_json::json;

use crate::harness::{Answer, PASSWORD, SignedIn, TestApp};

const OLD: &str = "ada@example.com";
const NEW: &str = "ada@example.org";

/// An account with a proven address that has asked to move.
async fn moving(app: &TestApp) -> SignedIn<'_> {
    let ada = app.register(OLD).await;
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    let answer = ada
        .run("RequestEmailChange", json!({ "input": { "email": NEW } }))
        .await;
    assert_eq!(
        answer.typename("requestEmailChange"),
        "EmailChangeRequested"
    );
    ada
}

async fn confirm(person: &SignedIn<'_>, input: serde_json::Value) -> Answer {
    person
        .run("ConfirmEmailChange", json!({ "input": input }))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_moves_by_the_link_and_the_old_address_is_told() {
    let app = TestApp::spawn().await;
    let ada = moving(&app).await;
    let token = app.token(NEW, "change_email").await;
    let me = ada.run("Me", json!({})).await;
    assert_eq!(
        me.root("me")["email"],
        OLD,
        "nothing is changed before the proof"
    );
    let answer = confirm(&ada, json!({ "token": token })).await;
    assert_eq!(answer.typename("confirmEmailChange"), "EmailChanged");
    assert_eq!(answer.root("confirmEmailChange")["user"]["email"], NEW);
    assert!(ada.is_signed_in().await);
    app.login(NEW).await;
    let old = app.anonymous().login(OLD, PASSWORD).await;
    assert_eq!(old.typename("login"), "InvalidCredentials");
    let notice = app.message(OLD, "email_changed").await.unwrap();
    assert!(!notice.to_string().contains(NEW), "{notice}");
    assert!(notice.to_string().contains("a***@example.org"), "{notice}");
    let again = confirm(&ada, json!({ "token": token })).await;
    assert_eq!(again.typename("confirmEmailChange"), "TokenInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_moves_by_the_code_too() {
    let app = TestApp::spawn().await;
    let ada = moving(&app).await;
    let code = app.code(NEW, "change_email").await;
    let other = json!({ "email": "eve@example.org", "code": code });
    let answer = confirm(&ada, other).await;
    assert_eq!(answer.typename("confirmEmailChange"), "CodeInvalid");
    let answer = confirm(&ada, json!({ "email": NEW, "code": code })).await;
    assert_eq!(answer.typename("confirmEmailChange"), "EmailChanged");
    let answer = confirm(&ada, json!({ "code": code })).await;
    assert_eq!(
        answer.violations("confirmEmailChange"),
        ["token EXACTLY_ONE"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_session_of_the_account_confirms() {
    let app = TestApp::spawn().await;
    moving(&app).await;
    let token = app.token(NEW, "change_email").await;
    let eve = app.register("eve@example.com").await;
    let answer = confirm(&eve, json!({ "token": token })).await;
    assert_eq!(answer.typename("confirmEmailChange"), "TokenInvalid");
    let input = json!({ "input": { "token": token } });
    let answer = app.anonymous().run("ConfirmEmailChange", input).await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_learns_that_an_address_is_taken() {
    let app = TestApp::spawn().await;
    let eve = app.register("eve@example.com").await;
    let bob = app.register("bob@example.com").await;
    app.execute("UPDATE users SET email_verified = TRUE WHERE email = 'eve@example.com'")
        .await;
    let ask = |email: &str| {
        let input = json!({ "input": { "email": email } });
        let bob = bob.clone();
        async move { bob.run("RequestEmailChange", input).await }
    };
    let of_another = app.work_of(ask("eve@example.com")).await;
    app.advance(61);
    let free = app.work_of(ask("free@example.com")).await;
    super::no_oracle::assert_indistinguishable(&of_another, &free);
    let token = app.token("eve@example.com", "change_email").await;
    let refused = confirm(&bob, json!({ "token": token })).await;
    assert_eq!(
        refused.typename("confirmEmailChange"),
        "TokenInvalid",
        "a later request"
    );
    app.advance(61);
    ask("eve@example.com").await;
    let token = app.token("eve@example.com", "change_email").await;
    let answer = confirm(&bob, json!({ "token": token })).await;
    assert_eq!(answer.typename("confirmEmailChange"), "Conflict");
    assert!(eve.refreshed().await.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_address_can_revert_a_change_of_address() {
    let app = TestApp::spawn().await;
    let thief = moving(&app).await;
    let token = app.token(NEW, "change_email").await;
    confirm(&thief, json!({ "token": token })).await;
    app.execute("UPDATE users SET phone = '+16502530000', phone_verified = TRUE")
        .await;
    app.advance(6 * 24 * 60 * 60);
    let token = app.token(OLD, "email_changed").await;
    let revert = json!({ "input": { "token": token } });
    let answer = app
        .anonymous()
        .run("RevertEmailChange", revert.clone())
        .await;
    assert_eq!(answer.typename("revertEmailChange"), "EmailReverted");

    let client = app.anonymous();
    let refreshed = client.refresh(&thief.refresh_token).await;
    assert_eq!(refreshed.typename("refreshSession"), "TokenInvalid");
    for identifier in [OLD, NEW, "+16502530000"] {
        let login = client.login(identifier, PASSWORD).await;
        assert_eq!(
            login.typename("login"),
            "InvalidCredentials",
            "{identifier}"
        );
    }
    client.request_otp("+16502530000", "LOGIN").await;
    assert_eq!(app.messages("+16502530000", "login_code").await, 0);
    let token = app.token(OLD, "email_reverted").await;
    let input = json!({ "token": token, "newPassword": "a password of my own" });
    let answer = client
        .run("ConfirmPasswordReset", json!({ "input": input }))
        .await;
    assert_eq!(answer.typename("confirmPasswordReset"), "PasswordChanged");
    let login = client.login(OLD, "a password of my own").await;
    assert_eq!(login.typename("login"), "SignedIn");
    let again = client.run("RevertEmailChange", revert).await;
    assert_eq!(again.typename("revertEmailChange"), "TokenInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unverified_old_address_is_not_notified_and_cannot_revert() {
    let app = TestApp::spawn().await;
    let ada = moving(&app).await;
    app.execute("UPDATE users SET email_verified = FALSE").await;
    let token = app.token(NEW, "change_email").await;
    confirm(&ada, json!({ "token": token })).await;
    assert_eq!(app.messages(OLD, "email_changed").await, 0);
    let reverts = "SELECT COUNT(*) FROM links WHERE purpose = 'revert_email' AND address <> ''";
    assert_eq!(app.number(reverts).await, 0);
}

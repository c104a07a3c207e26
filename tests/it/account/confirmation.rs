//! Verifying an e-mail address by link.

use serde_json::json;

use super::REQUIRED;
use crate::harness::{Answer, PASSWORD, SignedIn, TestApp};

async fn verify(app: &TestApp, token: &str, password: Option<&str>) -> Answer {
    let input = json!({ "token": token, "password": password });
    app.anonymous()
        .run("VerifyEmail", json!({ "input": input }))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_signs_in_and_only_then_does_a_login_work() {
    let app = TestApp::with(&[REQUIRED]).await;
    app.anonymous().register("ada@example.com").await;
    let early = app.anonymous().login("ada@example.com", PASSWORD).await;
    assert_eq!(early.typename("login"), "InvalidCredentials");
    let message = early.root("login")["message"].as_str().unwrap();
    assert!(
        message.contains("another message to confirm it"),
        "{message}"
    );
    let guess = app
        .anonymous()
        .login("ada@example.com", "not the password")
        .await;
    assert_eq!(guess.text, early.text);

    let token = app.confirmation_token("ada@example.com").await;
    let answer = verify(&app, &token, Some(PASSWORD)).await;
    assert_eq!(answer.root("verifyEmail")["user"]["emailVerified"], true);
    let ada = SignedIn::from_answer(&app, &answer, "verifyEmail");
    assert!(ada.is_signed_in().await);
    assert_eq!(app.login("ada@example.com").await.user_id, ada.user_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_without_the_password_confirms_nothing() {
    let app = TestApp::with(&[REQUIRED]).await;
    app.anonymous().register("ada@example.com").await;
    let token = app.confirmation_token("ada@example.com").await;
    let wrong = verify(&app, &token, Some("not the password")).await;
    assert_eq!(wrong.typename("verifyEmail"), "InvalidCredentials");
    let missing = verify(&app, &token, None).await;
    assert_eq!(missing.typename("verifyEmail"), "InputInvalid");
    let verified = "SELECT COUNT(*) FROM users WHERE email_verified";
    assert_eq!(app.number(verified).await, 0);
    // Neither of them used the link up.
    assert_eq!(
        verify(&app, &token, Some(PASSWORD))
            .await
            .typename("verifyEmail"),
        "SignedIn"
    );
    assert_eq!(app.number(verified).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_registering_session_verifies_without_a_password() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let grace = app.register("grace@example.com").await;
    let token = app.confirmation_token("ada@example.com").await;
    let variables = json!({ "input": { "token": token } });
    let stranger = grace.run("VerifyEmail", variables.clone()).await;
    assert_eq!(stranger.typename("verifyEmail"), "InputInvalid");
    let answer = ada.run("VerifyEmail", variables).await;
    assert_eq!(answer.root("verifyEmail")["user"]["id"], ada.user_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_works_once_and_for_a_day() {
    let app = TestApp::with(&[REQUIRED]).await;
    app.anonymous().register("ada@example.com").await;
    let token = app.confirmation_token("ada@example.com").await;
    assert_eq!(
        verify(&app, &token, Some(PASSWORD))
            .await
            .typename("verifyEmail"),
        "SignedIn"
    );
    assert_eq!(
        verify(&app, &token, Some(PASSWORD))
            .await
            .typename("verifyEmail"),
        "TokenInvalid"
    );

    app.anonymous().register("grace@example.com").await;
    let token = app.confirmation_token("grace@example.com").await;
    app.advance(86_400);
    assert_eq!(
        verify(&app, &token, Some(PASSWORD))
            .await
            .typename("verifyEmail"),
        "TokenInvalid"
    );
    let made_up = format!("idl_{}", "A".repeat(43));
    for token in [made_up.as_str(), "idl_", "x", ""] {
        let answer = verify(&app, token, Some(PASSWORD)).await;
        assert_eq!(answer.typename("verifyEmail"), "TokenInvalid", "{token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_link_can_be_asked_for_and_the_old_one_goes_with_it_once_one_was_used() {
    let app = TestApp::with(&[REQUIRED]).await;
    app.anonymous().register("ada@example.com").await;
    let old = app.confirmation_token("ada@example.com").await;
    app.advance(60);
    let variables = json!({ "input": { "email": "ada@example.com" } });
    let answer = app
        .anonymous()
        .run("RequestEmailVerification", variables)
        .await;
    assert_eq!(
        answer.typename("requestEmailVerification"),
        "EmailVerificationRequested"
    );
    let new = app.confirmation_token("ada@example.com").await;
    assert_ne!(old, new);
    assert_eq!(
        verify(&app, &new, Some(PASSWORD))
            .await
            .typename("verifyEmail"),
        "SignedIn"
    );
    assert_eq!(
        verify(&app, &old, Some(PASSWORD))
            .await
            .typename("verifyEmail"),
        "TokenInvalid"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_the_link_changes_nothing() {
    let app = TestApp::with(&[REQUIRED]).await;
    app.anonymous().register("ada@example.com").await;
    let token = app.confirmation_token("ada@example.com").await;
    app.get(&format!("/verify_email?token={token}")).await;
    assert_eq!(
        app.number("SELECT COUNT(*) FROM users WHERE email_verified")
            .await,
        0
    );
    assert_eq!(
        verify(&app, &token, Some(PASSWORD))
            .await
            .typename("verifyEmail"),
        "SignedIn"
    );
}

//! Passwords: forgetting, changing and setting them.

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{Answer, PASSWORD, SignedIn, TestApp};

const ADA: &str = "ada@example.com";
const NEW: &str = "staple battery horse correct";

/// An account with a proven address.
async fn ada(app: &TestApp) -> SignedIn<'_> {
    let ada = app.register(ADA).await;
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    ada
}

async fn forget(app: &TestApp, who: &str) {
    let input = json!({ "emailOrPhone": who });
    let answer = app
        .anonymous()
        .run("RequestPasswordReset", json!({ "input": input }))
        .await;
    assert_eq!(
        answer.typename("requestPasswordReset"),
        "PasswordResetRequested"
    );
}

async fn confirm(app: &TestApp, input: serde_json::Value) -> Answer {
    app.anonymous()
        .run("ConfirmPasswordReset", json!({ "input": input }))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_replaced_by_link_and_every_session_ends() {
    let app = TestApp::spawn().await;
    let ada = ada(&app).await;
    forget(&app, "Ada@Example.com").await;
    let message = app.message(ADA, "password_reset").await.unwrap();
    let text = message["text"].as_str().unwrap();
    assert!(
        text.contains(&app.url("/password_reset?token=idl_")),
        "{text}"
    );
    let token = app.token(ADA, "password_reset").await;
    let answer = confirm(&app, json!({ "token": token, "newPassword": NEW })).await;
    assert_eq!(answer.typename("confirmPasswordReset"), "PasswordChanged");

    assert!(!ada.is_signed_in().await);
    let refreshed = app.anonymous().refresh(&ada.refresh_token).await;
    assert_eq!(refreshed.typename("refreshSession"), "TokenInvalid");
    let old = app.anonymous().login(ADA, PASSWORD).await;
    assert_eq!(old.typename("login"), "InvalidCredentials");
    let new = app.anonymous().login(ADA, NEW).await;
    assert_eq!(new.typename("login"), "SignedIn");
    assert_eq!(app.messages(ADA, "password_changed").await, 1);
    let again = confirm(&app, json!({ "token": token, "newPassword": NEW })).await;
    assert_eq!(again.typename("confirmPasswordReset"), "TokenInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_gets_a_code_and_a_page_can_ask_for_the_password_afterwards() {
    let app = TestApp::spawn().await;
    ada(&app).await;
    app.execute("UPDATE users SET phone = '+16502530000', phone_verified = TRUE")
        .await;
    forget(&app, "+16502530000").await;
    let code = app.code("+16502530000", "password_reset").await;
    let input = json!({ "emailOrPhone": "+16502530000", "code": code, "newPassword": NEW });
    let answer = confirm(&app, input).await;
    assert_eq!(answer.typename("confirmPasswordReset"), "PasswordChanged");

    app.advance(61);
    let client = app.anonymous();
    client.request_otp(ADA, "RESET_PASSWORD").await;
    let code = app.code(ADA, "password_reset").await;
    let answer = client.verify_otp(ADA, "RESET_PASSWORD", &code).await;
    assert_eq!(answer.typename("verifyOtp"), "PasswordResetAllowed");
    let token = &answer.root("verifyOtp")["token"];
    let answer = confirm(&app, json!({ "token": token, "newPassword": PASSWORD })).await;
    assert_eq!(answer.typename("confirmPasswordReset"), "PasswordChanged");
    app.login(ADA).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_will_not_do_does_not_cost_the_link() {
    let app = TestApp::spawn().await;
    ada(&app).await;
    forget(&app, ADA).await;
    let token = app.token(ADA, "password_reset").await;
    for weak in ["short", "password1234", "ada@example.com"] {
        let answer = confirm(&app, json!({ "token": token, "newPassword": weak })).await;
        assert_eq!(
            answer.typename("confirmPasswordReset"),
            "PasswordTooWeak",
            "{weak}"
        );
        let path = answer.violations("confirmPasswordReset")[0].clone();
        assert!(path.starts_with("newPassword "), "{path}");
    }
    let answer = confirm(&app, json!({ "token": token, "newPassword": NEW })).await;
    assert_eq!(answer.typename("confirmPasswordReset"), "PasswordChanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends_with_its_time_and_with_the_password_it_was_for() {
    let app = TestApp::spawn().await;
    let ada = ada(&app).await;
    forget(&app, ADA).await;
    let late = app.token(ADA, "password_reset").await;
    app.advance(1800);
    let answer = confirm(&app, json!({ "token": late, "newPassword": NEW })).await;
    assert_eq!(answer.typename("confirmPasswordReset"), "TokenInvalid");
    forget(&app, ADA).await;
    let token = app.token(ADA, "password_reset").await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    let ada = ada.refreshed().await;
    ada.run("ChangePassword", json!({ "input": input })).await;
    let answer = confirm(&app, json!({ "token": token, "newPassword": PASSWORD })).await;
    assert_eq!(answer.typename("confirmPasswordReset"), "TokenInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_confirmations_of_one_link_change_the_password_once() {
    let app = TestApp::spawn().await;
    ada(&app).await;
    forget(&app, ADA).await;
    let token = app.token(ADA, "password_reset").await;
    let attempts = (0..200).map(|number| {
        let password = format!("{NEW} {number}");
        confirm(&app, json!({ "token": token, "newPassword": password }))
    });
    let answers = join_all(attempts).await;
    let changed = answers.iter().filter(|answer| {
        answer.json["data"]["confirmPasswordReset"]["__typename"] == "PasswordChanged"
    });
    assert_eq!(changed.count(), 1);
    assert_eq!(app.messages(ADA, "password_changed").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_signs_in_with_google_is_told_so() {
    let app = TestApp::spawn().await;
    ada(&app).await;
    app.execute("UPDATE users SET auth_provider = 'google'")
        .await;
    app.execute("DELETE FROM passwords").await;
    forget(&app, ADA).await;
    assert_eq!(app.messages(ADA, "sign_in_with_google").await, 1);
    assert_eq!(app.messages(ADA, "password_reset").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_and_the_code_are_alternatives() {
    let app = TestApp::spawn().await;
    for input in [
        json!({ "newPassword": NEW }),
        json!({ "newPassword": NEW, "code": "123456" }),
        json!({ "newPassword": NEW, "emailOrPhone": ADA }),
        json!({ "newPassword": NEW, "emailOrPhone": ADA, "code": "123456", "token": "x" }),
    ] {
        let answer = confirm(&app, input).await;
        assert_eq!(
            answer.violations("confirmPasswordReset"),
            ["token EXACTLY_ONE"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_ones_password_ends_the_other_sessions_and_keeps_this_one() {
    let app = TestApp::spawn().await;
    let here = ada(&app).await;
    let there = app.login(ADA).await;
    let change = |current: serde_json::Value, new: &str| {
        let input = json!({ "currentPassword": current, "newPassword": new });
        here.run("ChangePassword", json!({ "input": input }))
    };
    let answer = change(json!("not the password"), NEW).await;
    assert_eq!(answer.typename("changePassword"), "InvalidCredentials");
    let answer = change(json!(PASSWORD), "12345678").await;
    assert_eq!(answer.typename("changePassword"), "PasswordTooWeak");
    let answer = change(json!(PASSWORD), NEW).await;
    assert_eq!(answer.typename("changePassword"), "PasswordChanged");
    assert!(here.is_signed_in().await && !there.is_signed_in().await);
    assert_eq!(app.messages(ADA, "password_changed").await, 1);

    let answer = change(json!(null), PASSWORD).await;
    assert_eq!(
        answer.typename("changePassword"),
        "PasswordChanged",
        "a recent sign-in will do"
    );
    app.advance(901);
    let here = here.refreshed().await;
    let input = json!({ "newPassword": NEW });
    let answer = here.run("ChangePassword", json!({ "input": input })).await;
    assert_eq!(answer.typename("changePassword"), "StepUpRequired");
    let answer = here.run("SetPassword", json!({ "input": input })).await;
    assert_eq!(answer.typename("setPassword"), "StepUpRequired");
    app.login(ADA).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_under_way_does_not_survive_a_change_of_the_password() {
    let app = TestApp::spawn().await;
    let ada = ada(&app).await;
    let client = app.anonymous();
    let logins = (0..20).map(|_| client.login(ADA, PASSWORD));
    let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    let change = ada.run("ChangePassword", json!({ "input": input }));
    let (answers, changed) = futures_util::future::join(join_all(logins), change).await;
    assert_eq!(changed.typename("changePassword"), "PasswordChanged");
    for answer in answers {
        if answer.typename("login") == "SignedIn" {
            let session = SignedIn::from_answer(&app, &answer, "login");
            assert!(
                !session.is_signed_in().await,
                "a session with the old password lives"
            );
        }
    }
}

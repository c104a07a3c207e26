//! One-time codes: what each of them opens, and how they end.

mod limits;
mod no_oracle;
mod phone;

use serde_json::json;

use crate::account::REQUIRED;
use crate::harness::{PASSWORD, SignedIn, TestApp, wrong};

const ADA: &str = "ada@example.com";

/// An account whose address is confirmed, with its session.
async fn confirmed(app: &TestApp) -> SignedIn<'_> {
    app.anonymous().register(ADA).await;
    let input = json!({ "token": app.confirmation_token(ADA).await, "password": PASSWORD });
    let answer = app
        .anonymous()
        .run("VerifyEmail", json!({ "input": input }))
        .await;
    SignedIn::from_answer(app, &answer, "verifyEmail")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_code_signs_in_once() {
    let app = TestApp::spawn().await;
    confirmed(&app).await;
    let client = app.anonymous();
    let sent = client.request_otp("ADA@example.com", "LOGIN").await;
    assert_eq!(sent.typename("requestOtp"), "OtpSent");
    assert_eq!(sent.root("requestOtp")["expiresIn"], 300);
    assert_eq!(sent.root("requestOtp")["resendAfter"], 60);
    let code = app.code(ADA, "login_code").await;

    let spaced = format!(" {} {}", &code[..3], &code[3..]);
    let answer = client.verify_otp(ADA, "LOGIN", &spaced).await;
    let ada = SignedIn::from_answer(&app, &answer, "verifyOtp");
    assert!(ada.is_signed_in().await);
    let sessions = ada.sessions().await;
    let current = sessions
        .iter()
        .find(|session| session["current"] == true)
        .unwrap();
    assert_eq!(current["amr"], json!(["otp"]));
    let again = client.verify_otp(ADA, "LOGIN", &code).await;
    assert_eq!(again.typename("verifyOtp"), "CodeInvalid");
    let logins = "SELECT COUNT(*) FROM audit_events WHERE action = 'login.succeeded'";
    assert_eq!(app.number(logins).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_code_says_so_and_opens_nothing() {
    let app = TestApp::spawn().await;
    confirmed(&app).await;
    let client = app.anonymous();
    client.request_otp(ADA, "LOGIN").await;
    let code = app.code(ADA, "login_code").await;
    app.advance(300);
    let answer = client.verify_otp(ADA, "LOGIN", &code).await;
    assert_eq!(answer.typename("verifyOtp"), "CodeExpired");
    let answer = client.verify_otp(ADA, "LOGIN", &wrong(&code)).await;
    assert_eq!(answer.typename("verifyOtp"), "CodeInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_codes_and_addresses_are_violations_and_cost_no_attempt() {
    let app = TestApp::spawn().await;
    confirmed(&app).await;
    let client = app.anonymous();
    client.request_otp(ADA, "LOGIN").await;
    for typed in ["", "12345", "abcdef", "1234567", &"1".repeat(100_000)] {
        let answer = client.verify_otp(ADA, "LOGIN", typed).await;
        assert_eq!(answer.violations("verifyOtp"), ["code INVALID_FORMAT"]);
    }
    let answer = client.request_otp("nonsense", "LOGIN").await;
    let rule = ["emailOrPhone INVALID_FORMAT"];
    assert_eq!(answer.violations("requestOtp"), rule);
    let answer = client.request_otp("+16502530000", "VERIFY_EMAIL").await;
    let rule = ["emailOrPhone INVALID_EMAIL"];
    assert_eq!(answer.violations("requestOtp"), rule);
    let code = app.code(ADA, "login_code").await;
    let answer = client.verify_otp(ADA, "LOGIN", &code).await;
    assert_eq!(answer.typename("verifyOtp"), "SignedIn");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_up_code_renews_this_session_and_no_other() {
    let app = TestApp::spawn().await;
    let ada = confirmed(&app).await;
    let other = app.login(ADA).await;
    let client = app.anonymous();
    let refused = client.request_otp(ADA, "STEP_UP").await;
    assert_eq!(refused.code(), "UNAUTHENTICATED");
    app.advance(1000);
    let ask = json!({ "input": { "emailOrPhone": ADA, "purpose": "STEP_UP" } });
    let sent = ada.refreshed().await.run("RequestOtp", ask).await;
    assert_eq!(sent.typename("requestOtp"), "OtpSent");
    let code = app.code(ADA, "step_up_code").await;
    let input = json!({ "emailOrPhone": ADA, "purpose": "STEP_UP", "code": code });
    let stolen = client.run("VerifyOtp", json!({ "input": input })).await;
    assert_eq!(stolen.code(), "UNAUTHENTICATED");

    let fresh = json!({ "input": { "email": "ada@example.org" } });
    let late = other.refreshed().await;
    let too_old = late.run("RequestEmailChange", fresh.clone()).await;
    assert_eq!(too_old.typename("requestEmailChange"), "StepUpRequired");
    let answer = late.run("VerifyOtp", json!({ "input": input })).await;
    assert_eq!(answer.typename("verifyOtp"), "SteppedUp");
    let allowed = late.run("RequestEmailChange", fresh).await;
    assert_eq!(
        allowed.typename("requestEmailChange"),
        "EmailChangeRequested"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_up_code_goes_to_ones_own_proven_address_only() {
    let app = TestApp::spawn().await;
    confirmed(&app).await;
    let eve = app.register("eve@example.com").await;
    for address in [ADA, "eve@example.com"] {
        let ask = json!({ "input": { "emailOrPhone": address, "purpose": "STEP_UP" } });
        let answer = eve.run("RequestOtp", ask).await;
        assert_eq!(answer.typename("requestOtp"), "OtpSent");
        assert_eq!(app.messages(address, "step_up_code").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_proven_by_a_code_in_the_session_that_registered() {
    let app = TestApp::spawn().await;
    let ada = app.register(ADA).await;
    let ask = json!({ "input": { "emailOrPhone": ADA, "purpose": "VERIFY_EMAIL" } });
    ada.run("RequestOtp", ask.clone()).await;
    let code = app.code(ADA, "verify_email").await;
    let input = json!({ "emailOrPhone": ADA, "purpose": "VERIFY_EMAIL", "code": code });
    let answer = ada.run("VerifyOtp", json!({ "input": input })).await;
    assert_eq!(answer.typename("verifyOtp"), "AddressVerified");
    let user = &answer.root("verifyOtp")["user"];
    assert_eq!(user["emailVerified"], true);
    assert!(ada.is_signed_in().await, "the session goes on");
    app.login(ADA).await;
    app.advance(61);
    ada.run("RequestOtp", ask).await;
    assert_eq!(
        app.messages(ADA, "verify_email").await,
        2,
        "nothing is left to prove"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_by_code_keeps_the_password_that_comes_along() {
    let app = TestApp::with(&[REQUIRED]).await;
    let client = app.anonymous();
    client.register(ADA).await;
    client.request_otp(ADA, "VERIFY_EMAIL").await;
    let code = app.code(ADA, "verify_email").await;
    let verify = |password: &str| {
        let input = json!({
            "emailOrPhone": ADA, "purpose": "VERIFY_EMAIL", "code": code, "password": password,
        });
        let client = client.clone();
        async move { client.run("VerifyOtp", json!({ "input": input })).await }
    };
    let answer = verify("not the password").await;
    assert_eq!(answer.typename("verifyOtp"), "InvalidCredentials");
    let answer = verify(PASSWORD).await;
    assert_eq!(answer.typename("verifyOtp"), "SignedIn");
    app.login(ADA).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_code_of_a_suspended_account_says_so_and_a_wrong_one_does_not() {
    let app = TestApp::spawn().await;
    confirmed(&app).await;
    let client = app.anonymous();
    client.request_otp(ADA, "LOGIN").await;
    let code = app.code(ADA, "login_code").await;
    app.execute("UPDATE users SET suspended_at = created_at")
        .await;
    let answer = client.verify_otp(ADA, "LOGIN", &wrong(&code)).await;
    assert_eq!(answer.typename("verifyOtp"), "CodeInvalid");
    let answer = client.verify_otp(ADA, "LOGIN", &code).await;
    assert_eq!(answer.typename("verifyOtp"), "AccountSuspended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_gets_no_code() {
    let app = TestApp::spawn().await;
    confirmed(&app).await;
    app.execute("UPDATE users SET deleted_at = created_at")
        .await;
    let answer = app.anonymous().request_otp(ADA, "LOGIN").await;
    assert_eq!(answer.typename("requestOtp"), "OtpSent");
    assert_eq!(app.messages(ADA, "login_code").await, 0);
}

//! Accounts with a phone number.

use serde_json::json;

use crate::account::REQUIRED;
use crate::harness::{Answer, PASSWORD, SignedIn, TestApp};

const NUMBER: &str = "+16502530000";

async fn register(app: &TestApp, password: Option<&str>) -> Answer {
    let input = json!({ "phone": NUMBER, "password": password, "firstName": "Ada" });
    app.anonymous()
        .run("Register", json!({ "input": input }))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_registered_confirmed_and_signed_in_with() {
    let app = TestApp::with(&[REQUIRED]).await;
    let answer = register(&app, Some(PASSWORD)).await;
    assert_eq!(answer.typename("register"), "Registered");
    let early = app.anonymous().login(NUMBER, PASSWORD).await;
    assert_eq!(early.typename("login"), "InvalidCredentials");
    let message = app.message(NUMBER, "verify_phone").await.unwrap();
    assert_eq!(message["channel"], "sms");
    let code = app.code(NUMBER, "verify_phone").await;
    let last = message["text"].as_str().unwrap().lines().last().unwrap();
    assert_eq!(last, format!("@127.0.0.1 #{code}"));

    let input = json!({
        "emailOrPhone": "+1 650 253 0000", "purpose": "VERIFY_PHONE", "code": code,
        "password": PASSWORD,
    });
    let answer = app
        .anonymous()
        .run("VerifyOtp", json!({ "input": input }))
        .await;
    let ada = SignedIn::from_answer(&app, &answer, "verifyOtp");
    let me = ada.run("Me", json!({})).await;
    assert_eq!(me.root("me")["authProvider"], "PHONE");
    assert_eq!(me.root("me")["phoneVerified"], true);
    assert_eq!(me.root("me")["firstName"], "Ada");
    app.login(NUMBER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_without_a_password_signs_in_by_codes_alone() {
    // Also where confirmation is optional: without a password only the code proves ownership.
    let app = TestApp::spawn().await;
    let answer = register(&app, None).await;
    assert_eq!(answer.typename("register"), "Registered");
    let client = app.anonymous();
    let code = app.code(NUMBER, "verify_phone").await;
    let answer = client.verify_otp(NUMBER, "VERIFY_PHONE", &code).await;
    let ada = SignedIn::from_answer(&app, &answer, "verifyOtp");
    let me = ada.run("Me", json!({})).await;
    assert_eq!(
        me.root("me")["firstName"],
        "Ada",
        "nothing was there to take back"
    );
    let answer = client.login(NUMBER, PASSWORD).await;
    assert_eq!(answer.typename("login"), "InvalidCredentials");

    client.request_otp(NUMBER, "LOGIN").await;
    let code = app.code(NUMBER, "login_code").await;
    let answer = client.verify_otp(NUMBER, "LOGIN", &code).await;
    let ada = SignedIn::from_answer(&app, &answer, "verifyOtp");
    let sessions = ada.sessions().await;
    let current = sessions
        .iter()
        .find(|session| session["current"] == true)
        .unwrap();
    assert_eq!(current["amr"], json!(["otp", "sms"]));
    let input = json!({ "newPassword": PASSWORD });
    let answer = ada.run("SetPassword", json!({ "input": input })).await;
    assert_eq!(answer.typename("setPassword"), "PasswordChanged");
    app.login(NUMBER).await;
    let answer = ada.run("SetPassword", json!({ "input": input })).await;
    assert_eq!(answer.typename("setPassword"), "Conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_needs_a_password() {
    let app = TestApp::spawn().await;
    let input = json!({ "email": "ada@example.com" });
    let answer = app
        .anonymous()
        .run("Register", json!({ "input": input }))
        .await;
    assert_eq!(answer.violations("register"), ["password REQUIRED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_a_number_again_notifies_only_its_owner() {
    let app = TestApp::with(&[REQUIRED]).await;
    register(&app, Some(PASSWORD)).await;
    let code = app.code(NUMBER, "verify_phone").await;
    let client = app.anonymous();
    client.verify_otp(NUMBER, "VERIFY_PHONE", &code).await;
    app.advance(61);
    let answer = register(&app, Some("another good password")).await;
    assert_eq!(answer.typename("register"), "Registered");
    assert_eq!(app.messages(NUMBER, "already_registered").await, 1);
    assert_eq!(app.messages(NUMBER, "verify_phone").await, 1);
    register(&app, Some("another good password")).await;
    assert_eq!(
        app.messages(NUMBER, "already_registered").await,
        1,
        "no flood"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_moves_by_a_code_to_the_new_one() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    let request = json!({ "input": { "phone": NUMBER } });
    let answer = ada.run("RequestPhoneChange", request.clone()).await;
    assert_eq!(
        answer.typename("requestPhoneChange"),
        "PhoneChangeRequested"
    );
    let code = app.code(NUMBER, "change_phone").await;
    let input = json!({ "phone": "+16502530001", "code": code });
    let answer = ada
        .run("ConfirmPhoneChange", json!({ "input": input }))
        .await;
    assert_eq!(answer.typename("confirmPhoneChange"), "CodeInvalid");
    let input = json!({ "phone": NUMBER, "code": code });
    let answer = ada
        .run("ConfirmPhoneChange", json!({ "input": input }))
        .await;
    assert_eq!(answer.typename("confirmPhoneChange"), "PhoneChanged");
    let user = &answer.root("confirmPhoneChange")["user"];
    assert_eq!(
        (&user["phone"], &user["phoneVerified"]),
        (&json!(NUMBER), &json!(true))
    );
    assert_eq!(app.messages("ada@example.com", "phone_changed").await, 1);
    let answer = ada.run("RequestPhoneChange", request).await;
    assert_eq!(
        answer.violations("requestPhoneChange"),
        ["phone NOT_ALLOWED"]
    );

    let bob = app.register("bob@example.com").await;
    app.execute("UPDATE users SET email_verified = TRUE").await;
    app.advance(61);
    bob.run(
        "RequestPhoneChange",
        json!({ "input": { "phone": NUMBER } }),
    )
    .await;
    let code = app.code(NUMBER, "change_phone").await;
    let input = json!({ "phone": NUMBER, "code": code });
    let answer = bob
        .run("ConfirmPhoneChange", json!({ "input": input }))
        .await;
    assert_eq!(answer.typename("confirmPhoneChange"), "Conflict");
}

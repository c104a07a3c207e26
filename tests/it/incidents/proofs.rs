//! `amr` and `auth_time` (RFC 9068 §2.2.1) after every way of signing in and
//! of stepping up.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{claims, sdl};
use crate::harness::{Answer, Google, PASSWORD, SignedIn, TestApp};

const ADA: &str = "ada@example.com";
const NUMBER: &str = "+16502530000";

/// Every mutation that hands out an access token. A new one fails the first test until it has its
/// lines in the others.
const COVERED: [&str; 7] = [
    "login",
    "loginWithGoogle",
    "refreshSession",
    "register",
    "stepUp",
    "verifyEmail",
    "verifyOtp",
];

#[test]
fn every_mutation_that_hands_out_a_token_is_looked_at_here() {
    let hands_out = |(_, result): &(String, String)| {
        let members = sdl::members(result);
        members
            .iter()
            .any(|member| member == "SignedIn" || member == "SteppedUp")
    };
    let found: BTreeSet<String> = sdl::mutations()
        .into_iter()
        .filter(hands_out)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(found, COVERED.map(str::to_owned).into());
}

/// The `amr` of a token, and the age of its `auth_time`.
fn authentication(app: &TestApp, token: &str) -> (Value, i64) {
    let claims = claims(token);
    let now = app.app.clock.now().timestamp();
    (
        claims["amr"].clone(),
        now - claims["auth_time"].as_i64().unwrap(),
    )
}

fn token_of(answer: &Answer, field: &str) -> String {
    let token = &answer.root(field)["accessToken"];
    token.as_str().expect(&answer.text).to_owned()
}

#[track_caller]
fn assert_authentication(app: &TestApp, (answer, field): (&Answer, &str), amr: &[&str], age: i64) {
    let token = token_of(answer, field);
    assert_eq!(
        authentication(app, &token),
        (json!(amr), age),
        "{}",
        answer.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_proven_when_it_was_typed_and_a_refresh_proves_nothing() {
    let app = TestApp::spawn().await;
    let answer = app.anonymous().register(ADA).await;
    assert_authentication(&app, (&answer, "register"), &["pwd"], 0);
    app.advance(100);
    let answer = app.anonymous().login(ADA, PASSWORD).await;
    assert_authentication(&app, (&answer, "login"), &["pwd"], 0);
    app.advance(100);
    let token = answer.root("login")["refreshToken"].as_str().unwrap();
    let answer = app.anonymous().refresh(token).await;
    assert_authentication(&app, (&answer, "refreshSession"), &["pwd"], 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_in_a_session_proves_nothing_about_who_sits_there() {
    let app = TestApp::spawn().await;
    let verify = async |who: &SignedIn<'_>, email: &str, password: Option<&str>| {
        let token = app.confirmation_token(email).await;
        let input = json!({ "token": token, "password": password });
        who.run("VerifyEmail", json!({ "input": input })).await
    };
    let ada = app.register(ADA).await;
    app.advance(100);
    let answer = verify(&ada, ADA, None).await;
    assert_authentication(&app, (&answer, "verifyEmail"), &["pwd"], 100);
    let ended =
        "SELECT COUNT(*) FROM sessions WHERE expires_at > (SELECT MIN(expires_at) FROM sessions)";
    assert_eq!(
        app.number(ended).await,
        0,
        "the new session outlasts the proof"
    );

    let grace = app.register("grace@example.com").await;
    app.advance(100);
    let wrong = verify(&grace, "grace@example.com", Some("not the password")).await;
    assert_eq!(wrong.typename("verifyEmail"), "InvalidCredentials");
    let answer = verify(&grace, "grace@example.com", Some(PASSWORD)).await;
    assert_authentication(&app, (&answer, "verifyEmail"), &["pwd"], 0);

    // A session opened by a code: still no `pwd`.
    app.register("mary@example.com").await;
    app.execute(&format!(
        "UPDATE users SET phone = '{NUMBER}', phone_verified = TRUE, is_verified = TRUE \
         WHERE email = 'mary@example.com'"
    ))
    .await;
    app.anonymous().request_otp(NUMBER, "LOGIN").await;
    let code = app.code(NUMBER, "login_code").await;
    let answer = app.anonymous().verify_otp(NUMBER, "LOGIN", &code).await;
    assert_authentication(&app, (&answer, "verifyOtp"), &["otp", "sms"], 0);
    let mary = SignedIn::from_answer(&app, &answer, "verifyOtp");
    app.advance(100);
    let answer = verify(&mary, "mary@example.com", None).await;
    assert_authentication(&app, (&answer, "verifyEmail"), &["otp", "sms"], 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_with_the_password_proves_the_password() {
    let app = TestApp::spawn().await;
    app.register(ADA).await;
    app.advance(100);
    let input = json!({ "token": app.confirmation_token(ADA).await, "password": PASSWORD });
    let client = app.anonymous();
    let answer = client.run("VerifyEmail", json!({ "input": input })).await;
    assert_authentication(&app, (&answer, "verifyEmail"), &["pwd"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_proves_a_code_and_with_a_password_both_factors() {
    let app = TestApp::spawn().await;
    for (email, password, amr) in [
        ("alone@example.com", None, vec!["otp"]),
        ("both@example.com", Some(PASSWORD), vec!["otp", "pwd"]),
    ] {
        app.register(email).await;
        let client = app.anonymous();
        client.request_otp(email, "VERIFY_EMAIL").await;
        let code = app.code(email, "verify_email").await;
        app.advance(100);
        let input = json!({
            "emailOrPhone": email, "purpose": "VERIFY_EMAIL", "code": code, "password": password,
        });
        let answer = client.run("VerifyOtp", json!({ "input": input })).await;
        assert_authentication(&app, (&answer, "verifyOtp"), &amr, 0);
    }
    // In a session it proves the address: the session stays what it was.
    let ada = app.register(ADA).await;
    ada.run(
        "RequestOtp",
        json!({ "input": { "emailOrPhone": ADA, "purpose": "VERIFY_EMAIL" } }),
    )
    .await;
    let code = app.code(ADA, "verify_email").await;
    app.advance(100);
    let input = json!({ "emailOrPhone": ADA, "purpose": "VERIFY_EMAIL", "code": code });
    let answer = ada.run("VerifyOtp", json!({ "input": input })).await;
    assert_eq!(answer.typename("verifyOtp"), "AddressVerified");
    let ada = ada.refreshed().await;
    assert_eq!(
        authentication(&app, &ada.access_token),
        (json!(["pwd"]), 100)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_up_records_its_method_on_the_session() {
    let app = TestApp::spawn().await;
    let ada = app.register(ADA).await;
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    app.advance(100);
    let input = json!({ "emailOrPhone": ADA, "purpose": "STEP_UP" });
    ada.run("RequestOtp", json!({ "input": input })).await;
    let code = app.code(ADA, "step_up_code").await;
    let input = json!({ "emailOrPhone": ADA, "purpose": "STEP_UP", "code": code });
    let answer = ada.run("VerifyOtp", json!({ "input": input })).await;
    assert_authentication(&app, (&answer, "verifyOtp"), &["otp"], 0);
    app.advance(100);
    let ada = ada.refreshed().await;
    assert_eq!(
        authentication(&app, &ada.access_token),
        (json!(["otp"]), 100)
    );
    let answer = ada
        .run("StepUp", json!({ "input": { "password": PASSWORD } }))
        .await;
    assert_authentication(&app, (&answer, "stepUp"), &["pwd"], 0);
    assert_eq!(ada.sessions().await[0]["amr"], json!(["pwd"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_sign_in_proves_only_the_provider() {
    let google = Google::spawn().await;
    let answer = google.login(&json!({})).await;
    assert_authentication(&google.app, (&answer, "loginWithGoogle"), &["fed"], 0);
}

//! Enumeration through responses, and limits turned against users.

use serde_json::json;

use super::{NUMBER, VICTIM, on_a_number, run, verified_user};
use crate::account::REQUIRED;
use crate::harness::{Anonymous, PASSWORD, TestApp};

/// A registration turns a decoy into a real code: the earlier cooldown must not reveal it.
#[tokio::test(flavor = "multi_thread")]
async fn a_registration_between_two_codes_does_not_tell_who_has_an_account() {
    let app = TestApp::with(&[REQUIRED]).await;
    let client = app.anonymous();
    let known = "known@example.com";
    client.register(known).await;
    let link = app.confirmation_token(known).await;
    let input = json!({ "token": link, "password": PASSWORD });
    run(&client, "VerifyEmail", input).await;
    let mut answers = Vec::new();
    for address in [known, "unknown@example.com"] {
        client.request_otp(address, "LOGIN").await;
        client.register(address).await;
        let answer = client.request_otp(address, "LOGIN").await;
        answers.push(answer.text);
    }
    assert_eq!(answers[0], answers[1]);
}

/// The same by a phone number: the registration itself sends the code.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_cooldown_does_not_tell_who_has_a_number() {
    let app = TestApp::with(&[REQUIRED]).await;
    on_a_number(&app).await;
    let client = app.anonymous();
    app.advance(61);
    let numbers = [NUMBER, "+16502530001"];
    let register = |number: &str| {
        let input = json!({ "phone": number, "firstName": "Eve" });
        let client = client.clone();
        async move { run(&client, "Register", input).await }
    };
    for number in numbers {
        client.request_otp(number, "VERIFY_PHONE").await;
    }
    app.advance(30);
    for number in numbers {
        register(number).await;
    }
    app.advance(35);
    let known = client.request_otp(numbers[0], "VERIFY_PHONE").await;
    let unknown = client.request_otp(numbers[1], "VERIFY_PHONE").await;
    assert_eq!(known.text, unknown.text);
}

/// A signed-in user, and strangers from many addresses.
const STRANGERS: [(&str, &str); 2] = [
    ("IDGATE_THROTTLE__SCALE", "1"),
    ("IDGATE_SERVER__TRUSTED_PROXIES", "127.0.0.1/32"),
];

fn stranger(app: &TestApp, number: u32) -> Anonymous<'_> {
    let address = format!("203.0.113.{number}");
    app.anonymous().with("x-forwarded-for", address)
}

/// Keycloak's CVE-2026-19607 for signed-in users: strangers cannot spend their rate limits.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_do_not_keep_a_signed_in_person_from_typing_a_step_up_code() {
    let app = TestApp::with(&STRANGERS).await;
    let ada = verified_user(&app, VICTIM).await;
    let ask = json!({ "emailOrPhone": VICTIM, "purpose": "STEP_UP" });
    ada.run("RequestOtp", json!({ "input": ask })).await;
    let code = app.code(VICTIM, "step_up_code").await;
    for number in 0..25 {
        let stranger = stranger(&app, number);
        stranger.verify_otp(VICTIM, "STEP_UP", "000000").await;
    }
    let input = json!({ "emailOrPhone": VICTIM, "purpose": "STEP_UP", "code": code });
    let answer = ada.run("VerifyOtp", json!({ "input": input })).await;
    assert_eq!(answer.typename("verifyOtp"), "SteppedUp");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_do_not_keep_a_signed_in_person_from_asking_for_a_step_up_code() {
    let app = TestApp::with(&STRANGERS).await;
    let ada = verified_user(&app, VICTIM).await;
    for number in 0..10 {
        stranger(&app, number).request_otp(VICTIM, "LOGIN").await;
    }
    let ask = json!({ "emailOrPhone": VICTIM, "purpose": "STEP_UP" });
    let asked = ada.run("RequestOtp", json!({ "input": ask })).await;
    assert_eq!(asked.typename("requestOtp"), "OtpSent");
}

/// NIST SP 800-63B-3 §5.2.2: no more than a hundred failures in a row.
#[tokio::test(flavor = "multi_thread")]
async fn a_patient_guesser_does_not_get_hundreds_of_codes_a_day() {
    let app = TestApp::with(&[
        ("IDGATE_THROTTLE__SCALE", "1"),
        ("IDGATE_THROTTLE__MESSAGE_ADDRESS", "100000/60"),
        ("IDGATE_THROTTLE__CODE_ADDRESS", "100000/60"),
    ])
    .await;
    verified_user(&app, VICTIM).await;
    let client = app.anonymous();
    let mut guesses = 0;
    for _ in 0..24 * 4 {
        client.request_otp(VICTIM, "LOGIN").await;
        for _ in 0..5 {
            let answer = client.verify_otp(VICTIM, "LOGIN", "000000").await;
            guesses += usize::from(answer.typename("verifyOtp") == "CodeInvalid");
        }
        app.advance(15 * 60);
    }
    assert!(guesses <= 100, "{guesses} guesses in a day");
}

/// NIST SP 800-63B-3 §5.1.3.2: such a code is good for ten minutes at most.
#[test]
fn no_configuration_lets_a_code_live_for_an_hour() {
    let setting = ("IDGATE_OTP__LIFE_SECONDS".to_owned(), "3600".to_owned());
    assert!(idgate::config::Config::load(None, vec![setting]).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_lost_its_point_is_not_delivered_late() {
    let app = TestApp::with(&[("IDGATE_OUTBOX__ENABLED", "false")]).await;
    verified_user(&app, VICTIM).await;
    app.anonymous().request_otp(VICTIM, "LOGIN").await;
    app.advance(600);
    assert_eq!(app.messages(VICTIM, "login_code").await, 0);
}

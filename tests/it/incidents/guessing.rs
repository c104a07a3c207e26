//! Guessing at one-time codes from very many addresses, each of which stays below its own limits.

use serde_json::{Value, json};

use crate::harness::{Anonymous, TestApp, wrong};

const ADA: &str = "ada@example.com";
const UNKNOWN: &str = "nobody@example.com";

/// Five wrong codes in `window` count as typing errors.
async fn guarded(budget: &str) -> TestApp {
    let app = TestApp::with(&[
        ("IDGATE_THROTTLE__SCALE", "1"),
        ("IDGATE_SERVER__TRUSTED_PROXIES", "127.0.0.1/32"),
        ("IDGATE_THROTTLE__CODE_WRONG_GLOBAL", budget),
        ("IDGATE_OTP__RESEND_SECONDS", "1"),
    ])
    .await;
    app.register(ADA).await;
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    app
}

fn from<'a>(app: &'a TestApp, address: &str) -> Anonymous<'a> {
    app.anonymous().with("x-forwarded-for", address)
}

/// Wrong codes, each from an address and for an identifier of its own, by every public entry.
async fn flood(app: &TestApp, count: u8) {
    for number in 0..count {
        let client = from(app, &format!("198.51.{number}.1"));
        let victim = format!("victim{number}@example.com");
        let refusal = if number % 2 == 0 {
            let answer = client.verify_otp(&victim, "LOGIN", "000000").await;
            answer.typename("verifyOtp").to_owned()
        } else {
            let input = json!({
                "emailOrPhone": victim, "code": "000000",
                "newPassword": "staple battery horse correct",
            });
            let answer = client
                .run("ConfirmPasswordReset", json!({ "input": input }))
                .await;
            answer.typename("confirmPasswordReset").to_owned()
        };
        assert_eq!(refusal, "CodeInvalid", "a flood refuses no one");
    }
}

fn alarm(app: &TestApp) -> bool {
    let page = app.app.metrics.render();
    page.contains("idgate_code_guessing_alarm 1")
}

/// The announced lifetime of a code, the same with and without an account.
async fn promised(app: &TestApp) -> Value {
    let mut answers = Vec::new();
    for to in [ADA, UNKNOWN] {
        let sent = app.anonymous().request_otp(to, "LOGIN").await;
        assert_eq!(sent.typename("requestOtp"), "OtpSent", "{}", sent.text);
        answers.push(sent.root("requestOtp")["expiresIn"].clone());
    }
    assert_eq!(answers[0], answers[1], "the life tells who has an account");
    answers.swap_remove(0)
}

async fn typed(app: &TestApp, code: &str) -> String {
    let answer = app.anonymous().verify_otp(ADA, "LOGIN", code).await;
    answer.typename("verifyOtp").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn more_wrong_codes_than_people_mistype_shorten_the_lives_of_codes() {
    let app = guarded("5/600").await;
    assert_eq!(promised(&app).await, 300);
    let before = app.code(ADA, "login_code").await;
    app.advance(30);
    flood(&app, 5).await;
    assert!(!alarm(&app));
    flood(&app, 1).await;
    assert!(alarm(&app));

    assert_eq!(promised(&app).await, 90, "the same code again");
    assert_eq!(app.code(ADA, "login_code").await, before);
    app.advance(89);
    assert_eq!(promised(&app).await, 120, "another one");
    let during = app.code(ADA, "login_code").await;
    assert_ne!(during, before);
    app.advance(1);
    assert_eq!(typed(&app, &before).await, "CodeExpired");
    flood(&app, 100).await;
    assert_eq!(typed(&app, &during).await, "SignedIn");

    app.advance(601);
    assert_eq!(promised(&app).await, 300);
    assert!(!alarm(&app));
    let after = app.code(ADA, "login_code").await;
    app.advance(299);
    assert_eq!(typed(&app, &after).await, "SignedIn");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_made_in_an_alarm_works_for_as_long_as_it_was_said_to() {
    let app = guarded("5/60").await;
    flood(&app, 6).await;
    assert_eq!(promised(&app).await, 120);
    let code = app.code(ADA, "login_code").await;
    app.advance(61);
    assert_eq!(typed(&app, &wrong(&code)).await, "CodeInvalid");
    assert!(!alarm(&app));
    app.advance(58);
    assert_eq!(typed(&app, &code).await, "SignedIn");
}

/// Normal lifetimes return with the end of the alarm; shortened ones do not grow.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_made_in_an_alarm_is_not_sent_again_beyond_half_of_its_life() {
    let app = guarded("5/60").await;
    flood(&app, 6).await;
    assert_eq!(promised(&app).await, 120);
    let during = app.code(ADA, "login_code").await;
    app.advance(59);
    assert_eq!(promised(&app).await, 61, "the same code again");
    assert_eq!(app.code(ADA, "login_code").await, during);
    app.advance(60);
    assert_eq!(promised(&app).await, 300, "another one");
    assert!(!alarm(&app));
    let after = app.code(ADA, "login_code").await;
    app.advance(1);
    assert_eq!(typed(&app, &during).await, "CodeExpired");
    app.advance(298);
    assert_eq!(typed(&app, &after).await, "SignedIn");
}

/// An address that gets an account in the meantime keeps the age of what was sent to it.
#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_does_not_tell_whether_an_address_has_an_account_since() {
    let app = guarded("5/600").await;
    assert_eq!(promised(&app).await, 300);
    app.advance(20);
    flood(&app, 6).await;
    let set = format!("UPDATE users SET email = '{UNKNOWN}'");
    app.execute(&set).await;
    app.advance(1);
    assert_eq!(promised(&app).await, 99);
}

#[tokio::test(flavor = "multi_thread")]
async fn right_and_expired_codes_are_no_guesses() {
    let app = guarded("1/600").await;
    for _ in 0..3 {
        promised(&app).await;
        let code = app.code(ADA, "login_code").await;
        app.advance(300);
        assert_eq!(typed(&app, &code).await, "CodeExpired");
        promised(&app).await;
        let code = app.code(ADA, "login_code").await;
        assert_eq!(typed(&app, &code).await, "SignedIn");
        app.advance(1000);
    }
    assert!(!alarm(&app));
}

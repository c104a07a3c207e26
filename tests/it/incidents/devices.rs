//! Device tokens that gave attackers extra guesses, and owners locked out by strangers.

use serde_json::{Value, json};

use super::sdl;
use crate::harness::{Answer, PASSWORD, SignedIn, TestApp, wrong};

const ADA: &str = "ada@example.com";
const PHONE: &str = "+16502530000";
const NEW: &str = "staple battery horse correct";

/// Default rate limits, against strangers with any number of addresses.
async fn under_attack() -> TestApp {
    TestApp::with(&[
        ("IDGATE_THROTTLE__SCALE", "1"),
        ("IDGATE_THROTTLE__LOGIN_ADDRESS", "10000/60"),
        ("IDGATE_THROTTLE__MESSAGE_ADDRESS", "10000/60"),
        ("IDGATE_THROTTLE__CODE_ADDRESS", "10000/60"),
        ("IDGATE_THROTTLE__REGISTER_ADDRESS", "10000/60"),
        ("IDGATE_THROTTLE__REGISTER_IDENTIFIER", "10000/60"),
    ])
    .await
}

async fn login(app: &TestApp, password: &str, device: Option<&str>) -> Answer {
    let input = json!({ "emailOrPhone": ADA, "password": password, "deviceToken": device });
    let client = app.anonymous();
    client.run("Login", json!({ "input": input })).await
}

fn device_of(answer: &Answer, field: &str) -> String {
    let token = answer.root(field)["deviceToken"].as_str();
    token
        .unwrap_or_else(|| panic!("{}", answer.text))
        .to_owned()
}

/// Tokens of as many sign-ins, each from a device that presented none.
async fn collected(app: &TestApp, count: usize) -> Vec<String> {
    let mut tokens = Vec::new();
    for _ in 0..count {
        let answer = login(app, PASSWORD, None).await;
        tokens.push(device_of(&answer, "login"));
        app.advance(60);
    }
    app.advance(3600);
    tokens
}

/// The number of passwords checked with all these tokens together.
async fn guesses(app: &TestApp, tokens: &[String]) -> usize {
    let mut compared = 0;
    for _ in 0..12 {
        for token in tokens {
            let answer = login(app, "guess", Some(token)).await;
            compared += usize::from(answer.typename("login") == "InvalidCredentials");
        }
    }
    compared
}

#[tokio::test(flavor = "multi_thread")]
async fn collected_device_tokens_share_one_budget_per_account() {
    let app = under_attack().await;
    app.register(ADA).await;
    let tokens = collected(&app, 14).await;
    assert_eq!(guesses(&app, &tokens).await, 20);
    // They give no guesses at another account, known or not.
    app.register("eve@example.com").await;
    for victim in ["eve@example.com", "nobody@example.com"] {
        app.advance(3600);
        let mut compared = 0;
        for token in &tokens {
            for _ in 0..3 {
                let input =
                    json!({ "emailOrPhone": victim, "password": "guess", "deviceToken": token });
                let client = app.anonymous();
                let answer = client.run("Login", json!({ "input": input })).await;
                compared += usize::from(answer.typename("login") == "InvalidCredentials");
            }
        }
        assert_eq!(compared, 10, "{victim}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_invalidates_device_tokens() {
    let app = under_attack().await;
    let ada = app.register(ADA).await;
    let tokens = collected(&app, 14).await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    let ada = ada.refreshed().await;
    let answer = ada.run("ChangePassword", json!({ "input": input })).await;
    assert_eq!(answer.typename("changePassword"), "PasswordChanged");
    // The remaining session gets a new device token.
    let refreshed = app.anonymous().refresh(&ada.refresh_token).await;
    let own = device_of(&refreshed, "refreshSession");
    assert!(!tokens.contains(&own));

    assert_eq!(guesses(&app, &tokens).await, 10, "as without a token");
    for token in &tokens {
        let answer = login(&app, NEW, Some(token)).await;
        assert_eq!(answer.typename("login"), "RateLimited");
    }
    let answer = login(&app, NEW, Some(&own)).await;
    assert_eq!(answer.typename("login"), "SignedIn", "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_token_that_is_good_comes_back_and_no_other_is_made() {
    let app = under_attack().await;
    app.register(ADA).await;
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    let token = device_of(&login(&app, PASSWORD, None).await, "login");
    for _ in 0..3 {
        let again = login(&app, PASSWORD, Some(&token)).await;
        assert_eq!(device_of(&again, "login"), token);
    }
    app.anonymous().request_otp(ADA, "LOGIN").await;
    let code = app.code(ADA, "login_code").await;
    let input = json!({
        "emailOrPhone": ADA, "purpose": "LOGIN", "code": code, "deviceToken": token,
    });
    let answer = app
        .anonymous()
        .run("VerifyOtp", json!({ "input": input }))
        .await;
    assert_eq!(device_of(&answer, "verifyOtp"), token);
    // A session that goes on has one token, not one for each refresh.
    let ada = SignedIn::from_answer(&app, &answer, "verifyOtp");
    let first = app.anonymous().refresh(&ada.refresh_token).await;
    let ada = SignedIn::from_answer(&app, &first, "refreshSession");
    let second = app.anonymous().refresh(&ada.refresh_token).await;
    let own = device_of(&first, "refreshSession");
    assert_eq!(device_of(&second, "refreshSession"), own);
    // Another's token, or one that was changed, is replaced.
    app.register("eve@example.com").await;
    let eve = app.anonymous().login("eve@example.com", PASSWORD).await;
    let foreign = device_of(&eve, "login");
    let changed = format!("{}A", &token[..token.len() - 1]);
    for bad in [foreign, changed, "idd_".to_owned(), "x".repeat(100_000)] {
        let answer = login(&app, PASSWORD, Some(&bad)).await;
        assert_ne!(device_of(&answer, "login"), bad);
    }
}

/// Every document whose answer may be a sign-in asks for the device token, and gets one.
#[test]
fn every_sign_in_can_hand_over_a_device_token() {
    for (name, text) in crate::harness::queries::DOCUMENTS.iter() {
        if text.contains("... on SignedIn") {
            assert!(text.contains("deviceToken"), "{name}");
        }
    }
    assert_eq!(
        sdl::inputs_named("deviceToken"),
        [
            "ConfirmPasswordResetInput.deviceToken",
            "LoginInput.deviceToken",
            "RequestOtpInput.deviceToken",
            "RequestPasswordResetInput.deviceToken",
            "VerifyOtpInput.deviceToken",
        ]
    );
}

/// An account with nothing but a number, and the token of the device it was registered on.
async fn phone_only(app: &TestApp) -> String {
    let input = json!({ "phone": PHONE, "password": PASSWORD, "firstName": "Ada" });
    let answer = app
        .anonymous()
        .run("Register", json!({ "input": input }))
        .await;
    assert_eq!(answer.typename("register"), "SignedIn", "{}", answer.text);
    app.execute("UPDATE users SET phone_verified = TRUE, is_verified = TRUE")
        .await;
    device_of(&answer, "register")
}

/// What a stranger can do about another user's codes: request them, and guess until refused.
async fn strangers(app: &TestApp, digits: &str) {
    let client = app.anonymous();
    for _ in 0..25 {
        for purpose in ["LOGIN", "RESET_PASSWORD"] {
            client.request_otp(PHONE, purpose).await;
            client.verify_otp(PHONE, purpose, digits).await;
        }
        let input = json!({ "emailOrPhone": PHONE });
        client
            .run("RequestPasswordReset", json!({ "input": input }))
            .await;
        let input = json!({ "emailOrPhone": PHONE, "code": digits, "newPassword": NEW });
        client
            .run("ConfirmPasswordReset", json!({ "input": input }))
            .await;
        client.login(PHONE, "guess").await;
    }
}

async fn ask(app: &TestApp, document: &str, field: &str, input: Value) -> String {
    let client = app.anonymous();
    let answer = client.run(document, json!({ "input": input })).await;
    answer.typename(field).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_gets_through_on_a_known_device_whatever_strangers_do() {
    let app = under_attack().await;
    let device = phone_only(&app).await;
    app.advance(3600);
    strangers(&app, "000000").await;
    // Without the device, no attempt is left for an hour.
    let stranger = json!({ "emailOrPhone": PHONE, "purpose": "LOGIN" });
    let outcome = ask(&app, "RequestOtp", "requestOtp", stranger).await;
    assert_eq!(outcome, "RateLimited");

    app.advance(1);
    let input = json!({ "emailOrPhone": PHONE, "purpose": "LOGIN", "deviceToken": device });
    let outcome = ask(&app, "RequestOtp", "requestOtp", input).await;
    assert_eq!(outcome, "OtpSent");
    let code = app.code(PHONE, "login_code").await;
    strangers(&app, &wrong(&code)).await;
    let input = json!({
        "emailOrPhone": PHONE, "purpose": "LOGIN", "code": code, "deviceToken": device,
    });
    assert_eq!(ask(&app, "VerifyOtp", "verifyOtp", input).await, "SignedIn");

    app.advance(1);
    let input = json!({ "emailOrPhone": PHONE, "deviceToken": device });
    let outcome = ask(&app, "RequestPasswordReset", "requestPasswordReset", input).await;
    assert_eq!(outcome, "PasswordResetRequested");
    let code = app.code(PHONE, "password_reset").await;
    strangers(&app, &wrong(&code)).await;
    let input = json!({ "emailOrPhone": PHONE, "password": PASSWORD, "deviceToken": device });
    assert_eq!(ask(&app, "Login", "login", input).await, "SignedIn");
    let input = json!({
        "emailOrPhone": PHONE, "code": code, "newPassword": NEW, "deviceToken": device,
    });
    let outcome = ask(&app, "ConfirmPasswordReset", "confirmPasswordReset", input).await;
    assert_eq!(outcome, "PasswordChanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_have_limits_too() {
    let app = under_attack().await;
    let device = phone_only(&app).await;
    app.advance(3600);
    let (mut sent, mut typed) = (0, 0);
    for _ in 0..30 {
        let input = json!({ "emailOrPhone": PHONE, "purpose": "LOGIN", "deviceToken": device });
        let outcome = ask(&app, "RequestOtp", "requestOtp", input).await;
        sent += usize::from(outcome == "OtpSent");
        let input = json!({
            "emailOrPhone": PHONE, "purpose": "LOGIN", "code": "000000", "deviceToken": device,
        });
        let outcome = ask(&app, "VerifyOtp", "verifyOtp", input).await;
        typed += usize::from(outcome == "CodeInvalid");
        app.advance(1);
    }
    assert_eq!((sent, typed), (1, 20), "one for each cooldown");
}

/// Requests by which strangers may invalidate or delay a code, by the message that carries it.
const REQUESTS: [(&str, &str); 3] = [
    ("LOGIN", "login_code"),
    ("RESET_PASSWORD", "password_reset"),
    ("VERIFY_PHONE", "verify_phone"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_code_in_hand_survives_whatever_strangers_ask_for() {
    for (purpose, kind) in REQUESTS {
        let app = TestApp::spawn().await;
        phone_only(&app).await;
        app.advance(1000);
        if purpose == "VERIFY_PHONE" {
            app.execute("UPDATE users SET phone_verified = FALSE").await;
        }
        let client = app.anonymous();
        let asked = client.request_otp(PHONE, purpose).await;
        assert_eq!(asked.typename("requestOtp"), "OtpSent");
        let code = app.code(PHONE, kind).await;
        for _ in 0..4 {
            app.advance(60);
            let input = json!({ "phone": PHONE, "password": NEW, "firstName": "Eve" });
            client.run("Register", json!({ "input": input })).await;
            client.request_otp(PHONE, purpose).await;
            let input = json!({ "emailOrPhone": PHONE });
            client
                .run("RequestPasswordReset", json!({ "input": input }))
                .await;
            client.verify_otp(PHONE, purpose, &wrong(&code)).await;
        }
        app.advance(59);
        let answer = client.verify_otp(PHONE, purpose, &code).await;
        let opened = match purpose {
            "RESET_PASSWORD" => "PasswordResetAllowed",
            _ => "SignedIn",
        };
        assert_eq!(answer.typename("verifyOtp"), opened, "{purpose}");
        // Other pending codes and links were revoked with it.
        let later = app.code(PHONE, kind).await;
        let answer = client.verify_otp(PHONE, purpose, &later).await;
        assert_eq!(answer.typename("verifyOtp"), "CodeInvalid", "{purpose}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_are_five_for_each_code_at_every_entry_together() {
    for device_asks in [false, true] {
        let app = TestApp::spawn().await;
        let device = phone_only(&app).await;
        app.advance(1000);
        let token = device_asks.then_some(&device);
        let input = json!({
            "emailOrPhone": PHONE, "purpose": "RESET_PASSWORD", "deviceToken": token,
        });
        ask(&app, "RequestOtp", "requestOtp", input).await;
        let code = app.code(PHONE, "password_reset").await;
        let bad = wrong(&code);
        for token in [None, Some(&device), None, Some(&device), None, None] {
            let input = json!({
                "emailOrPhone": PHONE, "purpose": "RESET_PASSWORD", "code": bad,
                "deviceToken": token,
            });
            ask(&app, "VerifyOtp", "verifyOtp", input).await;
            let input = json!({
                "emailOrPhone": PHONE, "code": bad, "newPassword": NEW, "deviceToken": token,
            });
            ask(&app, "ConfirmPasswordReset", "confirmPasswordReset", input).await;
        }
        for token in [None, Some(&device)] {
            let input = json!({
                "emailOrPhone": PHONE, "code": code, "newPassword": NEW, "deviceToken": token,
            });
            let outcome = ask(&app, "ConfirmPasswordReset", "confirmPasswordReset", input).await;
            assert_eq!(outcome, "CodeInvalid");
        }
    }
}

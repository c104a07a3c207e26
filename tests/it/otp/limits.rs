//! Guessing, racing and confusing codes.

use futures_util::future::join_all;
use serde_json::json;

use super::{ADA, confirmed};
use crate::harness::{PASSWORD, TestApp, wrong};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_request_has_to_wait_and_sends_the_same_code_before_another_one() {
    let app = TestApp::spawn().await;
    confirmed(&app).await;
    let client = app.anonymous();
    client.request_otp(ADA, "LOGIN").await;
    let first = app.code(ADA, "login_code").await;
    app.advance(18);
    let early = client.request_otp(ADA, "LOGIN").await;
    assert_eq!(early.typename("requestOtp"), "RateLimited");
    assert_eq!(early.root("requestOtp")["retryAfter"], 42);
    assert_eq!(app.messages(ADA, "login_code").await, 1);
    app.advance(42);
    let later = client.request_otp(ADA, "LOGIN").await;
    assert_eq!(later.typename("requestOtp"), "OtpSent");
    assert_eq!(later.root("requestOtp")["expiresIn"], 240);
    assert_eq!(app.messages(ADA, "login_code").await, 2);
    assert_eq!(app.code(ADA, "login_code").await, first);
    app.advance(90);
    let other = client.request_otp(ADA, "LOGIN").await;
    assert_eq!(other.root("requestOtp")["expiresIn"], 300);
    let second = app.code(ADA, "login_code").await;
    assert_ne!(first, second);
    let answer = client.verify_otp(ADA, "LOGIN", &first).await;
    assert_eq!(answer.typename("verifyOtp"), "SignedIn");
    let answer = client.verify_otp(ADA, "LOGIN", &second).await;
    assert_eq!(answer.typename("verifyOtp"), "CodeInvalid", "one is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_right_codes_at_once_make_one_session() {
    let app = TestApp::spawn().await;
    confirmed(&app).await;
    let client = app.anonymous();
    client.request_otp(ADA, "LOGIN").await;
    let code = app.code(ADA, "login_code").await;
    let before = app.number("SELECT COUNT(*) FROM sessions").await;
    let attempts = (0..200).map(|_| client.verify_otp(ADA, "LOGIN", &code));
    let answers = join_all(attempts).await;
    let count = |kind: &str| {
        let of_kind = answers
            .iter()
            .filter(|answer| answer.typename("verifyOtp") == kind);
        of_kind.count()
    };
    assert_eq!((count("SignedIn"), count("CodeInvalid")), (1, 199));
    assert_eq!(
        app.number("SELECT COUNT(*) FROM sessions").await,
        before + 1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_wrong_codes_at_once_end_it() {
    let app = TestApp::spawn().await;
    confirmed(&app).await;
    let client = app.anonymous();
    client.request_otp(ADA, "LOGIN").await;
    let code = app.code(ADA, "login_code").await;
    let guess = wrong(&code);
    let attempts = (0..200).map(|_| client.verify_otp(ADA, "LOGIN", &guess));
    for answer in join_all(attempts).await {
        assert_eq!(answer.typename("verifyOtp"), "CodeInvalid");
    }
    let answer = client.verify_otp(ADA, "LOGIN", &code).await;
    assert_eq!(answer.typename("verifyOtp"), "CodeInvalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_one_code_after_another_ends_in_a_limit() {
    let app = TestApp::with(&[
        ("IDGATE_THROTTLE__SCALE", "1"),
        ("IDGATE_THROTTLE__MESSAGE_IDENTIFIER", "1000/60"),
        ("IDGATE_THROTTLE__MESSAGE_ADDRESS", "1000/60"),
        ("IDGATE_THROTTLE__CODE_ADDRESS", "1000/60"),
    ])
    .await;
    confirmed(&app).await;
    let client = app.anonymous();
    let mut guesses = 0;
    for _ in 0..10 {
        client.request_otp(ADA, "LOGIN").await;
        for spelling in ["ada@example.com", "ADA@Example.com.", "ada@example.com"] {
            let answer = client.verify_otp(spelling, "LOGIN", "000000").await;
            guesses += usize::from(answer.typename("verifyOtp") == "CodeInvalid");
        }
        app.advance(61);
    }
    assert!(
        (20..25).contains(&guesses),
        "{guesses} guesses in ten minutes"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_password_ends_codes_on_their_way() {
    let app = TestApp::spawn().await;
    let ada = confirmed(&app).await;
    let client = app.anonymous();
    client.request_otp(ADA, "LOGIN").await;
    client.request_otp(ADA, "RESET_PASSWORD").await;
    let login = app.code(ADA, "login_code").await;
    let reset = app.code(ADA, "password_reset").await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": "another long passphrase" });
    let answer = ada.run("ChangePassword", json!({ "input": input })).await;
    assert_eq!(answer.typename("changePassword"), "PasswordChanged");
    for (purpose, code) in [("LOGIN", login), ("RESET_PASSWORD", reset)] {
        let answer = client.verify_otp(ADA, purpose, &code).await;
        assert_eq!(answer.typename("verifyOtp"), "CodeInvalid", "{purpose}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_shared_store_there_are_no_codes_and_passwords_go_on() {
    let app = TestApp::with(&[("IDGATE_REDIS__URL", "redis://127.0.0.1:1")]).await;
    confirmed(&app).await;
    let client = app.anonymous();
    let asked = client.request_otp(ADA, "LOGIN").await;
    assert_eq!(asked.code(), "SERVICE_UNAVAILABLE", "{}", asked.text);
    let typed = client.verify_otp(ADA, "LOGIN", "123456").await;
    assert_eq!(typed.code(), "SERVICE_UNAVAILABLE", "{}", typed.text);
    app.login(ADA).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_survives_a_change_of_the_master_key() {
    let app = TestApp::spawn().await;
    confirmed(&app).await;
    let client = app.anonymous();
    client.request_otp(ADA, "LOGIN").await;
    let code = app.code(ADA, "login_code").await;
    let Some(rotated) = app.with_another_master_key().await else {
        return; // The embedded backend has one process, whose codes end with it.
    };
    let answer = client.at(&rotated).verify_otp(ADA, "LOGIN", &code).await;
    assert_eq!(answer.typename("verifyOtp"), "SignedIn");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_the_stores_shows_no_code() {
    let app = TestApp::spawn().await;
    confirmed(&app).await;
    app.anonymous().request_otp(ADA, "LOGIN").await;
    let sealed = app.printed("outbox_messages").await.join("\n");
    let kept = app.shared_store_dump().await;
    let code = app.code(ADA, "login_code").await;
    for dump in [sealed, kept] {
        let bytes = hex::encode(code.as_bytes());
        assert!(!dump.contains(&code) && !dump.contains(&bytes), "{dump}");
        assert!(!dump.contains(ADA), "{dump}");
    }
    let delivered = app.printed("outbox_messages").await.join("\n");
    let bodies = "SELECT COUNT(*) FROM outbox_messages WHERE sealed_body IS NOT NULL";
    assert_eq!(app.number(bodies).await, 0, "{delivered}");
}

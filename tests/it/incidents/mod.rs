//! Published vulnerabilities of similar systems, named after their advisories.
//!
//! Each test would have caught one of them; the capabilities' tests have the details.

mod access;
mod answers;
mod attacks;
mod budgets;
mod closing;
mod cost;
mod devices;
mod engine;
mod federation;
mod google;
mod granted;
mod guessing;
mod hostile;
mod owner;
mod probes;
mod proofs;
mod proxies;
mod public;
mod records;
mod recovery;
pub(crate) mod sdl;
mod secrets;
mod staff;
mod strength;
mod texts;
mod thief;

use serde_json::json;

use crate::account::REQUIRED;
use crate::harness::{PASSWORD, SignedIn, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn zitadel_cve_2023_49097_no_header_chooses_where_a_link_leads() {
    let app = TestApp::with(&[
        REQUIRED,
        ("IDGATE_SERVER__PUBLIC_URL", "https://id.example.com"),
        ("IDGATE_SERVER__TRUSTED_PROXIES", "127.0.0.1/32"),
    ])
    .await;
    let poisoned = app
        .anonymous()
        .with("host", "evil.test")
        .with("x-forwarded-host", "evil.test")
        .with("x-forwarded-proto", "http")
        .with("x-original-url", "https://evil.test/")
        .with("x-authorizer-url", "https://evil.test")
        .with("forwarded", "for=127.0.0.1;host=evil.test;proto=http");
    let answer = poisoned.register("ada@example.com").await;
    assert_eq!(answer.typename("register"), "Registered");
    let mail = app.mail().await;
    assert!(
        mail[0]["text"]
            .as_str()
            .unwrap()
            .contains("https://id.example.com/verify_email?token=")
    );
    assert!(!mail[0].to_string().contains("evil.test"), "{}", mail[0]);

    let token = app.confirmation_token("ada@example.com").await;
    let input = json!({ "token": token, "password": PASSWORD });
    let answer = poisoned
        .with("idgate-delivery", "cookie")
        .run("VerifyEmail", json!({ "input": input }))
        .await;
    let ada = SignedIn::from_answer(&app, &answer, "verifyEmail");
    assert!(
        !answer
            .header("set-cookie")
            .to_lowercase()
            .contains("domain")
    );
    let issuer = claims(&ada.access_token)["iss"].clone();
    assert!(
        issuer
            .as_str()
            .unwrap()
            .starts_with("https://id.example.com"),
        "{issuer}"
    );
}

/// The claims of an access token, unverified.
fn claims(token: &str) -> serde_json::Value {
    let claims = jsonwebtoken::dangerous::insecure_decode::<serde_json::Value>(token);
    claims.expect("a token").claims
}

#[tokio::test(flavor = "multi_thread")]
async fn better_auth_ghsa_hc7v_rggr_4hvx_a_link_is_redeemed_once_however_many_try_at_once() {
    let app = TestApp::with(&[REQUIRED]).await;
    app.anonymous().register("ada@example.com").await;
    let token = app.confirmation_token("ada@example.com").await;
    let client = app.anonymous();
    let input = json!({ "token": token, "password": PASSWORD });
    let attempts = (0..20).map(|_| client.run("VerifyEmail", json!({ "input": input })));
    let answers = futures_util::future::join_all(attempts).await;
    let kinds = |kind: &str| {
        answers
            .iter()
            .filter(|answer| answer.typename("verifyEmail") == kind)
            .count()
    };
    assert_eq!((kinds("SignedIn"), kinds("TokenInvalid")), (1, 19));
    assert_eq!(app.number("SELECT COUNT(*) FROM sessions").await, 1);
}

/// Rows 14 and 15 compare whole responses and their work in `account/no_oracle.rs`; this is the
/// repetition that gave accounts away elsewhere: locks that exist for real accounts only.
#[tokio::test(flavor = "multi_thread")]
async fn zitadel_cve_2024_41952_six_failed_logins_look_the_same_with_and_without_an_account() {
    let app = TestApp::with(&[("IDGATE_THROTTLE__SCALE", "1")]).await;
    app.register("known@example.com").await;
    for attempt in 1..=12 {
        let known = app
            .anonymous()
            .login("known@example.com", "not the password")
            .await;
        let unknown = app
            .anonymous()
            .login("unknown@example.com", "not the password")
            .await;
        assert_eq!(
            (known.status, &known.text),
            (unknown.status, &unknown.text),
            "{attempt}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn django_allauth_0_54_the_dummy_hash_follows_the_live_parameters() {
    let app = TestApp::with(&[("IDGATE_HASHING__ITERATIONS", "2")]).await;
    let client = app.anonymous();
    let (_, work) = app
        .work_of(client.login("unknown@example.com", "not the password"))
        .await;
    assert_eq!(work.hashes, 1);
    // An account without a password costs the same hash, and so does one whose hash is outdated.
    app.register("ada@example.com").await;
    let (_, known) = app
        .work_of(client.login("ada@example.com", "not the password"))
        .await;
    app.execute("DELETE FROM passwords").await;
    let (_, without) = app
        .work_of(client.login("ada@example.com", "not the password"))
        .await;
    assert_eq!((known, without), (work, work));
}

#[tokio::test(flavor = "multi_thread")]
async fn django_cve_2019_19844_a_lookalike_address_is_another_account() {
    let app = TestApp::with(&[REQUIRED]).await;
    app.anonymous().register("mike@example.com").await;
    let before = app.mail().await.len();
    // The last one has the Kelvin sign, which is a plain K under NFKC.
    for lookalike in [
        "m\u{131}ke@example.com",
        "m\u{456}ke@example.com",
        "mi\u{212a}e@example.com",
    ] {
        let wanted = json!({ "input": { "email": lookalike } });
        app.anonymous()
            .run("RequestEmailVerification", wanted)
            .await;
    }
    let mail = app.mail().await;
    assert_eq!(mail.len(), before + 1);
    assert!(
        mail.iter()
            .all(|message| message["to"] == "mike@example.com"),
        "{mail:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn next_auth_ghsa_7rqj_j65f_68wh_a_foreign_at_sign_splits_no_address() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let same = app.login("ada＠example.com").await;
    assert_eq!(same.user_id, ada.user_id);
    for trick in [
        "ada@example.com＠evil.test",
        "eve@evil.test,ada@example.com",
        "a@b@example.com",
    ] {
        let input = json!({ "email": trick, "password": PASSWORD });
        let answer = app
            .anonymous()
            .run("Register", json!({ "input": input }))
            .await;
        assert_eq!(
            answer.violations("register"),
            ["email INVALID_EMAIL"],
            "{trick}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn better_auth_ghsa_392p_2q2v_4372_three_rotations_then_reuse() {
    let app = TestApp::spawn().await;
    let first = app.register("ada@example.com").await;
    let device = app.login("ada@example.com").await;
    let second = first.refreshed().await;
    app.advance(60);
    let third = second.refreshed().await;
    app.advance(60);
    let fourth = third.refreshed().await;
    assert!(fourth.is_signed_in().await);
    let answer = app.anonymous().refresh(&second.refresh_token).await;
    assert_eq!(answer.typename("refreshSession"), "TokenInvalid");
    assert!(!fourth.is_signed_in().await);
    assert!(device.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn matrix_authentication_service_4883_a_restart_between_two_rotations_loses_no_session() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let lost = ada.refreshed().await.refresh_token;
    let restarted = app.second_instance().await;
    let answer = restarted.anonymous().refresh(&ada.refresh_token).await;
    let found = SignedIn::from_answer(&restarted, &answer, "refreshSession");
    assert_eq!(found.refresh_token, lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn bcrypt_truncation_every_character_of_a_long_password_counts() {
    let app = TestApp::spawn().await;
    let long = format!("{}{}", "correct horse battery staple ".repeat(8), "end");
    let input = json!({ "email": "ada@example.com", "password": long });
    let answer = app
        .anonymous()
        .run("Register", json!({ "input": input }))
        .await;
    assert_eq!(answer.typename("register"), "SignedIn");
    let shortened = &long[..long.len() - 1];
    let answer = app.anonymous().login("ada@example.com", shortened).await;
    assert_eq!(answer.typename("login"), "InvalidCredentials");
    assert_eq!(
        app.anonymous()
            .login("ada@example.com", &long)
            .await
            .typename("login"),
        "SignedIn"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_a_megabyte_is_refused_before_it_is_hashed() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let huge = "x".repeat(1_000_000);
    let client = app.anonymous();
    let (answer, work) = app.work_of(client.login("ada@example.com", &huge)).await;
    assert_eq!(answer.typename("login"), "InputInvalid");
    assert_eq!((work.hashes, work.statements), (0, 0));
    let input = json!({ "email": "eve@example.com", "password": huge });
    let register = client.run("Register", json!({ "input": input }));
    let (answer, work) = app.work_of(register).await;
    assert_eq!(
        (answer.typename("register"), work.hashes),
        ("PasswordTooWeak", 0)
    );
    let step_up = ada.run("StepUp", json!({ "input": { "password": huge } }));
    let (answer, work) = app.work_of(step_up).await;
    assert_eq!(
        (answer.typename("stepUp"), work.hashes),
        ("InputInvalid", 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn more_logins_than_can_be_hashed_are_told_to_come_back() {
    let app = TestApp::with(&[
        ("IDGATE_HASHING__MEMORY_KIB", "16384"),
        ("IDGATE_HASHING__THREADS", "1"),
        ("IDGATE_HASHING__QUEUE", "2"),
    ])
    .await;
    let client = app.anonymous();
    let attempts = (0..100).map(|_| client.login("ada@example.com", "not the password"));
    let answers = futures_util::future::join_all(attempts).await;
    let (busy, served): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|answer| answer.code() == "SERVICE_UNAVAILABLE");
    assert!(
        !busy.is_empty() && !served.is_empty(),
        "{} and {}",
        busy.len(),
        served.len()
    );
    for answer in busy {
        answer.assert_refusal(503, "SERVICE_UNAVAILABLE");
        assert_eq!(answer.header("retry-after"), "1");
    }
    for answer in served {
        assert_eq!(answer.typename("login"), "InvalidCredentials");
    }
}

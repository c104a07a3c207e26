//! An account from its registration to its profile.

mod address;
mod confirmation;
pub(crate) mod no_oracle;
mod texts;

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{PASSWORD, SignedIn, TestApp};

pub(crate) const REQUIRED: (&str, &str) = ("IDGATE_REGISTRATION__CONFIRMATION", "required");

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_signs_in_where_no_confirmation_is_required() {
    let app = TestApp::spawn().await;
    let ada = app.register("Ada@Example.com").await;
    let answer = ada.run("Me", json!({})).await;
    let me = answer.root("me");
    assert_eq!(me["email"], "Ada@Example.com");
    assert_eq!(me["firstName"], "Ada");
    assert_eq!(me["role"], "CLIENT");
    assert_eq!(me["authProvider"], "EMAIL");
    assert_eq!(me["emailVerified"], false);
    assert_eq!(me["isVerified"], false);
    assert_eq!(me["pid"].as_str().unwrap().len(), 12);
    let again = app.anonymous().register("ada@example.COM").await;
    assert_eq!(again.typename("register"), "Conflict");
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_registrations_of_one_address_make_one_account() {
    let app = TestApp::spawn().await;
    let client = app.anonymous();
    let answers = join_all((0..200).map(|_| client.register("ada@example.com"))).await;
    let won: Vec<_> = answers
        .iter()
        .filter(|answer| answer.typename("register") == "SignedIn")
        .collect();
    let lost = answers
        .iter()
        .filter(|answer| answer.typename("register") == "Conflict")
        .count();
    assert_eq!((won.len(), lost), (1, 199));
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 1);
    assert_eq!(app.number("SELECT COUNT(*) FROM sessions").await, 1);
    assert!(
        SignedIn::from_answer(&app, won[0], "register")
            .is_signed_in()
            .await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_confirmation_is_required_all_two_hundred_are_answered_alike() {
    let app = TestApp::with(&[REQUIRED]).await;
    let client = app.anonymous();
    let answers = join_all((0..200).map(|_| client.register("ada@example.com"))).await;
    for answer in &answers {
        assert_eq!(answer.typename("register"), "Registered");
        assert_eq!(answer.text, answers[0].text);
    }
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 1);
    assert_eq!(app.number("SELECT COUNT(*) FROM passwords").await, 1);
    assert_eq!(app.number("SELECT COUNT(*) FROM sessions").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_number_registers_and_signs_in_however_it_is_written() {
    let app = TestApp::spawn().await;
    let input = json!({ "phone": "+1 650 253 0000", "password": PASSWORD });
    let answer = app
        .anonymous()
        .run("Register", json!({ "input": input }))
        .await;
    let ada = SignedIn::from_answer(&app, &answer, "register");
    let me = ada.run("Me", json!({})).await;
    assert_eq!(me.root("me")["phone"], "+16502530000");
    assert_eq!(me.root("me")["authProvider"], "PHONE");
    assert_eq!(app.login("+1 (650) 253-0000").await.user_id, ada.user_id);
    assert!(
        app.mail().await.is_empty(),
        "there is no address to write to"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_violations_name_path_and_rule() {
    let app = TestApp::spawn().await;
    let cases = [
        (
            json!({ "email": "nobody", "password": PASSWORD }),
            "email INVALID_EMAIL",
        ),
        (
            json!({ "phone": "12", "password": PASSWORD }),
            "phone INVALID_PHONE",
        ),
        (json!({ "password": PASSWORD }), "email EXACTLY_ONE"),
        (
            json!({ "email": "a@example.com", "phone": "+16502530000", "password": PASSWORD }),
            "email EXACTLY_ONE",
        ),
        (
            json!({ "email": "a@example.com", "password": PASSWORD, "firstName": "x".repeat(151) }),
            "firstName TOO_LONG",
        ),
        (
            json!({ "email": "a@example.com", "password": PASSWORD, "role": "ADMIN" }),
            "role NOT_ALLOWED",
        ),
    ];
    for (input, violation) in cases {
        let answer = app
            .anonymous()
            .run("Register", json!({ "input": input }))
            .await;
        assert_eq!(answer.typename("register"), "InputInvalid", "{input}");
        assert_eq!(answer.violations("register"), [violation], "{input}");
    }
    for (password, rule) in [("short", "TOO_SHORT"), ("password1", "TOO_WEAK")] {
        let input = json!({ "email": "a@example.com", "password": password });
        let answer = app
            .anonymous()
            .run("Register", json!({ "input": input }))
            .await;
        assert_eq!(answer.typename("register"), "PasswordTooWeak", "{password}");
        assert_eq!(answer.violations("register")[0], format!("password {rule}"));
    }
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_registration_makes_no_account() {
    let app = TestApp::with(&[("IDGATE_REGISTRATION__ENABLED", "false")]).await;
    let answer = app.anonymous().register("ada@example.com").await;
    assert_eq!(answer.code(), "FORBIDDEN", "{}", answer.text);
    let config = app.anonymous().run("AuthConfig", json!({})).await;
    assert_eq!(config.root("authConfig")["registrationEnabled"], false);
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_changes_where_it_is_told_to_and_nowhere_else() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let grace = app.register("grace@example.com").await;
    app.advance(60);
    let input = json!({ "city": "London", "bio": "Notes\non the engine", "locale": "en-GB" });
    let answer = ada.run("UpdateProfile", json!({ "input": input })).await;
    let user = &answer.root("updateProfile")["user"];
    assert_eq!(user["city"], "London");
    assert_eq!(user["firstName"], "Ada");
    assert_eq!(user["updatedAt"], "2026-03-01T12:01:00+00:00");
    let answer = grace.ask("{ me { city bio firstName } }", json!({})).await;
    assert_eq!(
        *answer.root("me"),
        json!({ "city": "", "bio": "", "firstName": "Ada" })
    );

    let input = json!({ "locale": "not a tag", "city": "x".repeat(101), "bio": "bell\u{7}" });
    let answer = ada.run("UpdateProfile", json!({ "input": input })).await;
    let mut violations = answer.violations("updateProfile");
    violations.sort();
    assert_eq!(
        violations,
        [
            "bio INVALID_FORMAT",
            "city TOO_LONG",
            "locale INVALID_FORMAT"
        ]
    );
    let anonymous = app
        .anonymous()
        .run("UpdateProfile", json!({ "input": {} }))
        .await;
    assert_eq!(anonymous.code(), "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_account_is_told_so_only_after_the_right_password() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    app.execute("UPDATE users SET suspended_at = created_at, suspended_reason = 'test'")
        .await;
    assert!(!ada.is_signed_in().await);
    let answer = app.anonymous().refresh(&ada.refresh_token).await;
    assert_eq!(answer.typename("refreshSession"), "TokenInvalid");
    let guess = app
        .anonymous()
        .login("ada@example.com", "not the password")
        .await;
    assert_eq!(guess.typename("login"), "InvalidCredentials");
    let answer = app.anonymous().login("ada@example.com", PASSWORD).await;
    assert_eq!(answer.typename("login"), "AccountSuspended");
}

//! The cost of rating a new password.
//!
//! Rating its strength costs milliseconds, and once cost a second: it is paid for after the budget
//! and after the right to set a password is proven, on threads that no request waits for otherwise.

use serde_json::json;

use crate::harness::{PASSWORD, SignedIn, TestApp};

const ADA: &str = "ada@example.com";

/// The input with the most dictionary matches.
fn lookalikes() -> String {
    "4@8({[<3691!|70$5+%2".repeat(5)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_rated_without_the_right_to_set_it() {
    let app = TestApp::spawn().await;
    let ada = app.register(ADA).await;
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    app.anonymous().request_otp(ADA, "RESET_PASSWORD").await;
    app.advance(901);
    let ada = ada.refreshed().await;
    let fresh = app.login(ADA).await;
    app.advance(1);
    let new = lookalikes();
    let link = json!({ "token": "idl_unknown", "newPassword": new });
    let code = json!({ "emailOrPhone": ADA, "code": "000000", "newPassword": new });
    let unknown =
        json!({ "emailOrPhone": "eve@example.com", "code": "000000", "newPassword": new });
    let wrong = json!({ "currentPassword": "not the password", "newPassword": new });
    let stale = json!({ "newPassword": new });
    let attempts = [
        (&ada, "ConfirmPasswordReset", link, "TokenInvalid"),
        (&ada, "ConfirmPasswordReset", code, "CodeInvalid"),
        (&ada, "ConfirmPasswordReset", unknown, "CodeInvalid"),
        (&ada, "ChangePassword", wrong, "InvalidCredentials"),
        (&ada, "ChangePassword", stale.clone(), "StepUpRequired"),
        (&ada, "SetPassword", stale.clone(), "StepUpRequired"),
        (&fresh, "SetPassword", stale, "Conflict"),
    ];
    for (client, document, input, expected) in attempts {
        let attempt = client.run(document, json!({ "input": input }));
        let (answer, work) = app.work_of(attempt).await;
        let field = format!("{}{}", document[..1].to_lowercase(), &document[1..]);
        assert_eq!(answer.typename(&field), expected, "{document} {input}");
        assert_eq!(work.ratings, 0, "{document} {input}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_rated_beyond_the_budget() {
    let app = TestApp::with(&[("IDGATE_THROTTLE__SCALE", "1")]).await;
    let input = json!({ "email": ADA, "password": "a".repeat(100) });
    let client = app.anonymous();
    let mut ratings = Vec::new();
    loop {
        let register = client.run("Register", json!({ "input": input }));
        let (answer, work) = app.work_of(register).await;
        ratings.push(work.ratings);
        if answer.typename("register") == "RateLimited" {
            break;
        }
        assert_eq!(answer.typename("register"), "PasswordTooWeak");
        assert!(ratings.len() < 100, "nothing ends it");
    }
    assert_eq!(ratings.pop(), Some(0), "the refused one");
    assert!(!ratings.is_empty());
    assert!(ratings.iter().all(|count| *count == 1), "{ratings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_of_invalid_length_are_refused_without_rating_them() {
    let app = TestApp::spawn().await;
    let ada = app.register(ADA).await;
    for new in ["short".to_owned(), "x".repeat(257)] {
        let link = json!({ "token": "idl_unknown", "newPassword": new });
        let change = json!({ "currentPassword": PASSWORD, "newPassword": new });
        let set = json!({ "newPassword": new });
        for (document, input) in [
            ("ConfirmPasswordReset", link),
            ("ChangePassword", change),
            ("SetPassword", set),
        ] {
            let attempt = ada.run(document, json!({ "input": input }));
            let (answer, work) = app.work_of(attempt).await;
            let field = format!("{}{}", document[..1].to_lowercase(), &document[1..]);
            assert_eq!(answer.typename(&field), "PasswordTooWeak", "{document}");
            assert_eq!((work.ratings, work.hashes), (0, 0), "{document}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_set_was_rated_once_and_its_owner_is_known_to_the_rating() {
    let app = TestApp::spawn().await;
    let input = json!({ "email": ADA, "password": lookalikes(), "firstName": "Ada" });
    let stranger = app.anonymous();
    let register = stranger.run("Register", json!({ "input": input }));
    let (answer, work) = app.work_of(register).await;
    assert_eq!(answer.typename("register"), "SignedIn");
    assert_eq!((work.ratings, work.hashes), (1, 1));

    let ada = SignedIn::from_answer(&app, &answer, "register");
    let about = json!({ "newPassword": "ada@example.com" });
    let weak = ada.run("ChangePassword", json!({ "input": about }));
    let (answer, work) = app.work_of(weak).await;
    assert_eq!(answer.typename("changePassword"), "PasswordTooWeak");
    assert_eq!((work.ratings, work.hashes), (1, 0));
    let strong = ada.run(
        "ChangePassword",
        json!({ "input": { "newPassword": PASSWORD } }),
    );
    let (answer, work) = app.work_of(strong).await;
    assert_eq!(answer.typename("changePassword"), "PasswordChanged");
    assert_eq!((work.ratings, work.hashes), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn ratings_stand_in_the_bounded_queue_of_the_hashes() {
    let app = TestApp::with(&[
        ("IDGATE_HASHING__MEMORY_KIB", "16384"),
        ("IDGATE_HASHING__THREADS", "1"),
        ("IDGATE_HASHING__QUEUE", "2"),
    ])
    .await;
    let client = app.anonymous();
    let attempts = (0..100).map(|number| {
        let email = format!("ada{number}@example.com");
        let input = json!({ "email": email, "password": lookalikes() });
        client.run("Register", json!({ "input": input }))
    });
    let answers = futures_util::future::join_all(attempts).await;
    let (busy, served): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|answer| answer.code() == "SERVICE_UNAVAILABLE");
    assert!(!busy.is_empty(), "all {} had room", served.len());
    assert!(
        app.app.hasher.rated() < 100,
        "a refused request was rated all the same"
    );
    for answer in busy {
        answer.assert_refusal(503, "SERVICE_UNAVAILABLE");
    }
    for answer in served {
        assert_eq!(answer.typename("register"), "SignedIn");
    }
}

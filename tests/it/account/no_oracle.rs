//! No account enumeration: responses with equal bytes and equal work.

use serde_json::json;

use super::REQUIRED;
use crate::harness::{Answer, PASSWORD, TestApp, Work};

/// What an attacker who compares two answers can see.
pub(crate) fn visible(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (answer.status, headers, answer.text.clone())
}

pub(crate) fn assert_indistinguishable(known: &(Answer, Work), unknown: &(Answer, Work)) {
    assert_eq!(visible(&known.0), visible(&unknown.0));
    assert_eq!(known.1.as_timed(), unknown.1.as_timed());
}

/// One account whose address is confirmed and one whose address is not.
async fn app_with_accounts() -> TestApp {
    let app = TestApp::with(&[REQUIRED]).await;
    app.anonymous().register("pending@example.com").await;
    app.anonymous().register("known@example.com").await;
    let token = app.confirmation_token("known@example.com").await;
    let variables = json!({ "input": { "token": token, "password": PASSWORD } });
    let answer = app.anonymous().run("VerifyEmail", variables).await;
    assert_eq!(answer.typename("verifyEmail"), "SignedIn");
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_does_not_tell_whether_the_address_is_taken() {
    let app = app_with_accounts().await;
    let client = app.anonymous();
    let unknown = app.work_of(client.register("unknown@example.com")).await;
    assert_eq!(unknown.0.typename("register"), "Registered");
    assert_eq!(
        (unknown.1.hashes, unknown.1.messages, unknown.1.events),
        (1, 1, 1)
    );
    assert_indistinguishable(
        &app.work_of(client.register("known@example.com")).await,
        &unknown,
    );
    assert_indistinguishable(
        &app.work_of(client.register("pending@example.com")).await,
        &unknown,
    );

    let mail = app.mail().await;
    let got = |to: &str, kind: &str| {
        mail.iter()
            .any(|message| message["to"] == to && message["kind"] == kind)
    };
    assert!(got("known@example.com", "already_registered"), "{mail:?}");
    assert!(got("pending@example.com", "verify_email"), "{mail:?}");
    assert!(got("unknown@example.com", "verify_email"), "{mail:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_registration_changes_nothing_of_the_first() {
    let app = app_with_accounts().await;
    let input = json!({
        "email": "known@example.com", "password": "another good password", "firstName": "Eve",
    });
    app.anonymous()
        .run("Register", json!({ "input": input }))
        .await;
    let known = app.login("known@example.com").await;
    let me = known.run("Me", json!({})).await;
    assert_eq!(me.root("me")["firstName"], "Ada");
    let answer = app
        .anonymous()
        .login("known@example.com", "another good password")
        .await;
    assert_eq!(answer.typename("login"), "InvalidCredentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_login_does_not_tell_whether_there_is_an_account() {
    let app = app_with_accounts().await;
    let client = app.anonymous();
    let wrong = "not the password";
    let known = app.work_of(client.login("known@example.com", wrong)).await;
    assert_eq!(known.0.typename("login"), "InvalidCredentials");
    assert_eq!(
        (known.1.hashes, known.1.messages, known.1.events),
        (1, 0, 1)
    );
    for identifier in [
        "unknown@example.com",
        "pending@example.com",
        "+16502530000",
        "no address",
    ] {
        assert_indistinguishable(&app.work_of(client.login(identifier, wrong)).await, &known);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_a_link_does_not_tell_who_needs_one() {
    let app = app_with_accounts().await;
    let client = app.anonymous();
    let request = |email: &str| {
        client.run(
            "RequestEmailVerification",
            json!({ "input": { "email": email } }),
        )
    };
    let unknown = app.work_of(request("unknown@example.com")).await;
    assert_eq!(
        unknown.0.typename("requestEmailVerification"),
        "EmailVerificationRequested"
    );
    assert_indistinguishable(&app.work_of(request("known@example.com")).await, &unknown);
    assert_indistinguishable(&app.work_of(request("pending@example.com")).await, &unknown);
    let mail = app.mail().await;
    assert!(
        mail.iter()
            .all(|message| message["to"] != "unknown@example.com")
    );
}

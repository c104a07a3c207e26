//! Resetting and changing passwords.

use serde_json::json;

use super::{Client, assert_refused};
use crate::account::no_oracle::assert_indistinguishable;
use crate::harness::{PASSWORD, TestApp};

const NEW: &str = "seven brave otters juggling";

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_by_its_owner_and_other_sessions_end() {
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    let other = Client::signed_in(&app, &client.register("ada@example.com").await);
    let ada = Client::signed_in(&app, &client.login("ada@example.com", PASSWORD).await);
    let change = |current: &str, new: &str| {
        ada.post(
            "password/change",
            json!({ "old_password": current, "new_password": new }),
        )
    };
    // A signed-in client must not take it for an expired token, so this is no 401.
    let wrong = change("not the password", NEW).await;
    assert_refused(&wrong, 400, "INVALID_CREDENTIALS");
    assert!(
        wrong.json["error"]["current_password"][0].is_string(),
        "{}",
        wrong.text
    );
    assert_refused(
        &change(PASSWORD, "password1").await,
        400,
        "PASSWORD_TOO_WEAK",
    );
    let changed = change(PASSWORD, NEW).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(
        (
            ada.get("profile").await.status,
            other.get("profile").await.status
        ),
        (200, 401)
    );
    assert_refused(
        &client.login("ada@example.com", PASSWORD).await,
        401,
        "INVALID_CREDENTIALS",
    );
    assert_eq!(client.login("ada@example.com", NEW).await.status, 200);
    // Without the old password the sign-in has to be recent.
    app.advance(7200);
    let ada = Client::signed_in(&app, &client.login("ada@example.com", NEW).await);
    let body = json!({ "new_password": PASSWORD });
    assert_eq!(ada.post("password/change", body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_old_password_an_old_sign_in_is_not_enough() {
    let app = TestApp::with(&[("IDGATE_TOKENS__ACCESS_SECONDS", "3600")]).await;
    let ada = Client::signed_in(&app, &Client::of(&app).register("ada@example.com").await);
    app.advance(3000);
    let refused = ada
        .post("password/change", json!({ "new_password": NEW }))
        .await;
    assert_refused(&refused, 403, "STEP_UP_REQUIRED");
}

/// The path of the old system, the fields that its links had, and a token that is used once.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_reset_by_a_link() {
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    let registered = client.register("ada@example.com").await;
    let asked = client
        .post(
            "password/reset/",
            json!({ "email_or_phone": "ada@example.com" }),
        )
        .await;
    assert_eq!((asked.status, &asked.json["data"]), (200, &json!(null)));
    let token = app.token("ada@example.com", "password_reset").await;
    let body = json!({ "uidb64": "MQ", "token": token, "new_password": NEW });
    let weak = json!({ "token": token, "new_password": "password1" });
    assert_refused(
        &client.post("password/confirm", weak).await,
        400,
        "PASSWORD_TOO_WEAK",
    );
    let done = client.post("password/reset/confirm/", body.clone()).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_refused(
        &client.post("password/confirm", body).await,
        400,
        "TOKEN_INVALID",
    );
    assert_eq!(client.login("ada@example.com", NEW).await.status, 200);
    assert_eq!(
        Client::signed_in(&app, &registered)
            .get("profile")
            .await
            .status,
        401
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_reset_by_a_code_in_one_step_or_two() {
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    client.register("ada@example.com").await;
    let to = "ada@example.com";
    let ask = json!({ "email_or_phone": to, "purpose": "reset" });
    assert_eq!(client.post("otp/request", ask.clone()).await.status, 200);
    let code = app.code(to, "password_reset").await;
    let verify = json!({ "email_or_phone": to, "purpose": "reset", "otp": code });
    let verified = client.post("otp/verify", verify).await;
    let token = &verified.json["data"]["token"];
    assert!(token.is_string(), "{}", verified.text);
    let body = json!({ "token": token, "new_password": NEW });
    assert_eq!(client.post("password/confirm", body).await.status, 200);

    app.advance(3600);
    assert_eq!(client.post("otp/request", ask).await.status, 200);
    let code = app.code(to, "password_reset").await;
    let wrong = crate::harness::wrong(&code);
    let body = |otp: &str| json!({ "email_or_phone": to, "otp": otp, "new_password": PASSWORD });
    assert_refused(
        &client.post("password/confirm", body(&wrong)).await,
        400,
        "CODE_INVALID",
    );
    assert_eq!(
        client.post("password/confirm", body(&code)).await.status,
        200
    );
    assert_eq!(client.login(to, PASSWORD).await.status, 200);
    let both = json!({ "token": "x", "otp": "123456", "email_or_phone": to, "new_password": NEW });
    let both = client.post("password/confirm", both).await;
    assert_refused(&both, 400, "INPUT_INVALID");
    assert!(both.json["error"]["token"][0].is_string(), "{}", both.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_does_not_tell_whether_there_is_an_account() {
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    client.register("known@example.com").await;
    app.execute("UPDATE users SET email_verified = TRUE").await;
    let ask = |to: &str| client.post("password/reset", json!({ "email_or_phone": to }));
    let unknown = app.work_of(ask("unknown@example.com")).await;
    let known = app.work_of(ask("known@example.com")).await;
    assert_indistinguishable(&known, &unknown);
    let mail = app.mail().await;
    assert!(
        mail.iter()
            .all(|message| message["to"] != "unknown@example.com"),
        "{mail:?}"
    );
}

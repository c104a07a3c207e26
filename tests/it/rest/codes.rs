//! One-time codes.

use serde_json::json;

use super::{Client, assert_refused};
use crate::account::no_oracle::assert_indistinguishable;
use crate::harness::{TestApp, wrong};

#[tokio::test(flavor = "multi_thread")]
async fn a_code_signs_in_once() {
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    client.register("ada@example.com").await;
    let to = "ada@example.com";
    // The purpose of the old system when none is sent.
    let sent = client
        .post("otp/request", json!({ "email_or_phone": to }))
        .await;
    assert_eq!(sent.status, 200, "{}", sent.text);
    assert!(sent.json["data"]["expires_in"].as_i64().unwrap() > 0);
    let code = app.code(to, "login_code").await;
    let verify = |otp: &str| client.post("otp/verify", json!({ "email_or_phone": to, "otp": otp }));
    assert_refused(&verify(&wrong(&code)).await, 400, "CODE_INVALID");
    let signed_in = verify(&code).await;
    let ada = Client::signed_in(&app, &signed_in);
    assert_eq!(
        ada.get("profile").await.json["data"]["email_verified"],
        true
    );
    assert_refused(&verify(&code).await, 400, "CODE_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_verified_in_a_session() {
    let app = TestApp::spawn().await;
    let ada = Client::signed_in(&app, &Client::of(&app).register("ada@example.com").await);
    let ask = json!({ "email_or_phone": "ada@example.com", "purpose": "verify_email" });
    assert_eq!(ada.post("otp/request", ask).await.status, 200);
    let code = app.code("ada@example.com", "verify_email").await;
    let body =
        json!({ "email_or_phone": "ada@example.com", "purpose": "verify_email", "code": code });
    let verified = ada.post("otp/verify", body).await;
    assert_eq!(
        verified.json["data"]["user"]["email_verified"], true,
        "{}",
        verified.text
    );
    assert!(verified.json["data"]["access"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_proves_again_who_is_signed_in() {
    let app = TestApp::with(&[("IDGATE_TOKENS__ACCESS_SECONDS", "3600")]).await;
    let ada = Client::signed_in(&app, &Client::of(&app).register("ada@example.com").await);
    app.execute("UPDATE users SET email_verified = TRUE").await;
    app.advance(3000);
    let ask = json!({ "email_or_phone": "ada@example.com", "purpose": "step_up" });
    let stranger = Client::of(&app).post("otp/request", ask.clone()).await;
    assert_refused(&stranger, 401, "UNAUTHENTICATED");
    assert_eq!(ada.post("otp/request", ask).await.status, 200);
    let code = app.code("ada@example.com", "step_up_code").await;
    let body = json!({ "email_or_phone": "ada@example.com", "purpose": "step_up", "otp": code });
    let stepped_up = ada.post("otp/verify", body).await;
    let fresh = Client::signed_in(&app, &stepped_up);
    let change = json!({ "new_password": "seven brave otters juggling" });
    assert_eq!(fresh.post("password/change", change).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_a_code_does_not_tell_whether_there_is_an_account() {
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    client.register("known@example.com").await;
    app.execute("UPDATE users SET email_verified = TRUE").await;
    let ask = |to: &str| client.post("otp/request", json!({ "email_or_phone": to }));
    let unknown = app.work_of(ask("unknown@example.com")).await;
    let known = app.work_of(ask("known@example.com")).await;
    assert_indistinguishable(&known, &unknown);
    let verify = |to: &str| {
        client.post(
            "otp/verify",
            json!({ "email_or_phone": to, "otp": "000000" }),
        )
    };
    let (unknown, known) = (
        verify("unknown@example.com").await,
        verify("known@example.com").await,
    );
    assert_refused(&unknown, 400, "CODE_INVALID");
    assert_eq!(unknown.json["error"], known.json["error"]);
    let purpose = json!({ "email_or_phone": "known@example.com", "purpose": "change_email" });
    let refused = client.post("otp/request", purpose).await;
    assert_refused(&refused, 400, "INPUT_INVALID");
    assert!(
        refused.json["error"]["purpose"][0].is_string(),
        "{}",
        refused.text
    );
}

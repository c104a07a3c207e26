//! Sign-in with Google.

use serde_json::json;

use super::{Client, assert_refused};
use crate::harness::{Google, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_signs_in_once() {
    let google = Google::spawn().await;
    let client = Client::of(&google.app);
    let token = google.token(&json!({}));
    let signed_in = client.post("google", json!({ "id_token": token })).await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.text);
    let user = &signed_in.json["data"]["user"];
    assert_eq!(
        (&user["email"], &user["auth_provider"]),
        (&json!("ada@gmail.com"), &json!("google"))
    );
    let ada = Client::signed_in(&google.app, &signed_in);
    assert_eq!(ada.get("profile").await.status, 200);
    let again = client.post("google", json!({ "id_token": token })).await;
    assert_refused(&again, 400, "GOOGLE_TOKEN_INVALID");
    let junk = client.post("google", json!({ "id_token": "junk" })).await;
    assert_refused(&junk, 400, "GOOGLE_TOKEN_INVALID");
    let nonce = client
        .post("google", json!({ "id_token": "junk", "nonce": "" }))
        .await;
    assert_refused(&nonce, 400, "INPUT_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_google_no_token_is_accepted() {
    let app = TestApp::spawn().await;
    let refused = Client::of(&app)
        .post("google", json!({ "id_token": "junk" }))
        .await;
    assert_refused(&refused, 400, "GOOGLE_TOKEN_INVALID");
}

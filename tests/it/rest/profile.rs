//! Reading and editing one's own profile.

use reqwest::Method;
use serde_json::json;

use super::{Client, assert_refused};
use crate::harness::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn the_profile_is_read_and_changed_by_its_owner() {
    let app = TestApp::spawn().await;
    let ada = Client::signed_in(&app, &Client::of(&app).register("ada@example.com").await);
    let change = json!({ "first_name": "Augusta", "city": "London", "locale": "en-GB" });
    let changed = ada.send(Method::PATCH, "profile", &change).await;
    assert_eq!(
        (changed.status, &changed.json["data"]["first_name"]),
        (200, &json!("Augusta"))
    );
    // What is omitted stays, by PUT too; `null` removes the language.
    let changed = ada
        .send(
            Method::PUT,
            "profile",
            &json!({ "bio": "Notes", "locale": null }),
        )
        .await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let read = ada.get("profile").await;
    let user = &read.json["data"];
    for (field, value) in [
        ("first_name", json!("Augusta")),
        ("last_name", json!("Lovelace")),
        ("city", json!("London")),
        ("bio", json!("Notes")),
        ("locale", json!(null)),
        ("created_at", json!("2026-03-01T12:00:00Z")),
    ] {
        assert_eq!(user[field], value, "{field}");
    }
    assert_eq!(changed.json["data"], *user);
    let graph = app
        .login("ada@example.com")
        .await
        .run("Me", json!({}))
        .await;
    assert_eq!(graph.root("me")["firstName"], "Augusta");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_is_wrong_is_named() {
    let app = TestApp::spawn().await;
    let ada = Client::signed_in(&app, &Client::of(&app).register("ada@example.com").await);
    let change =
        json!({ "first_name": "a\u{7}b", "locale": "no language", "city": "c".repeat(101) });
    let refused = ada.send(Method::PATCH, "profile", &change).await;
    assert_refused(&refused, 400, "INPUT_INVALID");
    let fields: Vec<_> = refused.json["error"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["city", "first_name", "locale"], "{}", refused.text);
    let typed = ada
        .send(
            Method::PATCH,
            "profile",
            &json!({ "bio": 1, "city": ["x"] }),
        )
        .await;
    let fields: Vec<_> = typed.json["error"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["bio", "city"], "{}", typed.text);
    let rules: Vec<_> = typed.json["violations"]
        .as_array()
        .unwrap()
        .iter()
        .collect();
    assert!(
        rules.iter().all(|rule| rule["rule"] == "INVALID_FORMAT"),
        "{}",
        typed.text
    );
}

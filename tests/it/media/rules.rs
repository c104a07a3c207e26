//! What may be announced, how often, and who sees an avatar.

use serde_json::json;

use super::{ask, begin, png, upload, wear};
use crate::harness::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn only_pictures_of_a_bearable_size_are_announced() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    for (kind, length, violations) in [
        ("image/svg+xml", 10, &["contentType NOT_ALLOWED"] as &[&str]),
        (
            "text/html",
            0,
            &["contentType NOT_ALLOWED", "contentLength TOO_SHORT"],
        ),
        (
            "",
            5_242_881,
            &["contentType NOT_ALLOWED", "contentLength TOO_LONG"],
        ),
        ("image/png", -1, &["contentLength TOO_SHORT"]),
    ] {
        let input = json!({ "contentType": kind, "contentLength": length });
        let answer = ada
            .run("BeginAvatarUpload", json!({ "input": input }))
            .await;
        assert_eq!(answer.violations("beginAvatarUpload"), violations, "{kind}");
    }
    for kind in ["image/png", "image/jpeg", "image/webp", " IMAGE/GIF "] {
        let answer = ask(&ada, kind, 5_242_880).await;
        let place = answer.root("beginAvatarUpload");
        assert_eq!(place["__typename"], "AvatarUpload");
        assert_eq!(place["expiresIn"], 600);
        assert_eq!(place["headers"][0]["name"], "Content-Type");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_a_few_uploads_open_however_many_are_begun_at_once() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let asked = (0..12).map(|_| ask(&ada, "image/png", 10));
    let answers = futures_util::future::join_all(asked).await;
    let typename = |kind: &str| {
        let all = answers.iter();
        all.filter(|answer| answer.typename("beginAvatarUpload") == kind)
            .count()
    };
    assert_eq!((typename("AvatarUpload"), typename("Conflict")), (5, 7));
    // Other people are not concerned, and time opens them again.
    let grace = app.register("grace@example.com").await;
    begin(&grace, 10).await;
    app.advance(600);
    let ada = app.login("ada@example.com").await;
    begin(&ada, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_charged() {
    let app = TestApp::with(&[
        ("IDGATE_THROTTLE__SCALE", "1"),
        ("IDGATE_THROTTLE__AVATAR_USER", "3/3600"),
    ])
    .await;
    let ada = app.register("ada@example.com").await;
    wear(&ada, png(1)).await;
    let answer = ask(&ada, "image/png", 10).await;
    assert_eq!(answer.typename("beginAvatarUpload"), "RateLimited");
    let id = "019a9f3e-7c1d-7b52-8a44-0123456789ab";
    let answer = ada
        .run("SetAvatar", json!({ "input": { "uploadId": id } }))
        .await;
    assert_eq!(answer.typename("setAvatar"), "RateLimited");
    // Removing it is a change like any other.
    let answer = ada.run("RemoveAvatar", json!({})).await;
    assert_eq!(answer.typename("removeAvatar"), "AvatarRemoved");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upload_itself_is_charged_to_its_owner() {
    let app = TestApp::with(&[
        ("IDGATE_THROTTLE__SCALE", "1"),
        ("IDGATE_THROTTLE__AVATAR_USER", "3/3600"),
    ])
    .await;
    let ada = app.register("ada@example.com").await;
    let place = begin(&ada, 10).await;
    for _ in 0..2 {
        assert_eq!(place.send(vec![0; 10]).await.status, 204);
    }
    place
        .send(vec![0; 10])
        .await
        .assert_refusal(429, "TOO_MANY_REQUESTS");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_say_that_it_was_set_and_hold_no_picture() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    wear(&ada, png(1)).await;
    let events = ada.run("MyAuditEvents", json!({ "first": 5 })).await;
    let event = &events.root("me")["auditEvents"]["nodes"][0];
    assert_eq!(event["action"], "avatar.set", "{}", events.text);
    assert_eq!(event["changes"], json!([]), "{}", events.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_person_sets_nothing() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let place = upload(&ada, png(1)).await;
    app.execute("UPDATE users SET suspended_at = created_at")
        .await;
    let answer = super::set(&ada, &place).await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    // The place is no credential either once the account is gone.
    app.execute("DELETE FROM users").await;
    place
        .send(png(1))
        .await
        .assert_refusal(404, "BAD_USER_INPUT");
}

//! Removals are tried until the storage confirms them, and hold up no one.

use serde_json::json;

use super::bucket::S3Server;
use super::cloud::CloudinaryServer;
use super::{fetched, png, removals, remove_due, upload, wear};
use crate::harness::{SignedIn, TestApp};

const FAILED: &str = "SELECT COUNT(*) FROM media_removals WHERE last_failure IS NOT NULL";

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_avatar_goes_after_its_storage_was_down_for_days() {
    let bucket = S3Server::start().await;
    let app = bucket.gateway(&[]).await;
    let ada = app.register("ada@example.com").await;
    let old = wear(&ada, png(1)).await;
    let new = wear(&ada, png(2)).await;
    let name = |url: &str| url.split("/pictures/").nth(1).unwrap().to_owned();
    bucket.set_down(true);
    for _ in 0..500 {
        remove_due(&app).await;
        app.advance(1_200);
    }
    // A week of failures: nothing was lost, and the gateway serves on.
    assert!(app.number(FAILED).await >= 3);
    assert!(bucket.names().contains(&name(&old)));
    let ada = app.login("ada@example.com").await;
    assert_eq!(
        ada.run("RemoveAvatar", json!({}))
            .await
            .typename("removeAvatar"),
        "AvatarRemoved"
    );
    idgate::services::operator::outbox::measure(&app.app)
        .await
        .unwrap();
    let waiting = r#"idgate_outbox_waiting{channel="media"} 6"#;
    let page = app.app.metrics.render();
    assert!(page.contains(waiting), "{page}");

    bucket.set_down(false);
    app.advance(1_200);
    remove_due(&app).await;
    assert_eq!(removals(&app).await, 0);
    assert!(
        !bucket.names().contains(&name(&new)),
        "{:?}",
        bucket.names()
    );
    assert_eq!(bucket.names().len(), 0, "{:?}", bucket.names());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_gone_already_counts_as_removed() {
    let cloud = CloudinaryServer::start().await;
    let app = cloud.gateway(&[]).await;
    let now = "2026-03-01 12:00:00+00:00";
    for (number, object) in [
        "imported/nothing",
        "uploads/019a9f3e-7c1d-7b52-8a44-0123456789ab",
    ]
    .iter()
    .enumerate()
    {
        let id = app.id_literal(&format!("019a9f3e-7c1d-7b52-8a44-01234567890{number}"));
        app.execute(&format!(
            "INSERT INTO media_removals (id, storage, object, created_at, due_at) \
             VALUES ({id}, 'cloudinary', '{object}', '{now}', '{now}')"
        ))
        .await;
    }
    remove_due(&app).await;
    assert_eq!((removals(&app).await, cloud.destroyed().len()), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_another_storage_wait_for_it() {
    let bucket = S3Server::start().await;
    let app = bucket.gateway(&[]).await;
    let ada = app.register("ada@example.com").await;
    wear(&ada, png(1)).await;
    let local = [
        ("IDGATE_MEDIA__STORAGE", "local"),
        ("IDGATE_SERVER__PUBLIC_URL", ""),
    ];
    let moved = app.over(&local).await;
    let ada = moved.login("ada@example.com").await;
    // It is out of reach there, so the default is shown.
    let me = ada.run("Me", json!({})).await;
    assert!(me.root("me")["avatarUrl"].is_null());
    wear(&ada, png(2)).await;
    moved.advance(2 * 3600);
    remove_due(&moved).await;
    assert_eq!(bucket.names().len(), 2);
    remove_due(&app).await;
    assert_eq!((bucket.names().len(), removals(&app).await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_remove_each_object_once() {
    let cloud = CloudinaryServer::start().await;
    let app = cloud.gateway(&[]).await;
    let ada = app.register("ada@example.com").await;
    for shade in 0..6 {
        wear(&ada, png(shade)).await;
    }
    let other = app.second_instance().await;
    futures_util::join!(remove_due(&app), remove_due(&other));
    // Five avatars and six uploads.
    assert_eq!(cloud.destroyed().len(), 11);
    assert_eq!(cloud.names().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_and_never_referred_to_goes() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let place = upload(&ada, png(1)).await;
    // The request ends between storing the avatar and referring to it.
    app.execute(if app.is_sqlite() {
        "CREATE TRIGGER stop BEFORE UPDATE OF avatar ON users BEGIN SELECT RAISE(ABORT, 'x'); END"
    } else {
        "ALTER TABLE users ADD CONSTRAINT stop CHECK (avatar IS NULL)"
    })
    .await;
    let answer = super::set(&ada, &place).await;
    assert!(
        answer.json["data"]["setAvatar"].is_null(),
        "{}",
        answer.text
    );
    assert_eq!(super::local::files(&app).len(), 2);
    // The driver rolls back after the answer; until then the removals are locked, and would be skipped.
    app.execute("UPDATE media_removals SET attempts = attempts")
        .await;
    app.advance(2 * 3600);
    remove_due(&app).await;
    assert_eq!(super::local::files(&app).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_of_an_attackers_account_takes_the_attackers_picture() {
    let app = TestApp::spawn().await;
    let attacker = app.register("ada@example.com").await;
    let url = wear(&attacker, png(1)).await;
    upload(&attacker, png(2)).await;
    app.anonymous()
        .request_otp("ada@example.com", "LOGIN")
        .await;
    let code = app.code("ada@example.com", "login_code").await;
    let owner = app
        .anonymous()
        .verify_otp("ada@example.com", "LOGIN", &code)
        .await;
    let owner = SignedIn::from_answer(&app, &owner, "verifyOtp");
    let me = owner.run("Me", json!({})).await;
    assert!(me.root("me")["avatarUrl"].is_null());
    remove_due(&app).await;
    assert_eq!(fetched(&url).await.0, 404);
    assert_eq!(super::local::files(&app).len(), 0);
}

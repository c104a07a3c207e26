//! Pictures in a bucket that checks every signature.

use super::bucket::S3Server;
use super::{Place, ask, avatar_url, begin, fetched, png, removals, remove_due, set, upload, wear};

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_goes_to_the_bucket_and_comes_back_as_an_avatar() {
    let bucket = S3Server::start().await;
    let app = bucket.gateway(&[]).await;
    let ada = app.register("ada@example.com").await;
    let url = wear(&ada, png(1)).await;
    let name = url.split("/pictures/").nth(1).unwrap();
    assert!(name.starts_with("avatars/"), "{url}");
    let stored = bucket.object(name);
    let header = |name: &str| stored.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "image/jpeg");
    assert_eq!(
        header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    let picture = image::load_from_memory(&stored.bytes).unwrap();
    assert_eq!((picture.width(), picture.height()), (512, 512));

    let next = wear(&ada, png(2)).await;
    assert_eq!(avatar_url(&ada).await, next);
    remove_due(&app).await;
    assert_eq!(bucket.names().len(), 1, "{:?}", bucket.names());
    ada.run("RemoveAvatar", serde_json::json!({})).await;
    remove_due(&app).await;
    assert_eq!((bucket.names().len(), bucket.refusals()), (0, vec![]));
    // One removal for each upload waits for what could still arrive.
    assert_eq!(removals(&app).await, 2);
    app.advance(2 * 3600);
    remove_due(&app).await;
    assert_eq!(removals(&app).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_address_takes_what_was_announced_and_for_a_while() {
    let bucket = S3Server::start().await;
    let app = bucket.gateway(&[]).await;
    let ada = app.register("ada@example.com").await;
    let bytes = png(1);
    let place = begin(&ada, bytes.len()).await;
    // Neither another size, nor another type, nor another object, nor later.
    let longer = [bytes.as_slice(), b"x"].concat();
    assert_eq!(place.send(longer).await.status, 403);
    let other_type = Place {
        headers: vec![("Content-Type".to_owned(), "text/html".to_owned())],
        ..Place::of(&ask(&ada, "image/png", bytes.len()).await)
    };
    assert_eq!(other_type.send(bytes.clone()).await.status, 403);
    let moved = Place {
        url: place.url.replace("/uploads/", "/avatars/"),
        ..Place::of(&ask(&ada, "image/png", bytes.len()).await)
    };
    assert_eq!(moved.send(bytes.clone()).await.status, 403);
    bucket.set_time(app.app.clock.now() + chrono::Duration::seconds(601));
    assert_eq!(place.send(bytes.clone()).await.status, 403);
    assert_eq!(bucket.refusals().len(), 4, "{:?}", bucket.refusals());
    assert_eq!(bucket.names().len(), 0);
    bucket.set_time(app.app.clock.now() + chrono::Duration::seconds(600));
    assert_eq!(place.send(bytes).await.status, 200);
    assert_eq!(set(&ada, &place).await.typename("setAvatar"), "AvatarSet");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_down_changes_nothing_and_the_upload_can_be_set_later() {
    let bucket = S3Server::start().await;
    let app = bucket.gateway(&[]).await;
    let ada = app.register("ada@example.com").await;
    let before = wear(&ada, png(1)).await;
    let place = upload(&ada, png(2)).await;
    bucket.set_down(true);
    assert_eq!(set(&ada, &place).await.code(), "SERVICE_UNAVAILABLE");
    assert_eq!(avatar_url(&ada).await, before);
    // Nothing else depends on it.
    assert!(app.login("ada@example.com").await.is_signed_in().await);
    begin(&ada, 10).await;
    bucket.set_down(false);
    assert_eq!(set(&ada, &place).await.typename("setAvatar"), "AvatarSet");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_address_may_stand_in_front_of_the_bucket() {
    let bucket = S3Server::start().await;
    let app = bucket
        .gateway(&[(
            "IDGATE_MEDIA__PUBLIC_URL",
            "https://cdn.example.com/people/",
        )])
        .await;
    let ada = app.register("ada@example.com").await;
    let url = wear(&ada, png(1)).await;
    assert!(
        url.starts_with("https://cdn.example.com/people/avatars/"),
        "{url}"
    );
    // Without a signature the bucket shows nothing.
    let upload = upload(&ada, png(2)).await;
    let bare = upload.url.split('?').next().unwrap().to_owned();
    assert_eq!(fetched(&bare).await.0, 403);
}

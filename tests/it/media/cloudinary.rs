//! Pictures at Cloudinary.

use serde_json::{Value, json};

use super::cloud::CloudinaryServer;
use super::{
    Place, ask, assert_avatar, avatar_url, begin, fetched, png, remove_due, set, upload, wear,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_uploaded_with_a_signature_and_taken() {
    let cloud = CloudinaryServer::start().await;
    let app = cloud.gateway(&[]).await;
    let ada = app.register("ada@example.com").await;
    let place = upload(&ada, png(1)).await;
    assert_eq!(
        cloud.names(),
        [format!("authenticated/uploads/{}", place.id)]
    );
    // What is not checked yet is delivered to no one.
    let root = place.url.split("/v1_1/").next().unwrap();
    let direct = format!(
        "{root}/idgate-test/image/authenticated/v1/uploads/{}",
        place.id
    );
    assert_eq!(fetched(&direct).await.0, 401);
    let answer = set(&ada, &place).await;
    assert_eq!(answer.typename("setAvatar"), "AvatarSet", "{}", answer.text);
    let url = avatar_url(&ada).await.as_str().unwrap().to_owned();
    assert!(url.contains("/image/upload/v1/avatars/"), "{url}");
    assert_avatar(&url).await;

    let next = wear(&ada, png(2)).await;
    remove_due(&app).await;
    assert_avatar(&next).await;
    assert_eq!(fetched(&url).await.0, 404);
    assert_eq!(cloud.names().len(), 1, "{:?}", cloud.names());
    let destroyed = cloud.destroyed();
    assert_eq!(destroyed.len(), 3);
    for parameters in destroyed {
        assert_eq!(parameters["invalidate"], "true");
        let is_upload = parameters["public_id"].starts_with("uploads/");
        let kind = parameters.get("type").map(String::as_str);
        assert_eq!(kind, is_upload.then_some("authenticated"));
    }
    assert_eq!(cloud.refusals().len(), 1, "{:?}", cloud.refusals());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_is_down_destroys_the_picture_later() {
    let cloud = CloudinaryServer::start().await;
    let app = cloud.gateway(&[]).await;
    let ada = app.register("ada@example.com").await;
    wear(&ada, png(1)).await;
    cloud.set_down(true);
    let place = begin(&ada, 10).await;
    assert_eq!(set(&ada, &place).await.code(), "SERVICE_UNAVAILABLE");
    let removed = ada.run("RemoveAvatar", json!({})).await;
    assert_eq!(removed.typename("removeAvatar"), "AvatarRemoved");
    remove_due(&app).await;
    assert_eq!(cloud.names().len(), 2, "{:?}", cloud.names());
    cloud.set_down(false);
    app.advance(20);
    remove_due(&app).await;
    assert_eq!(cloud.names(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_good_for_one_picture_in_one_place() {
    let cloud = CloudinaryServer::start().await;
    let app = cloud.gateway(&[]).await;
    let ada = app.register("ada@example.com").await;
    let changed = async |name: &str, value: &str| {
        let mut place = Place::of(&ask(&ada, "image/png", 10).await);
        let field = place.fields.iter_mut().find(|(field, _)| field == name);
        field.unwrap().1 = value.to_owned();
        place.send(png(1)).await.status
    };
    for (name, value) in [
        ("public_id", "avatars/somewhere"),
        ("type", "upload"),
        ("overwrite", "true"),
        ("allowed_formats", "svg"),
    ] {
        assert_eq!(changed(name, value).await, 401, "{name}");
    }
    assert_eq!(cloud.names(), [""; 0]);
    let place = begin(&ada, 10).await;
    assert_eq!(place.send(png(1)).await.status, 200);
    // The second picture does not replace the first.
    assert_eq!(place.send(b"<svg/>".to_vec()).await.status, 200);
    assert_eq!(set(&ada, &place).await.typename("setAvatar"), "AvatarSet");
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_pictures_are_shown_and_ones_own_are_destroyed() {
    let cloud = CloudinaryServer::start().await;
    let imported = "https://res.cloudinary.com/old/image/upload/";
    let app = cloud
        .gateway(&[
            ("IDGATE_MEDIA__IMPORTED_URL", imported),
            ("IDGATE_MEDIA__IMPORTED_PREFIX", "avatars/2024/"),
            (
                "IDGATE_PROFILE__DEFAULT_AVATAR_URL",
                "https://cdn.example.com/default.png",
            ),
        ])
        .await;
    let ada = app.register("ada@example.com").await;
    assert_eq!(
        avatar_url(&ada).await,
        "https://cdn.example.com/default.png"
    );
    cloud.add("avatars/2024/ada", png(1));
    cloud.add("default", png(2));
    let import = async |value: &str| {
        app.execute(&format!("UPDATE users SET avatar = '{value}'"))
            .await;
    };
    for (value, url) in [
        ("", "https://cdn.example.com/default.png".to_owned()),
        (
            "https://cdn.example.com/ada.png",
            "https://cdn.example.com/ada.png".to_owned(),
        ),
        (
            "user_1/ün ï.png",
            format!("{imported}user_1/%C3%BCn%20%C3%AF.png"),
        ),
        ("default.jpg", format!("{imported}default.jpg")),
        (
            "avatars/2024/ada.jpg",
            format!("{imported}avatars/2024/ada.jpg"),
        ),
    ] {
        import(value).await;
        assert_eq!(avatar_url(&ada).await, url);
    }
    // The default belongs to all, so it stays.
    import("default.jpg").await;
    wear(&ada, png(3)).await;
    import("avatars/2024/ada.jpg").await;
    ada.run("RemoveAvatar", json!({})).await;
    remove_due(&app).await;
    let names = cloud.names();
    assert!(names.contains(&"upload/default".to_owned()), "{names:?}");
    assert!(
        !names.contains(&"upload/avatars/2024/ada".to_owned()),
        "{names:?}"
    );

    // Without a place for them they are shown as they were imported.
    let plain = app.over(&[("IDGATE_MEDIA__IMPORTED_URL", "")]).await;
    import("default.jpg").await;
    let ada = ada.at(&plain);
    assert_eq!(avatar_url(&ada).await, Value::from("default.jpg"));
}

//! Pictures as files in the data directory, uploaded to idgate itself.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use idgate::services::operator::housekeeping;
use idgate::services::operator::retention::{Amount, DataKind};
use idgate::stores::expired::ExpiredRows;
use image::ImageFormat;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Place, assert_avatar, avatar_url, begin, fetched, picture, png, removals, remove_due, set,
    upload, wear,
};
use crate::harness::{Answer, TestApp};

/// The files below the directory of media, by their paths from there.
pub(super) fn files(app: &TestApp) -> Vec<String> {
    let root = app.app.config.data_dir.join("media");
    let entries = walkdir::WalkDir::new(&root).sort_by_file_name();
    entries
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            entry
                .path()
                .strip_prefix(&root)
                .unwrap()
                .display()
                .to_string()
        })
        .collect()
}

fn folders(app: &TestApp) -> Vec<String> {
    let folder = |path: &String| path.split('/').next().unwrap().to_owned();
    files(app).iter().map(folder).collect()
}

/// Sends an upload in chunks of ten thousand bytes (RFC 9112 §7.1), and returns the response.
fn send_chunks(app: &TestApp, place: &Place, chunks: usize, ends: bool) -> String {
    let secret = &place.headers[1].1;
    app.exchange(|connection| {
        write!(
            connection,
            "PUT /media/uploads/{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Transfer-Encoding: chunked\r\nIdgate-Upload-Secret: {secret}\r\n\r\n",
            place.id
        )?;
        for _ in 0..chunks {
            write!(connection, "{:x}\r\n", 10_000)?;
            connection.write_all(&[7; 10_000])?;
            connection.write_all(b"\r\n")?;
        }
        if ends {
            connection.write_all(b"0\r\n\r\n")?;
        }
        Ok(())
    })
}

fn status(response: &str) -> String {
    response.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_picture_becomes_the_avatar_that_everyone_sees() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    assert_eq!(avatar_url(&ada).await, Value::Null);
    for (shade, format) in [
        (10, ImageFormat::Png),
        (60, ImageFormat::Jpeg),
        (110, ImageFormat::WebP),
        (160, ImageFormat::Gif),
    ] {
        let url = wear(&ada, picture(shade, format)).await;
        assert!(url.starts_with(&app.url("/media/avatars/")), "{url}");
        assert_eq!(avatar_url(&ada).await, url);
        assert_avatar(&url).await;
    }
    let events = "SELECT COUNT(*) FROM audit_events WHERE action = 'avatar.set'";
    assert_eq!(app.number(events).await, 4);
    // The uploads and the avatars before are gone.
    remove_due(&app).await;
    assert_eq!(folders(&app), ["avatars"]);
    assert_eq!(app.number("SELECT COUNT(*) FROM avatar_uploads").await, 0);

    let removed = ada.run("RemoveAvatar", json!({})).await;
    assert_eq!(removed.typename("removeAvatar"), "AvatarRemoved");
    assert_eq!(avatar_url(&ada).await, Value::Null);
    remove_due(&app).await;
    assert_eq!(folders(&app), [""; 0]);
    let events = "SELECT COUNT(*) FROM audit_events WHERE action = 'avatar.removed'";
    assert_eq!(app.number(events).await, 1);
    // Without an avatar nothing happens.
    let removed = ada.run("RemoveAvatar", json!({})).await;
    assert_eq!(removed.typename("removeAvatar"), "AvatarRemoved");
    assert_eq!(app.number(events).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_folders_are_closed_to_other_users_of_the_machine() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    wear(&ada, png(1)).await;
    upload(&ada, png(2)).await;
    let root = app.app.config.data_dir.join("media");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(folders(&app), ["avatars", "uploads", "uploads"]);
    for file in files(&app) {
        let file = root.join(file);
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        assert_eq!(mode(file.parent().unwrap()), 0o700);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_needs_its_own_secret_and_no_account() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let (mine, other) = (begin(&ada, 4).await, begin(&ada, 4).await);
    let secret = |place: &Place| place.headers[1].1.clone();
    assert_eq!(mine.headers[1].0, "idgate-upload-secret");
    let put = async |path: &str, secret: Option<&str>| {
        let request = app.request(Method::PUT, path).body("abcd");
        let request = request.bearer_auth(&ada.access_token);
        Answer::of(match secret {
            Some(secret) => request.header("idgate-upload-secret", secret),
            None => request,
        })
        .await
    };
    let path = format!("/media/uploads/{}", mine.id);
    let foreign = secret(&other);
    for wrong in [None, Some(""), Some("x"), Some(foreign.as_str())] {
        put(&path, wrong)
            .await
            .assert_refusal(404, "BAD_USER_INPUT");
    }
    let secret = secret(&mine);
    for path in [
        "/media/uploads/x",
        "/media/uploads/..%2fx",
        "/media/uploads/",
    ] {
        assert_eq!(put(path, Some(&secret)).await.status, 404, "{path}");
    }
    assert_eq!(files(&app), [""; 0]);
    let answer = put(&path, Some(&secret)).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (204, ""));
    let answer = Answer::of(app.request(Method::POST, &path)).await;
    answer.assert_refusal(405, "METHOD_NOT_ALLOWED");
    assert_eq!(answer.header("allow"), "PUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_as_long_as_announced() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let place = begin(&ada, 100_000).await;
    place
        .send(vec![0; 99_999])
        .await
        .assert_refusal(400, "BAD_USER_INPUT");
    place
        .send(vec![0; 100_001])
        .await
        .assert_refusal(413, "PAYLOAD_TOO_LARGE");
    // The same without a length in the header.
    let streamed = |chunks| status(&send_chunks(&app, &place, chunks, true));
    assert_eq!(streamed(9), "400");
    // It is answered before the body ends, or the connection is closed in its middle.
    let longer = streamed(20);
    assert!(["413", ""].contains(&longer.as_str()), "{longer}");
    assert_eq!(files(&app), [""; 0]);
    assert_eq!(streamed(10), "204");
    let coded = place
        .request(vec![0; 100_000])
        .header("content-encoding", "gzip");
    let coded = Answer::of(coded).await;
    coded.assert_refusal(415, "UNSUPPORTED_MEDIA_TYPE");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_too_slow_is_cut_off_and_can_be_made_again() {
    let app = TestApp::spawn().await;
    let hasty = app.over(&[("IDGATE_MEDIA__RECEIVE_SECONDS", "1")]).await;
    let ada = app.register("ada@example.com").await;
    let bytes = [png(1), vec![0; 20_000]].concat();
    let place = begin(&ada, bytes.len()).await;
    // One chunk, and nothing after it.
    let answer = send_chunks(&hasty, &place, 1, false);
    assert_eq!(status(&answer), "408");
    assert!(answer.contains("REQUEST_TIMEOUT"), "{answer}");
    assert_eq!(files(&app), [""; 0]);
    assert_eq!(place.send(bytes).await.status, 204);
    assert_eq!(set(&ada, &place).await.typename("setAvatar"), "AvatarSet");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_never_taken_goes_by_itself() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let place = upload(&ada, png(1)).await;
    begin(&ada, 10).await;
    assert_eq!((files(&app).len(), removals(&app).await), (1, 2));
    app.advance(app.app.config.media.upload_seconds - 1);
    remove_due(&app).await;
    assert_eq!(files(&app).len(), 1);
    app.advance(1);
    let late = place.send(png(1)).await;
    late.assert_refusal(404, "BAD_USER_INPUT");
    let ada = app.login("ada@example.com").await;
    assert_eq!(set(&ada, &place).await.typename("setAvatar"), "NotFound");
    let tidied = housekeeping::tidy(&app.app).await.unwrap();
    let places = Amount {
        kind: DataKind::Rows(ExpiredRows::AvatarUploads),
        rows: 2,
    };
    assert!(tidied.removed.contains(&places), "{tidied:?}");
    // What began in time may still arrive.
    app.advance(65 * 60);
    remove_due(&app).await;
    assert_eq!((files(&app).len(), removals(&app).await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_with_one_picture_have_two_files() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let grace = app.register("grace@example.com").await;
    let (hers, other) = (wear(&ada, png(7)).await, wear(&grace, png(7)).await);
    assert_ne!(hers, other);
    // Nor has one person one address for the same picture, so a late removal takes no newer avatar.
    let again = wear(&ada, png(7)).await;
    assert_ne!(again, hers);
    ada.run("RemoveAvatar", json!({})).await;
    remove_due(&app).await;
    assert_eq!(
        (fetched(&hers).await.0, fetched(&again).await.0),
        (404, 404)
    );
    assert_avatar(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_pictures_and_keeps_the_avatar() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let before = wear(&ada, png(1)).await;
    let avatars = app.app.config.data_dir.join("media/avatars");
    let place = upload(&ada, png(2)).await;
    // A file in the place of the directory: nothing can be written there, as root neither.
    let aside = avatars.with_file_name("aside");
    std::fs::rename(&avatars, &aside).unwrap();
    std::fs::write(&avatars, "").unwrap();
    assert_eq!(set(&ada, &place).await.code(), "SERVICE_UNAVAILABLE");
    assert_eq!(avatar_url(&ada).await, before);
    std::fs::remove_file(&avatars).unwrap();
    std::fs::rename(&aside, &avatars).unwrap();
    // The upload is still there.
    assert_eq!(set(&ada, &place).await.typename("setAvatar"), "AvatarSet");
}

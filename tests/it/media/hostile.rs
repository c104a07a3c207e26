//! What arrives is never trusted.

use image::ImageFormat;
use serde_json::json;

use super::bucket::S3Server;
use super::{
    ask, avatar_url, begin, fetched, picture, png, removals, remove_due, set, upload, wear,
};
use crate::harness::TestApp;

/// What must not be stored with a picture.
const SCRIPT: &[u8] = b"<html><script>alert(document.domain)</script>PK\x03\x04";

/// The outcome of `setAvatar` for these bytes: the type, and the rules that they violate.
async fn outcome(app: &TestApp, bytes: &[u8]) -> (String, Vec<String>) {
    let ada = app.login("ada@example.com").await;
    let place = upload(&ada, bytes.to_vec()).await;
    let answer = set(&ada, &place).await;
    let typename = answer.typename("setAvatar").to_owned();
    let violations = if typename == "InputInvalid" {
        answer.violations("setAvatar")
    } else {
        Vec::new()
    };
    (typename, violations)
}

/// A PNG of a few bytes that claims to have this size.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(1);
    // IHDR is the first chunk: its length, its name, width and height, and its check sum at 29.
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_is_refused_and_goes_at_once() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let before = wear(&ada, png(9)).await;
    remove_due(&app).await;
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    let half = png(1)[..60].to_vec();
    let too_large = "uploadId TOO_LONG";
    for (bytes, violation) in [
        (svg.to_vec(), "uploadId NOT_ALLOWED"),
        (
            b"<!doctype html><script>alert(1)</script>".to_vec(),
            "uploadId NOT_ALLOWED",
        ),
        // As the header of a GIF, the text claims 10,799 × 29,500 pixels.
        (b"GIF89a/*<script>*/=alert(1)//".to_vec(), too_large),
        (half, "uploadId INVALID_FORMAT"),
        (bomb(30_000, 30_000), too_large),
        (bomb(1, 2_000_000), too_large),
    ] {
        let (typename, violations) = outcome(&app, &bytes).await;
        assert_eq!(typename, "InputInvalid", "{violation}");
        assert_eq!(violations, [violation]);
    }
    assert_eq!(avatar_url(&ada).await, before);
    remove_due(&app).await;
    let files = super::local::files(&app);
    assert_eq!(files.len(), 1, "{files:?}");
    // What is left is for uploads that may still arrive.
    app.advance(2 * 3600);
    remove_due(&app).await;
    assert_eq!(removals(&app).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_encoded_again_is_stored() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let jpeg = picture(40, ImageFormat::Jpeg);
    // An EXIF segment with a text that stands for a position.
    let exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0 40.1792N 44.4991E";
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let tagged = [&jpeg[..2], &[0xff, 0xe1], &length, exif, &jpeg[2..], SCRIPT].concat();
    for upload in [tagged, [png(3).as_slice(), SCRIPT].concat()] {
        let url = wear(&ada, upload).await;
        let (_, bytes) = fetched(&url).await;
        for part in [b"<script".as_slice(), b"PK\x03\x04", b"Exif", b"40.1792N"] {
            assert!(!bytes.windows(part.len()).any(|window| window == part));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contents_decide_and_not_the_announced_type() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    // Announced as PNG.
    let url = wear(&ada, picture(5, ImageFormat::Gif)).await;
    assert_eq!(url.rsplit_once('.').unwrap().1, "jpg");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_taken_once_and_by_its_owner() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let eve = app.register("eve@example.com").await;
    let place = upload(&ada, png(1)).await;
    assert_eq!(set(&eve, &place).await.typename("setAvatar"), "NotFound");
    let neighbour = app.second_instance().await;
    let other = ada.at(&neighbour);
    let tries = (0..6).map(|number| set(if number % 2 == 0 { &ada } else { &other }, &place));
    let answers = futures_util::future::join_all(tries).await;
    let count = |kind: &str| {
        let of_kind = |answer: &&crate::harness::Answer| answer.typename("setAvatar") == kind;
        answers.iter().filter(of_kind).count()
    };
    assert_eq!((count("AvatarSet"), count("NotFound")), (1, 5));
    for id in ["", "x", "019a9f3e-7c1d-7b52-8a44-0123456789ab"] {
        let answer = ada
            .run("SetAvatar", json!({ "input": { "uploadId": id } }))
            .await;
        assert_eq!(answer.typename("setAvatar"), "NotFound");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_has_not_come_stays_open() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let bytes = png(1);
    let place = begin(&ada, bytes.len()).await;
    assert_eq!(set(&ada, &place).await.typename("setAvatar"), "Conflict");
    assert_eq!(place.send(bytes).await.status, 204);
    assert_eq!(set(&ada, &place).await.typename("setAvatar"), "AvatarSet");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_client_put_into_the_bucket_is_read_no_further_than_the_limit() {
    let bucket = S3Server::start().await;
    let app = bucket
        .gateway(&[("IDGATE_MEDIA__MAX_BYTES", "100000")])
        .await;
    let ada = app.register("ada@example.com").await;
    let place = upload(&ada, png(1)).await;
    bucket.replace(&format!("uploads/{}", place.id), vec![0x89; 3_000_000]);
    let answer = set(&ada, &place).await;
    assert_eq!(answer.violations("setAvatar"), ["uploadId TOO_LONG"]);
    let longer = ask(&ada, "image/png", 100_001).await;
    let violations = longer.violations("beginAvatarUpload");
    assert_eq!(violations, ["contentLength TOO_LONG"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_pictures_than_can_be_decoded_are_refused_and_can_be_set_again() {
    let app = TestApp::with(&[
        ("IDGATE_MEDIA__DECODERS", "1"),
        ("IDGATE_MEDIA__DECODER_QUEUE", "0"),
        ("IDGATE_MEDIA__MAX_UPLOADS", "20"),
    ])
    .await;
    let ada = app.register("ada@example.com").await;
    let large = image::DynamicImage::ImageRgb8(image::RgbImage::new(4_000, 3_000));
    let mut bytes = Vec::new();
    large
        .write_to(&mut std::io::Cursor::new(&mut bytes), ImageFormat::Png)
        .unwrap();
    let mut places = Vec::new();
    for _ in 0..8 {
        places.push(upload(&ada, bytes.clone()).await);
    }
    let answers = futures_util::future::join_all(places.iter().map(|place| set(&ada, place)));
    let answers = answers.await;
    let refused: Vec<_> = (answers.iter().zip(&places))
        .filter(|(answer, _)| answer.code() == "SERVICE_UNAVAILABLE")
        .collect();
    assert!(
        (1..8).contains(&refused.len()),
        "{} were refused",
        refused.len()
    );
    for (answer, place) in refused {
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(set(&ada, place).await.typename("setAvatar"), "AvatarSet");
    }
}

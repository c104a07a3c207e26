//! Avatars, in all three storages: uploading, taking, serving and removing them.

mod bucket;
mod cloud;
mod cloudinary;
mod hostile;
mod local;
mod removal;
mod rules;
mod s3;
mod serving;

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::harness::{Answer, SignedIn, TestApp, http};

/// A picture of one colour.
fn picture(shade: u8, format: ImageFormat) -> Vec<u8> {
    let pixels = RgbImage::from_pixel(300, 200, Rgb([shade, 80, 255 - shade]));
    let mut bytes = Vec::new();
    let picture = DynamicImage::ImageRgb8(pixels);
    picture
        .write_to(&mut Cursor::new(&mut bytes), format)
        .unwrap();
    bytes
}

pub(crate) fn png(shade: u8) -> Vec<u8> {
    picture(shade, ImageFormat::Png)
}

/// An answer to `beginAvatarUpload` that has a place.
pub(crate) struct Place {
    pub(crate) id: String,
    url: String,
    method: String,
    headers: Vec<(String, String)>,
    fields: Vec<(String, String)>,
}

impl Place {
    pub(crate) fn of(answer: &Answer) -> Self {
        let place = answer.root("beginAvatarUpload");
        assert_eq!(place["__typename"], "AvatarUpload", "{}", answer.text);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let pairs = |name: &str| {
            let pairs = place[name].as_array().unwrap().iter();
            pairs
                .map(|pair| (text(&pair["name"]), text(&pair["value"])))
                .collect()
        };
        Self {
            id: text(&place["uploadId"]),
            url: text(&place["url"]),
            method: text(&place["method"]),
            headers: pairs("headers"),
            fields: pairs("fields"),
        }
    }

    /// Uploads as a client does that knows the answer alone.
    fn request(&self, bytes: Vec<u8>) -> reqwest::RequestBuilder {
        let method = self.method.parse().unwrap();
        let request = http().request(method, &self.url);
        let request = self.headers.iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        if self.method == "PUT" {
            return request.body(bytes);
        }
        let form = self.fields.iter().fold(Form::new(), |form, (name, value)| {
            form.text(name.clone(), value.clone())
        });
        request.multipart(form.part("file", Part::bytes(bytes).file_name("me.png")))
    }

    pub(crate) async fn send(&self, bytes: Vec<u8>) -> Answer {
        Answer::of(self.request(bytes)).await
    }
}

async fn ask(person: &SignedIn<'_>, content_type: &str, length: usize) -> Answer {
    let input = json!({ "contentType": content_type, "contentLength": length });
    person
        .run("BeginAvatarUpload", json!({ "input": input }))
        .await
}

/// A place for a PNG of this length.
async fn begin(person: &SignedIn<'_>, length: usize) -> Place {
    Place::of(&ask(person, "image/png", length).await)
}

/// A place with this picture in it.
async fn upload(person: &SignedIn<'_>, bytes: Vec<u8>) -> Place {
    let place = begin(person, bytes.len()).await;
    let answer = place.send(bytes).await;
    assert!(answer.status < 300, "{} {}", answer.status, answer.text);
    place
}

async fn set(person: &SignedIn<'_>, place: &Place) -> Answer {
    let input = json!({ "uploadId": place.id });
    person.run("SetAvatar", json!({ "input": input })).await
}

/// Uploads a picture and makes it the avatar; returns its address.
async fn wear(person: &SignedIn<'_>, bytes: Vec<u8>) -> String {
    let place = upload(person, bytes).await;
    let answer = set(person, &place).await;
    assert_eq!(answer.typename("setAvatar"), "AvatarSet", "{}", answer.text);
    let user = &answer.root("setAvatar")["user"];
    user["avatarUrl"].as_str().unwrap().to_owned()
}

async fn avatar_url(person: &SignedIn<'_>) -> Value {
    person.run("Me", json!({})).await.root("me")["avatarUrl"].clone()
}

/// Runs every removal that is due.
async fn remove_due(app: &TestApp) {
    while idgate::services::operator::media_removal::remove_due(&app.app)
        .await
        .unwrap()
    {}
}

async fn removals(app: &TestApp) -> i64 {
    app.number("SELECT COUNT(*) FROM media_removals").await
}

async fn fetched(url: &str) -> (u16, Vec<u8>) {
    let response = http().get(url).send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.bytes().await.unwrap().to_vec())
}

/// The picture at an address is one of ours.
async fn assert_avatar(url: &str) {
    let (status, bytes) = fetched(url).await;
    assert_eq!(status, 200, "{url}");
    let picture = image::load_from_memory(&bytes).unwrap();
    assert_eq!((picture.width(), picture.height()), (512, 512));
}

#[tokio::test(flavor = "multi_thread")]
async fn anonymous_callers_upload_nothing() {
    let app = TestApp::spawn().await;
    let input = json!({ "contentType": "image/png", "contentLength": 10 });
    for (document, variables) in [
        ("BeginAvatarUpload", json!({ "input": input })),
        ("SetAvatar", json!({ "input": { "uploadId": "1" } })),
        ("RemoveAvatar", json!({})),
    ] {
        let answer = app.anonymous().run(document, variables).await;
        assert_eq!(answer.code(), "UNAUTHENTICATED", "{document}");
    }
}

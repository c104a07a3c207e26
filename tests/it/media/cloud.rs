//! Cloudinary's upload API on the loopback: it checks signatures as the documentation describes them,
//! and delivers pictures that are not public to signed addresses alone.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::harness::TestApp;

const CLOUD: &str = "idgate-test";
const KEY: &str = "1234";
const SECRET: &str = "abcd";

#[derive(Default)]
struct Cloud {
    /// Type and public id, with the picture.
    pictures: Mutex<BTreeMap<(String, String), Vec<u8>>>,
    /// The parameters of `destroy`, of each request that was accepted.
    destroyed: Mutex<Vec<BTreeMap<String, String>>>,
    refusals: Mutex<Vec<String>>,
    is_down: Mutex<bool>,
}

/// The running service.
pub(crate) struct CloudinaryServer {
    address: SocketAddr,
    cloud: Arc<Cloud>,
    _listening: JoinSet<()>,
}

impl CloudinaryServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cloud = Arc::new(Cloud::default());
        let router = axum::Router::new()
            .fallback(serve)
            .with_state(Arc::clone(&cloud));
        let mut listening = JoinSet::new();
        listening.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            cloud,
            _listening: listening,
        }
    }

    /// A gateway that stores pictures here.
    pub(crate) async fn gateway(&self, changes: &[(&str, &str)]) -> TestApp {
        let address = format!("http://{}", self.address);
        let mut settings = vec![
            ("IDGATE_MEDIA__STORAGE", "cloudinary"),
            ("IDGATE_MEDIA__CLOUDINARY_CLOUD", CLOUD),
            ("IDGATE_MEDIA__CLOUDINARY_KEY", KEY),
            ("IDGATE_MEDIA__CLOUDINARY_SECRET", SECRET),
            ("IDGATE_MEDIA__CLOUDINARY_API_URL", address.as_str()),
            ("IDGATE_MEDIA__CLOUDINARY_DELIVERY_URL", address.as_str()),
        ];
        settings.extend_from_slice(changes);
        TestApp::with(&settings).await
    }

    /// Whether it answers 503 to everything from now on.
    pub(crate) fn set_down(&self, is_down: bool) {
        *self.cloud.is_down.lock().unwrap() = is_down;
    }

    /// The pictures, as `type/public id`.
    pub(crate) fn names(&self) -> Vec<String> {
        let pictures = self.cloud.pictures.lock().unwrap();
        let name = |(kind, id): &(String, String)| format!("{kind}/{id}");
        pictures.keys().map(name).collect()
    }

    /// Adds a picture, as the system before did.
    pub(crate) fn add(&self, public_id: &str, bytes: Vec<u8>) {
        let place = ("upload".to_owned(), public_id.to_owned());
        self.cloud.pictures.lock().unwrap().insert(place, bytes);
    }

    /// The parameters of each accepted `destroy`.
    pub(crate) fn destroyed(&self) -> Vec<BTreeMap<String, String>> {
        self.cloud.destroyed.lock().unwrap().clone()
    }

    /// What was refused, and why.
    pub(crate) fn refusals(&self) -> Vec<String> {
        self.cloud.refusals.lock().unwrap().clone()
    }
}

async fn serve(
    State(cloud): State<Arc<Cloud>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if *cloud.is_down.lock().unwrap() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let api = format!("/v1_1/{CLOUD}/image/");
    let delivery = format!("/{CLOUD}/image/");
    let answered = match (&method, uri.path()) {
        (&Method::POST, path) if path == format!("{api}upload") => upload(&cloud, &headers, &body),
        (&Method::POST, path) if path == format!("{api}destroy") => destroy(&cloud, &body),
        (&Method::GET, path) if path.starts_with(&delivery) => {
            deliver(&cloud, path.strip_prefix(&delivery).unwrap())
        }
        _ => Ok(StatusCode::NOT_FOUND.into_response()),
    };
    answered.unwrap_or_else(|reason| {
        cloud.refusals.lock().unwrap().push(reason);
        StatusCode::UNAUTHORIZED.into_response()
    })
}

fn sha1(text: &str) -> Vec<u8> {
    let signed = format!("{text}{SECRET}");
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, signed.as_bytes());
    digest.as_ref().to_vec()
}

/// The signature covers every parameter but `file`, `cloud_name`, `resource_type`, `api_key` and itself,
/// in alphabetical order.
fn check(parameters: &BTreeMap<String, String>) -> Result<(), String> {
    let unsigned = [
        "file",
        "cloud_name",
        "resource_type",
        "api_key",
        "signature",
    ];
    let signed: Vec<String> = parameters
        .iter()
        .filter(|(name, _)| !unsigned.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let text = |name: &str| parameters.get(name).map_or("", String::as_str);
    if text("api_key") != KEY || text("timestamp").parse::<u64>().is_err() {
        return Err("Unknown API key, or no time".to_owned());
    }
    let signed = signed.join("&");
    if text("signature") == hex::encode(sha1(&signed)) {
        Ok(())
    } else {
        Err(format!("Invalid Signature. String to sign - '{signed}'."))
    }
}

fn upload(cloud: &Cloud, headers: &HeaderMap, body: &[u8]) -> Result<Response, String> {
    let content_type = headers.get("content-type").ok_or("no content type")?;
    let boundary = content_type
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix("multipart/form-data; boundary="))
        .ok_or("no form")?;
    let mut parameters = BTreeMap::new();
    let mut file = None;
    for (name, value) in parts(body, boundary.trim_matches('"')) {
        if name == "file" {
            file = Some(value);
        } else {
            parameters.insert(name, String::from_utf8(value).map_err(|_| "no text")?);
        }
    }
    check(&parameters)?;
    let text = |name: &str| parameters.get(name).map(String::as_str);
    let kind = text("type").unwrap_or("upload").to_owned();
    let id = text("public_id").ok_or("no id")?.to_owned();
    let mut pictures = cloud.pictures.lock().unwrap();
    let keeps = text("overwrite") == Some("false");
    if !(keeps && pictures.contains_key(&(kind.clone(), id.clone()))) {
        pictures.insert((kind, id.clone()), file.ok_or("no file")?);
    }
    Ok(axum::Json(json!({ "public_id": id })).into_response())
}

/// The parts of a form (RFC 7578), each with its name.
fn parts(body: &[u8], boundary: &str) -> Vec<(String, Vec<u8>)> {
    let separator = format!("--{boundary}").into_bytes();
    let find =
        |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).position(|window| window == part);
    let mut rest = body;
    let mut parts = Vec::new();
    while let Some(start) = find(rest, &separator) {
        rest = &rest[start + separator.len()..];
        let Some(end) = find(rest, &separator) else {
            break;
        };
        let Some(head) = find(&rest[..end], b"\r\n\r\n") else {
            continue;
        };
        let lines = String::from_utf8_lossy(&rest[..head]).into_owned();
        let name = lines
            .split("name=\"")
            .nth(1)
            .and_then(|text| text.split('"').next());
        // A line break precedes the next separator.
        let value = rest[head + 4..end - 2].to_vec();
        parts.push((name.unwrap_or_default().to_owned(), value));
    }
    parts
}

fn destroy(cloud: &Cloud, body: &[u8]) -> Result<Response, String> {
    let parameters: BTreeMap<String, String> = url::form_urlencoded::parse(body)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    check(&parameters)?;
    let kind = parameters.get("type").map_or("upload", String::as_str);
    let place = (kind.to_owned(), parameters["public_id"].clone());
    let removed = cloud.pictures.lock().unwrap().remove(&place);
    cloud.destroyed.lock().unwrap().push(parameters);
    let result = if removed.is_some() { "ok" } else { "not found" };
    Ok(axum::Json(json!({ "result": result })).into_response())
}

/// Delivers `upload/v1/ID.EXTENSION` to anyone, and `authenticated/s--SIGNATURE--/v1/ID` to whoever has
/// the signature.
fn deliver(cloud: &Cloud, path: &str) -> Result<Response, String> {
    let (kind, rest) = path.split_once('/').ok_or("no type")?;
    let (signature, rest) = match rest.strip_prefix("s--") {
        Some(signed) => signed.split_once("--/").ok_or("no signature")?,
        None => ("", rest),
    };
    let id = rest.strip_prefix("v1/").ok_or("no version")?;
    if kind != "upload" {
        let expected = URL_SAFE.encode(sha1(id));
        if expected[..8] != *signature {
            return Err(format!("delivery of {id} is not signed"));
        }
    }
    let bare = id.rsplit_once('.').map_or(id, |(bare, _)| bare);
    let pictures = cloud.pictures.lock().unwrap();
    let found = pictures.get(&(kind.to_owned(), bare.to_owned()));
    Ok(match found {
        Some(bytes) => bytes.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    })
}

//! A bucket on the loopback that checks AWS Signature Version 4 as its documentation describes it: in
//! the `Authorization` header, or in the query of a presigned URL.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, NaiveDateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::harness::TestApp;

const BUCKET: &str = "pictures";
const REGION: &str = "eu-test-1";
const ACCESS_KEY: &str = "AKIDEXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// An object of the bucket.
#[derive(Clone, Debug)]
pub(crate) struct StoredObject {
    pub(crate) bytes: Vec<u8>,
    pub(crate) headers: HeaderMap,
}

#[derive(Default)]
struct Bucket {
    objects: Mutex<BTreeMap<String, StoredObject>>,
    /// What was refused, and why.
    refusals: Mutex<Vec<String>>,
    is_down: Mutex<bool>,
    /// The time by which presigned URLs expire.
    now: Mutex<DateTime<Utc>>,
}

/// The running service.
pub(crate) struct S3Server {
    address: SocketAddr,
    bucket: Arc<Bucket>,
    _listening: JoinSet<()>,
}

impl S3Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let bucket = Arc::new(Bucket::default());
        let router = axum::Router::new()
            .fallback(serve)
            .with_state(Arc::clone(&bucket));
        let mut listening = JoinSet::new();
        listening.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            bucket,
            _listening: listening,
        }
    }

    /// A gateway that stores pictures here.
    pub(crate) async fn gateway(&self, changes: &[(&str, &str)]) -> TestApp {
        let endpoint = format!("http://{}", self.address);
        let mut settings = vec![
            ("IDGATE_MEDIA__STORAGE", "s3"),
            ("IDGATE_MEDIA__S3_ENDPOINT", endpoint.as_str()),
            ("IDGATE_MEDIA__S3_BUCKET", BUCKET),
            ("IDGATE_MEDIA__S3_REGION", REGION),
            ("IDGATE_MEDIA__S3_ACCESS_KEY", ACCESS_KEY),
            ("IDGATE_MEDIA__S3_SECRET_KEY", SECRET_KEY),
        ];
        settings.extend_from_slice(changes);
        let app = TestApp::with(&settings).await;
        self.set_time(app.app.clock.now());
        app
    }

    /// The time by which presigned URLs expire.
    pub(crate) fn set_time(&self, now: DateTime<Utc>) {
        *self.bucket.now.lock().unwrap() = now;
    }

    /// Whether it answers 503 to everything from now on.
    pub(crate) fn set_down(&self, is_down: bool) {
        *self.bucket.is_down.lock().unwrap() = is_down;
    }

    /// The names of all objects.
    pub(crate) fn names(&self) -> Vec<String> {
        self.bucket
            .objects
            .lock()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    }

    pub(crate) fn object(&self, name: &str) -> StoredObject {
        self.bucket.objects.lock().unwrap()[name].clone()
    }

    /// Replaces the contents of an object, as another client with the key could.
    pub(crate) fn replace(&self, name: &str, bytes: Vec<u8>) {
        let headers = HeaderMap::new();
        let object = StoredObject { bytes, headers };
        self.bucket
            .objects
            .lock()
            .unwrap()
            .insert(name.to_owned(), object);
    }

    /// What was refused, and why.
    pub(crate) fn refusals(&self) -> Vec<String> {
        self.bucket.refusals.lock().unwrap().clone()
    }
}

async fn serve(
    State(bucket): State<Arc<Bucket>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if *bucket.is_down.lock().unwrap() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let now = *bucket.now.lock().unwrap();
    if let Err(reason) = check(&method, &uri, &headers, &body, now) {
        bucket.refusals.lock().unwrap().push(reason);
        return StatusCode::FORBIDDEN.into_response();
    }
    let Some(name) = uri.path().strip_prefix(&format!("/{BUCKET}/")) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut objects = bucket.objects.lock().unwrap();
    match method {
        Method::PUT => {
            let bytes = body.to_vec();
            objects.insert(name.to_owned(), StoredObject { bytes, headers });
            StatusCode::OK.into_response()
        }
        Method::GET => match objects.get(name) {
            Some(object) => object.bytes.clone().into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        Method::DELETE => {
            objects.remove(name);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// A signature, and what it claims to cover.
struct Claim {
    credential: String,
    signed_headers: String,
    signature: String,
    date: String,
    payload: String,
    query: String,
}

fn check(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), String> {
    let query = uri.query().unwrap_or_default();
    let claim = if query.contains("X-Amz-Signature=") {
        in_query(query, now)?
    } else {
        in_header(query, headers, body)?
    };
    let (access_key, scope) = claim.credential.split_once('/').ok_or("no credential")?;
    let day = claim.date.get(..8).ok_or("no date")?;
    let expected_scope = format!("{day}/{REGION}/s3/aws4_request");
    if access_key != ACCESS_KEY || scope != expected_scope {
        return Err(format!("credential {}", claim.credential));
    }
    let names: Vec<&str> = claim.signed_headers.split(';').collect();
    if !names.is_sorted() || !names.contains(&"host") {
        return Err(format!("signed headers {}", claim.signed_headers));
    }
    let amazon = headers
        .keys()
        .filter(|name| name.as_str().starts_with("x-amz-"));
    for name in amazon {
        if !names.contains(&name.as_str()) {
            return Err(format!("{name} is not signed"));
        }
    }
    let lines = names.iter().map(|name| {
        let value = headers.get(*name).and_then(|value| value.to_str().ok());
        format!("{name}:{}\n", value.unwrap_or_default().trim())
    });
    let canonical = format!(
        "{method}\n{}\n{}\n{}\n{}\n{}",
        uri.path(),
        claim.query,
        lines.collect::<String>(),
        claim.signed_headers,
        claim.payload
    );
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{}\n{expected_scope}\n{}",
        claim.date,
        hex::encode(Sha256::digest(canonical.as_bytes()))
    );
    let key = [day, REGION, "s3", "aws4_request"]
        .iter()
        .fold(format!("AWS4{SECRET_KEY}").into_bytes(), |key, part| {
            mac(&key, part)
        });
    if hex::encode(mac(&key, &to_sign)) == claim.signature {
        Ok(())
    } else {
        Err(format!("SignatureDoesNotMatch: {method} {uri}"))
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn in_header(query: &str, headers: &HeaderMap, body: &[u8]) -> Result<Claim, String> {
    let text = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.map(str::to_owned).ok_or(format!("no {name}"))
    };
    let authorization = text("authorization")?;
    let parts = authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .ok_or("another algorithm")?;
    let part = |name: &str| {
        let found = parts.split(", ").find_map(|part| part.strip_prefix(name));
        found.map(str::to_owned).ok_or(format!("no {name}"))
    };
    let payload = text("x-amz-content-sha256")?;
    if payload != hex::encode(Sha256::digest(body)) {
        return Err("XAmzContentSHA256Mismatch".to_owned());
    }
    Ok(Claim {
        credential: part("Credential=")?,
        signed_headers: part("SignedHeaders=")?,
        signature: part("Signature=")?,
        date: text("x-amz-date")?,
        payload,
        query: query.to_owned(),
    })
}

fn in_query(query: &str, now: DateTime<Utc>) -> Result<Claim, String> {
    let pairs: BTreeMap<String, String> = url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let value = |name: &str| pairs.get(name).cloned().ok_or(format!("no {name}"));
    let date = value("X-Amz-Date")?;
    let signed_at = NaiveDateTime::parse_from_str(&date, "%Y%m%dT%H%M%SZ");
    let age = now - signed_at.map_err(|error| error.to_string())?.and_utc();
    let lifetime: i64 = value("X-Amz-Expires")?.parse().map_err(|_| "no number")?;
    if age.num_seconds() > lifetime || !(1..=604_800).contains(&lifetime) {
        return Err("Request has expired".to_owned());
    }
    let mut signed: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.starts_with("X-Amz-Signature="))
        .collect();
    signed.sort_unstable();
    Ok(Claim {
        credential: value("X-Amz-Credential")?,
        signed_headers: value("X-Amz-SignedHeaders")?,
        signature: value("X-Amz-Signature")?,
        date,
        payload: "UNSIGNED-PAYLOAD".to_owned(),
        query: signed.join("&"),
    })
}

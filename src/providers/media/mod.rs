//! Where pictures are stored: files in the data directory, a bucket, or Cloudinary.
//!
//! Each storage makes the form by which a client uploads, reads what has arrived, takes what we
//! encoded, and removes objects. None of them looks into a picture.

mod cloudinary;
mod local;
mod s3;

use chrono::{DateTime, Utc};
use reqwest::{Response, StatusCode};
use url::Url;

use super::http;
use crate::config::{Config, MediaStorage};
use crate::domain::ids::UploadId;
use crate::domain::media::{AvatarName, MediaObject, Storage};
use crate::fault::Fault;

use cloudinary::Cloudinary;
pub use local::{Local, ReceiveError};
use s3::S3;

/// The header with the secret of an upload to idgate itself.
pub const UPLOAD_SECRET: &str = "idgate-upload-secret";
/// How long browsers and caches keep an avatar, whose name changes with its contents.
pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// The configured storage.
#[derive(Debug)]
pub enum Media {
    /// Files in the data directory.
    Local(Local),
    /// A bucket.
    S3(S3),
    /// Cloudinary.
    Cloudinary(Cloudinary),
}

/// An upload that a client is about to make.
#[derive(Clone, Copy)]
pub struct NewUpload<'a> {
    /// Its id.
    pub id: UploadId,
    /// The media type.
    pub content_type: &'a str,
    /// The exact size in bytes.
    pub content_length: u64,
    /// The secret that an upload to idgate presents.
    pub secret: &'a str,
    /// For how many seconds it may begin.
    pub lifetime: i64,
    /// The current time.
    pub now: DateTime<Utc>,
}

/// How a client sends a picture to the storage.
#[derive(Debug, PartialEq, Eq)]
pub struct UploadForm {
    /// The address.
    pub url: String,
    /// `PUT` with the picture as the body, or `POST` with a multipart form.
    pub method: &'static str,
    /// Headers to send.
    pub headers: Vec<(&'static str, String)>,
    /// Fields of the form, before the file.
    pub fields: Vec<(&'static str, String)>,
}

/// Why an object was not read, stored or removed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// There is no such object.
    #[error("there is no such object")]
    Missing,
    /// It is larger than allowed.
    #[error("the object is too large")]
    TooLarge,
    /// The storage does not answer, or refuses us. The text is for operators.
    #[error("{0}")]
    Unavailable(String),
}

impl From<std::io::Error> for MediaError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::NotFound {
            return Self::Missing;
        }
        Self::Unavailable(format!("the media directory: {error}"))
    }
}

impl Media {
    /// The configured storage. Connects to nothing and makes no directory.
    pub fn configured(config: &Config) -> Result<Self, Fault> {
        let settings = &config.media;
        Ok(match settings.storage {
            MediaStorage::Local => Self::Local(Local::new(config)),
            MediaStorage::S3 => Self::S3(S3::new(settings)?),
            MediaStorage::Cloudinary => Self::Cloudinary(Cloudinary::new(settings)?),
        })
    }

    /// Which storage this is.
    #[must_use]
    pub const fn storage(&self) -> Storage {
        match self {
            Self::Local(_) => Storage::Local,
            Self::S3(_) => Storage::S3,
            Self::Cloudinary(_) => Storage::Cloudinary,
        }
    }

    /// How a client sends a picture.
    pub fn form(&self, upload: NewUpload<'_>) -> Result<UploadForm, Fault> {
        match self {
            Self::Local(local) => Ok(local.form(upload)),
            Self::S3(s3) => s3.form(upload),
            Self::Cloudinary(cloudinary) => Ok(cloudinary.form(upload)),
        }
    }

    /// Reads what was uploaded, if it is at most `limit` bytes.
    pub async fn read_upload(
        &self,
        id: UploadId,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<Vec<u8>, MediaError> {
        match self {
            Self::Local(local) => local.read_upload(id, limit).await,
            Self::S3(s3) => s3.read_upload(id, limit, now).await,
            Self::Cloudinary(cloudinary) => cloudinary.read_upload(id, limit).await,
        }
    }

    /// Stores an avatar.
    pub async fn store(
        &self,
        name: &AvatarName,
        bytes: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Result<(), MediaError> {
        match self {
            Self::Local(local) => local.store(name, bytes).await,
            Self::S3(s3) => s3.store(name, bytes, now).await,
            Self::Cloudinary(cloudinary) => cloudinary.store(name, bytes, now).await,
        }
    }

    /// Removes an object. One that is not there counts as removed.
    pub async fn remove(&self, object: &MediaObject, now: DateTime<Utc>) -> Result<(), MediaError> {
        let removed = match self {
            Self::Local(local) => local.remove(object).await,
            Self::S3(s3) => s3.remove(object, now).await,
            Self::Cloudinary(cloudinary) => cloudinary.remove(object, now).await,
        };
        match removed {
            Err(MediaError::Missing) => Ok(()),
            other => other,
        }
    }

    /// The address of an avatar in this storage.
    #[must_use]
    pub fn url(&self, name: &AvatarName) -> String {
        match self {
            Self::Local(local) => local.url(name),
            Self::S3(s3) => s3.url(name),
            Self::Cloudinary(cloudinary) => cloudinary.url(name),
        }
    }
}

/// A URL as text, without the slash at its end.
fn base(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

fn unavailable(provider: &str, reason: impl std::fmt::Display) -> MediaError {
    MediaError::Unavailable(format!("{provider}: {reason}"))
}

/// The answer to a request, if it succeeded.
async fn answer(provider: &str, request: reqwest::RequestBuilder) -> Result<Response, MediaError> {
    let answered = request.send().await;
    let response = answered.map_err(|error| unavailable(provider, http::no_answer(error)))?;
    match response.status() {
        status if status.is_success() => Ok(response),
        StatusCode::NOT_FOUND => Err(MediaError::Missing),
        status => Err(unavailable(provider, format!("status {}", status.as_u16()))),
    }
}

/// The body of an answer, read no further than the limit.
async fn body(provider: &str, mut response: Response, limit: usize) -> Result<Vec<u8>, MediaError> {
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        let chunk = chunk.map_err(|error| unavailable(provider, http::no_answer(error)))?;
        let Some(chunk) = chunk else { return Ok(body) };
        if body.len() + chunk.len() > limit {
            return Err(MediaError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
}

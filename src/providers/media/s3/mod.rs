//! A bucket of S3 or a compatible service, addressed by path.
//!
//! Uploads go to `uploads/`, which has to be private, and avatars to `avatars/`, which browsers read.

mod signature;

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{Client, Method};
use url::Url;

use super::{CACHE_CONTROL, MediaError, NewUpload, UploadForm, answer, base, body, unavailable};
use crate::config;
use crate::domain::ids::UploadId;
use crate::domain::media::{AvatarName, MediaObject};
use crate::fault::Fault;
use crate::providers::http;

use signature::{Request, Signer};

const NAME: &str = "S3";

/// A bucket and an access key.
pub struct S3 {
    client: Client,
    signer: Signer,
    /// The address of the bucket, without a slash at its end.
    bucket: String,
    /// Where browsers load avatars from.
    public: String,
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("S3").finish_non_exhaustive()
    }
}

impl S3 {
    pub(super) fn new(settings: &config::Media) -> Result<Self, Fault> {
        let missing = || Fault::new("the settings of the bucket are not complete");
        let endpoint = settings.s3_endpoint.as_ref().ok_or_else(missing)?;
        let bucket = settings.s3_bucket.as_ref().ok_or_else(missing)?;
        let bucket = format!("{}/{bucket}", base(endpoint));
        let public = settings.public_url.as_ref();
        Ok(Self {
            client: http::client(Duration::from_secs(settings.timeout_seconds))?,
            signer: Signer {
                region: settings.s3_region.clone(),
                access_key: settings.s3_access_key.clone().ok_or_else(missing)?,
                secret_key: settings.s3_secret_key.clone().ok_or_else(missing)?,
            },
            public: public.map_or_else(|| bucket.clone(), |url| base(url).to_owned()),
            bucket,
        })
    }

    pub(super) fn form(&self, upload: NewUpload<'_>) -> Result<UploadForm, Fault> {
        let url = self.object(&MediaObject::Upload(upload.id))?;
        let headers = [
            ("content-length", upload.content_length.to_string()),
            ("content-type", upload.content_type.to_owned()),
        ];
        let request = Request {
            method: "PUT",
            url: &url,
            headers: &headers,
            now: upload.now,
        };
        let url = self.signer.presigned(&request, upload.lifetime)?;
        Ok(UploadForm {
            url: url.to_string(),
            method: "PUT",
            // Clients set the length by themselves, and pages may not.
            headers: vec![("Content-Type", upload.content_type.to_owned())],
            fields: Vec::new(),
        })
    }

    pub(super) async fn read_upload(
        &self,
        id: UploadId,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<Vec<u8>, MediaError> {
        let object = MediaObject::Upload(id);
        let request = self.request(Method::GET, &object, &[], Vec::new(), now)?;
        body(NAME, answer(NAME, request).await?, limit).await
    }

    pub(super) async fn store(
        &self,
        name: &AvatarName,
        bytes: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Result<(), MediaError> {
        let headers = [
            ("cache-control", CACHE_CONTROL.to_owned()),
            ("content-type", name.format().content_type().to_owned()),
        ];
        let object = MediaObject::Avatar(name.clone());
        let request = self.request(Method::PUT, &object, &headers, bytes, now)?;
        match answer(NAME, request).await {
            // There is no bucket.
            Err(MediaError::Missing) => Err(unavailable(NAME, "status 404")),
            other => other.map(drop),
        }
    }

    pub(super) async fn remove(
        &self,
        object: &MediaObject,
        now: DateTime<Utc>,
    ) -> Result<(), MediaError> {
        if matches!(object, MediaObject::Imported(_)) {
            // Nothing was imported to here.
            return Ok(());
        }
        let request = self.request(Method::DELETE, object, &[], Vec::new(), now)?;
        answer(NAME, request).await.map(drop)
    }

    pub(super) fn url(&self, name: &AvatarName) -> String {
        format!("{}/avatars/{name}", self.public)
    }

    fn object(&self, object: &MediaObject) -> Result<Url, Fault> {
        Ok(Url::parse(&format!("{}/{object}", self.bucket))?)
    }

    fn request(
        &self,
        method: Method,
        object: &MediaObject,
        headers: &[(&'static str, String)],
        bytes: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Result<reqwest::RequestBuilder, MediaError> {
        let url = self
            .object(object)
            .map_err(|error| unavailable(NAME, error))?;
        let request = Request {
            method: method.as_str(),
            url: &url,
            headers,
            now,
        };
        let signed = self.signer.headers(&request, &bytes);
        let signed = signed.map_err(|error| unavailable(NAME, error))?;
        let request = self.client.request(method, url);
        let request = signed.into_iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        Ok(if bytes.is_empty() {
            request
        } else {
            request.body(bytes)
        })
    }
}

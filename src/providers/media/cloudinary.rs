//! Cloudinary's upload API.
//!
//! Uploads of clients have the type `authenticated`: only a signed address delivers them, so nothing
//! unchecked is public. Avatars have the type `upload`.

use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use chrono::{DateTime, Utc};
use reqwest::Client;
use reqwest::multipart::{Form, Part};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{MediaError, NewUpload, UploadForm, answer, base, body, unavailable};
use crate::config::{self, CloudinarySignature};
use crate::domain::ids::UploadId;
use crate::domain::media::{AvatarName, MediaObject};
use crate::fault::Fault;
use crate::providers::http;

const NAME: &str = "Cloudinary";
/// The type of unchecked uploads.
const UNCHECKED: &str = "authenticated";
const ALLOWED_FORMATS: &str = "gif,jpg,png,webp";
/// The maximum size of an answer of the API.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// Characters of a signature in a delivery address: eight with SHA-1, 32 with SHA-256.
const SHORT_SIGNATURE: usize = 8;
const LONG_SIGNATURE: usize = 32;

/// A cloud and its API key.
pub struct Cloudinary {
    client: Client,
    key: String,
    secret: SecretString,
    signature: CloudinarySignature,
    /// The address of the API for pictures, without a slash at its end.
    api: String,
    /// The address of delivered pictures.
    delivery: String,
    /// Where browsers load avatars from.
    public: String,
}

impl std::fmt::Debug for Cloudinary {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Cloudinary").finish_non_exhaustive()
    }
}

/// The answer to `destroy`.
#[derive(Deserialize)]
struct Destroyed {
    result: String,
}

impl Cloudinary {
    pub(super) fn new(settings: &config::Media) -> Result<Self, Fault> {
        let missing = || Fault::new("the settings of Cloudinary are not complete");
        let cloud = settings.cloudinary_cloud.as_ref().ok_or_else(missing)?;
        let delivery = format!("{}/{cloud}/image", base(&settings.cloudinary_delivery_url));
        let public = settings.public_url.as_ref();
        Ok(Self {
            client: http::client(Duration::from_secs(settings.timeout_seconds))?,
            key: settings.cloudinary_key.clone().ok_or_else(missing)?,
            secret: settings.cloudinary_secret.clone().ok_or_else(missing)?,
            signature: settings.cloudinary_signature,
            api: format!("{}/v1_1/{cloud}/image", base(&settings.cloudinary_api_url)),
            public: public.map_or_else(
                || format!("{delivery}/upload/v1"),
                |url| base(url).to_owned(),
            ),
            delivery,
        })
    }

    pub(super) fn form(&self, upload: NewUpload<'_>) -> UploadForm {
        let parameters = vec![
            ("allowed_formats", ALLOWED_FORMATS.to_owned()),
            // Whoever has the form sends one picture with it.
            ("overwrite", "false".to_owned()),
            ("public_id", MediaObject::Upload(upload.id).to_string()),
            ("type", UNCHECKED.to_owned()),
        ];
        UploadForm {
            url: format!("{}/upload", self.api),
            method: "POST",
            headers: Vec::new(),
            fields: self.signed(parameters, upload.now),
        }
    }

    pub(super) async fn read_upload(
        &self,
        id: UploadId,
        limit: usize,
    ) -> Result<Vec<u8>, MediaError> {
        let object = MediaObject::Upload(id).to_string();
        let signature = self.delivery_signature(&object);
        // The version keeps the folder from being read as a transformation.
        let url = format!("{}/{UNCHECKED}/s--{signature}--/v1/{object}", self.delivery);
        body(NAME, answer(NAME, self.client.get(url)).await?, limit).await
    }

    pub(super) async fn store(
        &self,
        name: &AvatarName,
        bytes: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Result<(), MediaError> {
        let parameters = vec![("public_id", public_id(&MediaObject::Avatar(name.clone())))];
        let file = Part::bytes(bytes)
            .file_name(name.to_string())
            .mime_str(name.format().content_type());
        let file = file.map_err(|error| unavailable(NAME, error))?;
        let form = self
            .signed(parameters, now)
            .into_iter()
            .fold(Form::new(), |form, (name, value)| form.text(name, value));
        let request = self.client.post(format!("{}/upload", self.api));
        match answer(NAME, request.multipart(form.part("file", file))).await {
            Err(MediaError::Missing) => Err(unavailable(NAME, "status 404")),
            other => other.map(drop),
        }
    }

    pub(super) async fn remove(
        &self,
        object: &MediaObject,
        now: DateTime<Utc>,
    ) -> Result<(), MediaError> {
        let mut parameters = vec![
            // Copies in the caches of the delivery network go, too.
            ("invalidate", "true".to_owned()),
            ("public_id", public_id(object)),
        ];
        if matches!(object, MediaObject::Upload(_)) {
            parameters.push(("type", UNCHECKED.to_owned()));
        }
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.signed(parameters, now))
            .finish();
        let request = self
            .client
            .post(format!("{}/destroy", self.api))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let answered = body(NAME, answer(NAME, request).await?, MAX_ANSWER_BYTES).await?;
        let destroyed: Result<Destroyed, _> = serde_json::from_slice(&answered);
        match destroyed {
            Ok(Destroyed { result }) if result == "ok" || result == "not found" => Ok(()),
            _ => Err(unavailable(NAME, "an answer that confirms nothing")),
        }
    }

    pub(super) fn url(&self, name: &AvatarName) -> String {
        format!("{}/avatars/{name}", self.public)
    }

    /// The parameters with the key, the time and their signature.
    fn signed(
        &self,
        mut parameters: Vec<(&'static str, String)>,
        now: DateTime<Utc>,
    ) -> Vec<(&'static str, String)> {
        parameters.push(("timestamp", now.timestamp().to_string()));
        parameters.sort();
        let pairs: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let signature = hex::encode(self.digest(&pairs.join("&")));
        parameters.push(("api_key", self.key.clone()));
        parameters.push(("signature", signature));
        parameters
    }

    /// The signature in the address of a picture that is not public.
    fn delivery_signature(&self, object: &str) -> String {
        let mut text = URL_SAFE.encode(self.digest(object));
        text.truncate(match self.signature {
            CloudinarySignature::Sha1 => SHORT_SIGNATURE,
            CloudinarySignature::Sha256 => LONG_SIGNATURE,
        });
        text
    }

    fn digest(&self, text: &str) -> Vec<u8> {
        let algorithm = match self.signature {
            CloudinarySignature::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            CloudinarySignature::Sha256 => &digest::SHA256,
        };
        let mut context = digest::Context::new(algorithm);
        context.update(text.as_bytes());
        context.update(self.secret.expose_secret().as_bytes());
        context.finish().as_ref().to_vec()
    }
}

/// The public id of an object: for pictures, its name without the extension.
fn public_id(object: &MediaObject) -> String {
    match object {
        MediaObject::Upload(_) => object.to_string(),
        MediaObject::Avatar(name) => format!("avatars/{}", name.hash()),
        MediaObject::Imported(id) => id.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(secret: &str) -> Cloudinary {
        Cloudinary {
            client: http::client(Duration::from_secs(1)).unwrap(),
            key: "1234".to_owned(),
            secret: secret.into(),
            signature: CloudinarySignature::Sha1,
            api: String::new(),
            delivery: String::new(),
            public: String::new(),
        }
    }

    /// The examples of Cloudinary's documentation and SDKs.
    #[test]
    fn signatures_are_those_of_the_examples() {
        let now = DateTime::from_timestamp(1_315_060_510, 0).unwrap();
        let signature = |parameters| cloud("abcd").signed(parameters, now).pop().unwrap().1;
        let id = ("public_id", "sample_image".to_owned());
        assert_eq!(
            signature(vec![id.clone()]),
            "b4ad47fb4e25c7bf5f92a20089f9db59bc302313"
        );
        let eager = ("eager", "w_400,h_300,c_pad|w_260,h_200,c_crop".to_owned());
        assert_eq!(
            signature(vec![id, eager]),
            "bfd09f95f331f558cbd1320e67aa8d488770583e"
        );
        assert_eq!(cloud("b").delivery_signature("image.jpg"), "--SjmNDA");
    }
}

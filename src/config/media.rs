//! `[media]`: where pictures are stored, and what is accepted as one.

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::diagnostics::Diagnostics;
use super::read::read_from_text;
use super::section::{Check, section};
use super::service_url::is_loopback;
use crate::domain::media::Storage;

/// The last second of an upload by a URL that S3 signs (AWS: seven days) or by a signature of
/// Cloudinary (an hour), whichever is less.
const MAX_UPLOAD_SECONDS: i64 = 3_600;

section! {
    /// Where pictures are stored, and what is accepted as one.
    pub struct Media("media") {
        /// Where pictures are stored: "local" (files in the data directory, served by idgate), "s3" or
        /// "cloudinary".
        pub storage: MediaStorage = "local";
        /// The address below which browsers find stored pictures, such as a CDN in front of the storage.
        /// Empty is the storage itself.
        pub public_url: Option<Url> = "";
        /// Bytes that an upload may have.
        pub max_bytes: u64 = 5_242_880, in 1_024..=20_971_520;
        /// Pixels of an uploaded picture; a decoded one takes up to ten bytes for each while it is
        /// scaled.
        pub max_pixels: u64 = 24_000_000, in 262_144..=100_000_000;
        /// Pictures that are decoded at once.
        pub decoders: usize = 2, in 1..=64;
        /// Pictures that wait to be decoded; further ones are refused.
        pub decoder_queue: usize = 16, in 0..=1_000;
        /// Seconds from `beginAvatarUpload` within which a picture has to be uploaded and set.
        pub upload_seconds: i64 = 600, in 60..=MAX_UPLOAD_SECONDS;
        /// Uploads that one person may have open.
        pub max_uploads: u64 = 5, in 1..=100;
        /// Seconds for one upload to idgate itself, from its first to its last byte.
        pub receive_seconds: u64 = 60, in 1..=600;
        /// Seconds for one request to the storage.
        pub timeout_seconds: u64 = 20, in 1..=30;
        /// Removals of stored pictures in progress at once.
        pub removals: usize = 8, in 1..=100;
        /// The address below which imported avatars are found that are no URLs. Empty shows their values
        /// as they were imported.
        pub imported_url: Option<Url> = "";
        /// Imported avatars at Cloudinary whose public id begins with this belong to one person, and are
        /// destroyed with their account's avatar. Empty destroys none.
        pub imported_prefix: Option<String> = "";
        /// The endpoint of the S3 service, without the bucket, such as
        /// `https://s3.eu-central-1.amazonaws.com`.
        pub s3_endpoint: Option<Url> = "";
        /// The bucket of pictures; only `avatars/` in it may be public.
        pub s3_bucket: Option<String> = "";
        /// The region, part of every signature.
        pub s3_region: String = "us-east-1";
        /// The id of the access key of the bucket.
        pub s3_access_key: Option<String> = "";
        /// The secret access key of the bucket.
        pub s3_secret_key: Option<SecretString> = "";
        /// The name of the Cloudinary cloud.
        pub cloudinary_cloud: Option<String> = "";
        /// The API key of the Cloudinary cloud.
        pub cloudinary_key: Option<String> = "";
        /// The API secret of the Cloudinary cloud.
        pub cloudinary_secret: Option<SecretString> = "";
        /// The hash of Cloudinary's signatures: "sha1", or "sha256" if the account is set to it.
        pub cloudinary_signature: CloudinarySignature = "sha1";
        /// The address of Cloudinary's upload API.
        pub cloudinary_api_url: Url = "https://api.cloudinary.com/";
        /// The address from which Cloudinary delivers pictures.
        pub cloudinary_delivery_url: Url = "https://res.cloudinary.com/";
    }
}

/// Where pictures are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaStorage {
    /// Files in the data directory.
    Local,
    /// A bucket of S3 or a compatible service.
    S3,
    /// Cloudinary.
    Cloudinary,
}

/// The hash of Cloudinary's signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CloudinarySignature {
    /// What accounts begin with.
    Sha1,
    /// What an account can be set to.
    Sha256,
}

read_from_text!(MediaStorage, CloudinarySignature);

impl Media {
    /// The storage.
    #[must_use]
    pub const fn storage(&self) -> Storage {
        match self.storage {
            MediaStorage::Local => Storage::Local,
            MediaStorage::S3 => Storage::S3,
            MediaStorage::Cloudinary => Storage::Cloudinary,
        }
    }

    /// The addresses that requests with our credentials or people's pictures go to, by setting.
    pub(super) fn services(&self) -> Vec<(&'static str, &Url)> {
        match self.storage {
            MediaStorage::Local => Vec::new(),
            MediaStorage::S3 => {
                let endpoint = self.s3_endpoint.as_ref();
                endpoint
                    .map(|url| ("media.s3_endpoint", url))
                    .into_iter()
                    .collect()
            }
            MediaStorage::Cloudinary => self.cloudinary().to_vec(),
        }
    }

    fn cloudinary(&self) -> [(&'static str, &Url); 2] {
        [
            ("media.cloudinary_api_url", &self.cloudinary_api_url),
            (
                "media.cloudinary_delivery_url",
                &self.cloudinary_delivery_url,
            ),
        ]
    }

    fn check_s3(&self, diagnostics: &mut Diagnostics<'_>) {
        let missing = [
            ("media.s3_endpoint", self.s3_endpoint.is_none()),
            ("media.s3_bucket", self.s3_bucket.is_none()),
            ("media.s3_access_key", self.s3_access_key.is_none()),
            ("media.s3_secret_key", self.s3_secret_key.is_none()),
        ];
        refuse_missing(&missing, "media.storage is \"s3\"", diagnostics);
        let is_name = |name: &String| {
            let allowed = |byte: u8| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte)
            };
            (3..=63).contains(&name.len()) && name.bytes().all(allowed) && !name.contains("..")
        };
        if self.s3_bucket.as_ref().is_some_and(|name| !is_name(name)) {
            diagnostics.refuse(
                "media.s3_bucket",
                "this is no name of a bucket",
                "Write 3 to 63 lower-case letters, digits, dots and hyphens.",
            );
        }
    }

    fn check_cloudinary(&self, diagnostics: &mut Diagnostics<'_>) {
        let missing = [
            ("media.cloudinary_cloud", self.cloudinary_cloud.is_none()),
            ("media.cloudinary_key", self.cloudinary_key.is_none()),
            ("media.cloudinary_secret", self.cloudinary_secret.is_none()),
        ];
        refuse_missing(&missing, "media.storage is \"cloudinary\"", diagnostics);
        let is_name = |name: &String| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
            name.bytes().all(allowed)
        };
        if self
            .cloudinary_cloud
            .as_ref()
            .is_some_and(|name| !is_name(name))
        {
            diagnostics.refuse(
                "media.cloudinary_cloud",
                "this is no name of a cloud",
                "Write the cloud name that the console shows.",
            );
        }
    }
}

fn refuse_missing(settings: &[(&str, bool)], because: &str, diagnostics: &mut Diagnostics<'_>) {
    for (key, _) in settings.iter().filter(|(_, is_missing)| *is_missing) {
        let variable = format!("IDGATE_{}", key.to_uppercase().replace('.', "__"));
        diagnostics.refuse(
            key,
            format!("{because} and this is empty"),
            format!("Set {variable}."),
        );
    }
}

impl Check for Media {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        match self.storage {
            MediaStorage::Local => {}
            MediaStorage::S3 => self.check_s3(diagnostics),
            MediaStorage::Cloudinary => self.check_cloudinary(diagnostics),
        }
        let endpoint = self
            .s3_endpoint
            .iter()
            .map(|url| ("media.s3_endpoint", url));
        for (key, url) in endpoint.chain(self.cloudinary()) {
            if !is_service(url) {
                diagnostics.refuse(
                    key,
                    "this is no web address, or it holds a user name, a query or a fragment",
                    "Write an https address; credentials have settings of their own.",
                );
            }
        }
        let public = [
            ("media.public_url", self.public_url.as_ref()),
            ("media.imported_url", self.imported_url.as_ref()),
        ];
        for (key, url) in public {
            if let Some(url) = url {
                diagnostics.web_address(key, url);
            }
        }
    }
}

fn is_service(url: &Url) -> bool {
    let is_bare = url.query().is_none() && url.fragment().is_none();
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare && is_anonymous
}

/// Whether requests to this address can be read on the way.
pub(super) fn is_exposed(url: &Url) -> bool {
    url.scheme() != "https" && !is_loopback(url)
}

//! Decoding pictures on a bounded number of threads, and where stored ones are found.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::Semaphore;

use super::App;
use crate::config;
use crate::domain::avatar::{self, Avatar, AvatarRule};
use crate::domain::media::{AvatarName, AvatarReference};
use crate::fault::Fault;
use crate::providers::media::{Media, MediaError};

/// What stays as it is in the path of an imported avatar; `%` among it, as some are encoded already.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'%')
    .remove(b'-')
    .remove(b'.')
    .remove(b'/')
    .remove(b'_')
    .remove(b'~');

/// So many pictures wait that another one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecoderBusy;

/// Decodes pictures, a few at once: each takes CPU time, and memory for all its pixels.
#[derive(Debug)]
pub struct PictureDecoder {
    /// Places for those that wait and those that are decoded.
    places: Semaphore,
    threads: Arc<Semaphore>,
    max_pixels: u64,
}

impl PictureDecoder {
    /// A decoder within the configured limits.
    #[must_use]
    pub fn new(settings: &config::Media) -> Self {
        Self {
            places: Semaphore::new(settings.decoders + settings.decoder_queue),
            threads: Arc::new(Semaphore::new(settings.decoders)),
            max_pixels: settings.max_pixels,
        }
    }

    /// Makes an avatar of what was uploaded.
    pub async fn read(&self, upload: Vec<u8>) -> Result<Result<Avatar, AvatarRule>, DecoderBusy> {
        let _place = self.places.try_acquire().map_err(|_| DecoderBusy)?;
        let thread = Arc::clone(&self.threads).acquire_owned().await;
        let thread = thread.map_err(|_| DecoderBusy)?;
        let max_pixels = self.max_pixels;
        let decoding = tokio::task::spawn_blocking(move || {
            let read = avatar::read(&upload, max_pixels);
            // Not before the memory is free, even if the request has ended meanwhile.
            drop(upload);
            drop(thread);
            read
        });
        Ok(decoding.await.unwrap_or_else(|error| {
            tracing::error!(%error, "decoding a picture panicked");
            Err(AvatarRule::Damaged)
        }))
    }
}

impl App {
    /// The address of a picture, or of the configured default.
    #[must_use]
    pub fn avatar_url(&self, stored: Option<&str>) -> Option<String> {
        let stored = stored.filter(|text| !text.is_empty());
        let found = stored.and_then(|text| match AvatarReference::read(text) {
            // One that is in another storage is out of reach.
            AvatarReference::Ours(storage, name) => {
                (storage == self.media.storage()).then(|| self.media.url(&name))
            }
            AvatarReference::Url(url) => Some(url),
            AvatarReference::Imported(path) => Some(self.imported_url(path)),
        });
        let default = || self.config.profile.default_avatar_url.as_ref();
        found.or_else(|| default().map(ToString::to_string))
    }

    fn imported_url(&self, path: String) -> String {
        match &self.config.media.imported_url {
            Some(base) => {
                let base = base.as_str().trim_end_matches('/');
                format!("{base}/{}", utf8_percent_encode(&path, PATH))
            }
            None => path,
        }
    }

    /// Whether this process takes and serves pictures itself.
    #[must_use]
    pub fn serves_media(&self) -> bool {
        matches!(self.media, Media::Local(_))
    }

    /// The file of an avatar that this process serves; `None` if there is none.
    pub async fn served_avatar(&self, name: &AvatarName) -> Result<Option<Vec<u8>>, Fault> {
        let Media::Local(local) = &self.media else {
            return Ok(None);
        };
        match local.read(name).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(MediaError::Missing) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

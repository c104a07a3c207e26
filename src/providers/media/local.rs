//! Pictures as files in the data directory.
//!
//! A file is written under a temporary name and renamed when it is complete and on the disk, so that
//! none is ever read in part. Names come from ids and hashes alone.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::pin;

use futures_util::{Stream, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{MediaError, NewUpload, UPLOAD_SECRET, UploadForm, base};
use crate::config::Config;
use crate::domain::ids::UploadId;
use crate::domain::media::{AvatarName, MediaObject};

const UPLOADS: &str = "uploads";
const AVATARS: &str = "avatars";

/// A directory with the avatars and with the uploads that are not checked yet.
#[derive(Debug)]
pub struct Local {
    directory: PathBuf,
    /// Where clients upload to.
    uploads_url: String,
    /// Where browsers load avatars from.
    avatars_url: String,
}

/// Why an upload was not received.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// It is longer than announced.
    #[error("the upload is longer than announced")]
    TooLong,
    /// It is shorter than announced.
    #[error("the upload is shorter than announced")]
    TooShort,
    /// Another request is uploading to the same place.
    #[error("another request is uploading to this place")]
    Busy,
    /// The client stopped sending.
    #[error("the upload broke off")]
    BrokenOff,
    /// The file cannot be written.
    #[error("the upload cannot be written: {0}")]
    Disk(#[from] std::io::Error),
}

impl Local {
    pub(super) fn new(config: &Config) -> Self {
        let here = base(&config.server.public_url);
        let public = config.media.public_url.as_ref();
        let avatars = public.map_or_else(|| format!("{here}/media"), |url| base(url).to_owned());
        Self {
            directory: config.data_dir.join("media"),
            uploads_url: format!("{here}/media/{UPLOADS}"),
            avatars_url: format!("{avatars}/{AVATARS}"),
        }
    }

    pub(super) fn form(&self, upload: NewUpload<'_>) -> UploadForm {
        UploadForm {
            url: format!("{}/{}", self.uploads_url, upload.id),
            method: "PUT",
            headers: vec![
                ("Content-Type", upload.content_type.to_owned()),
                (UPLOAD_SECRET, upload.secret.to_owned()),
            ],
            fields: Vec::new(),
        }
    }

    pub(super) fn url(&self, name: &AvatarName) -> String {
        format!("{}/{name}", self.avatars_url)
    }

    /// Writes an upload of exactly this many bytes, as they arrive. The next one replaces it.
    pub async fn receive<B, E>(
        &self,
        id: UploadId,
        length: u64,
        body: impl Stream<Item = Result<B, E>>,
    ) -> Result<(), ReceiveError>
    where
        B: AsRef<[u8]>,
    {
        let place = self.place(UPLOADS, &id.to_string());
        let created = blocking(move || Part::create(place)).await;
        let (part, file) = created.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => ReceiveError::Busy,
            _ => ReceiveError::Disk(error),
        })?;
        let mut file = tokio::fs::File::from_std(file);
        let mut body = pin!(body);
        let mut left = length;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| ReceiveError::BrokenOff)?;
            let chunk = chunk.as_ref();
            left = u64::try_from(chunk.len())
                .ok()
                .and_then(|received| left.checked_sub(received))
                .ok_or(ReceiveError::TooLong)?;
            file.write_all(chunk).await?;
        }
        if left > 0 {
            return Err(ReceiveError::TooShort);
        }
        file.sync_all().await?;
        blocking(move || part.finish()).await?;
        Ok(())
    }

    pub(super) async fn read_upload(
        &self,
        id: UploadId,
        limit: usize,
    ) -> Result<Vec<u8>, MediaError> {
        let file = tokio::fs::File::open(self.place(UPLOADS, &id.to_string())).await?;
        let mut bytes = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        file.take(most).read_to_end(&mut bytes).await?;
        if bytes.len() > limit {
            return Err(MediaError::TooLarge);
        }
        Ok(bytes)
    }

    /// The file of an avatar.
    ///
    /// # Errors
    /// [`MediaError::Missing`] if there is none.
    pub async fn read(&self, name: &AvatarName) -> Result<Vec<u8>, MediaError> {
        Ok(tokio::fs::read(self.place(AVATARS, &name.to_string())).await?)
    }

    pub(super) async fn store(&self, name: &AvatarName, bytes: Vec<u8>) -> Result<(), MediaError> {
        let place = self.place(AVATARS, &name.to_string());
        let written = blocking(move || {
            let (part, mut file) = Part::create(place)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            part.finish()
        });
        Ok(written.await?)
    }

    pub(super) async fn remove(&self, object: &MediaObject) -> Result<(), MediaError> {
        let place = match object {
            MediaObject::Upload(id) => self.place(UPLOADS, &id.to_string()),
            MediaObject::Avatar(name) => self.place(AVATARS, &name.to_string()),
            // Nothing was imported to here.
            MediaObject::Imported(_) => return Ok(()),
        };
        // What an instance left that was killed while it wrote.
        remove_if_there(&part_of(&place)).await?;
        remove_if_there(&place).await
    }

    fn place(&self, folder: &str, name: &str) -> PathBuf {
        self.directory.join(folder).join(name)
    }
}

async fn remove_if_there(file: &Path) -> Result<(), MediaError> {
    match tokio::fs::remove_file(file).await {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn part_of(place: &Path) -> PathBuf {
    place.with_added_extension("part")
}

/// A file that is being written; removed unless it is finished.
struct Part {
    path: PathBuf,
    place: PathBuf,
    is_finished: bool,
}

impl Part {
    fn create(place: PathBuf) -> std::io::Result<(Self, File)> {
        if let Some(folder) = place.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        let path = part_of(&place);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let is_finished = false;
        let part = Self {
            path,
            place,
            is_finished,
        };
        Ok((part, file))
    }

    /// Gives the file its name, and waits until the disk has that, too.
    fn finish(mut self) -> std::io::Result<()> {
        std::fs::rename(&self.path, &self.place)?;
        self.is_finished = true;
        match self.place.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_finished {
            // It is removed again with the place itself.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(std::io::Error::other)?
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::os::unix::fs::PermissionsExt as _;

    use futures_util::stream;
    use uuid::Uuid;

    use super::*;
    use crate::domain::avatar::AvatarFormat;

    fn local(folder: &Path) -> Local {
        Local {
            directory: folder.to_owned(),
            uploads_url: String::new(),
            avatars_url: String::new(),
        }
    }

    fn files(folder: &Path) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return Vec::new();
        };
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.unwrap().file_name().into_string().unwrap()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    fn chunks(sizes: &[usize]) -> Vec<Result<Vec<u8>, Infallible>> {
        sizes.iter().map(|size| Ok(vec![7; *size])).collect()
    }

    #[tokio::test]
    async fn an_upload_is_there_when_it_is_complete_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let (local, id) = (local(folder.path()), UploadId::from(Uuid::from_u128(1)));
        let uploads = folder.path().join(UPLOADS);
        let cases: [(&[usize], bool); 5] = [
            (&[10, 20], true),
            (&[10, 19], false),
            (&[10, 21], false),
            (&[1_000_000], false),
            (&[], false),
        ];
        for (sizes, is_whole) in cases {
            let received = local.receive(id, 30, stream::iter(chunks(sizes))).await;
            assert_eq!(received.is_ok(), is_whole, "{sizes:?}");
            // A failed one leaves what was there.
            assert_eq!(files(&uploads), [id.to_string()]);
        }
        assert_eq!(local.read_upload(id, 30).await.unwrap(), [7; 30]);
        let too_large = local.read_upload(id, 29).await;
        assert_eq!(too_large, Err(MediaError::TooLarge));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&uploads), 0o700);
        assert_eq!(mode(&uploads.join(id.to_string())), 0o600);
    }

    #[tokio::test]
    async fn an_upload_that_breaks_off_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (local, id) = (local(folder.path()), UploadId::from(Uuid::from_u128(1)));
        let uploads = folder.path().join(UPLOADS);
        let broken: [Result<Vec<u8>, &str>; 2] = [Ok(vec![1; 5]), Err("reset")];
        let received = local.receive(id, 30, stream::iter(broken)).await;
        assert!(matches!(received, Err(ReceiveError::BrokenOff)));
        assert_eq!(files(&uploads), [""; 0]);
        // A second one waits for no one, and the first is dropped by its client.
        let slow = stream::iter(chunks(&[5])).chain(stream::pending());
        let mut first = Box::pin(local.receive(id, 30, slow));
        while files(&uploads).is_empty() {
            assert!(futures_util::poll!(&mut first).is_pending());
            tokio::task::yield_now().await;
        }
        let second = local.receive(id, 30, stream::iter(chunks(&[30]))).await;
        assert!(matches!(second, Err(ReceiveError::Busy)));
        drop(first);
        assert_eq!(files(&uploads), [""; 0]);
    }

    #[tokio::test]
    async fn what_is_removed_is_gone_and_removing_it_again_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let (local, id) = (local(folder.path()), UploadId::from(Uuid::from_u128(1)));
        let name = AvatarName::new(&[1; 32], AvatarFormat::Jpeg);
        local.store(&name, vec![1, 2, 3]).await.unwrap();
        assert_eq!(local.read(&name).await.unwrap(), [1, 2, 3]);
        local
            .receive(id, 1, stream::iter(chunks(&[1])))
            .await
            .unwrap();
        std::fs::write(folder.path().join(UPLOADS).join(format!("{id}.part")), "x").unwrap();
        for _ in 0..2 {
            local.remove(&MediaObject::Upload(id)).await.unwrap();
            local
                .remove(&MediaObject::Avatar(name.clone()))
                .await
                .unwrap();
        }
        for place in [UPLOADS, AVATARS] {
            assert_eq!(files(&folder.path().join(place)), [""; 0]);
        }
        assert_eq!(local.read(&name).await, Err(MediaError::Missing));
    }
}

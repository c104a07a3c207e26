//! Names of stored objects, and what the `avatar` of an account refers to.

use std::fmt;
use std::str::FromStr;

use super::avatar::AvatarFormat;
use super::ids::{MalformedId, UploadId};

/// Characters of a hash in a name: SHA-256 in hexadecimal.
const HASH_CHARACTERS: usize = 64;
/// What every reference to an object of ours begins with; no imported value does.
const SCHEME: &str = "media:";

/// Where objects are stored. The names are in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Storage {
    /// Files in the data directory.
    Local,
    /// A bucket that speaks the protocol of S3.
    S3,
    /// Cloudinary.
    Cloudinary,
}

impl Storage {
    /// Every storage.
    pub const ALL: [Self; 3] = [Self::Local, Self::S3, Self::Cloudinary];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::S3 => "s3",
            Self::Cloudinary => "cloudinary",
        }
    }

    /// The storage of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|storage| storage.as_str() == text)
    }
}

/// The name of an avatar: a salted hash of its contents.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AvatarName {
    hash: String,
    format: AvatarFormat,
}

impl AvatarName {
    /// The name for this hash.
    #[must_use]
    pub fn new(hash: &[u8; 32], format: AvatarFormat) -> Self {
        Self {
            hash: hex::encode(hash),
            format,
        }
    }

    /// The hash, as text.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The format.
    #[must_use]
    pub const fn format(&self) -> AvatarFormat {
        self.format
    }
}

impl fmt::Display for AvatarName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.hash, self.format.extension())
    }
}

impl FromStr for AvatarName {
    type Err = MalformedId;

    /// Reads a file name. Accepts nothing that could leave a directory.
    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let (hash, extension) = text.split_once('.').ok_or(MalformedId)?;
        let is_hash = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if hash.len() != HASH_CHARACTERS || !hash.bytes().all(is_hash) {
            return Err(MalformedId);
        }
        let format = AvatarFormat::of_extension(extension).ok_or(MalformedId)?;
        let hash = hash.to_owned();
        Ok(Self { hash, format })
    }
}

/// An object in the storage.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MediaObject {
    /// What was uploaded and is not checked yet.
    Upload(UploadId),
    /// An avatar that we encoded.
    Avatar(AvatarName),
    /// A picture that was there before the account was imported, by its public id.
    Imported(String),
}

impl fmt::Display for MediaObject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upload(id) => write!(formatter, "uploads/{id}"),
            Self::Avatar(name) => write!(formatter, "avatars/{name}"),
            Self::Imported(id) => write!(formatter, "imported/{id}"),
        }
    }
}

impl FromStr for MediaObject {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        match text.split_once('/') {
            Some(("uploads", id)) => Ok(Self::Upload(id.parse()?)),
            Some(("avatars", name)) => Ok(Self::Avatar(name.parse()?)),
            Some(("imported", id)) if !id.is_empty() => Ok(Self::Imported(id.to_owned())),
            _ => Err(MalformedId),
        }
    }
}

/// What the `avatar` of an account refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AvatarReference {
    /// An avatar of ours.
    Ours(Storage, AvatarName),
    /// A URL, imported.
    Url(String),
    /// A path or public id at the former storage, imported.
    Imported(String),
}

impl AvatarReference {
    /// Reads the column. A value that is not ours is an imported one.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let ours = text.strip_prefix(SCHEME).and_then(|rest| {
            let (storage, name) = rest.split_once('/')?;
            Some(Self::Ours(Storage::parse(storage)?, name.parse().ok()?))
        });
        let is_url = text.starts_with("https://") || text.starts_with("http://");
        ours.unwrap_or_else(|| {
            if is_url {
                Self::Url(text.to_owned())
            } else {
                Self::Imported(text.to_owned())
            }
        })
    }
}

impl fmt::Display for AvatarReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(storage, name) => write!(formatter, "{SCHEME}{}/{name}", storage.as_str()),
            Self::Url(text) | Self::Imported(text) => formatter.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name() -> AvatarName {
        AvatarName::new(&[0xab; 32], AvatarFormat::Png)
    }

    #[test]
    fn names_are_hashes_and_nothing_else() {
        let hash = "ab".repeat(32);
        assert_eq!(name().to_string(), format!("{hash}.png"));
        assert_eq!(format!("{hash}.png").parse(), Ok(name()));
        for other in [
            String::new(),
            hash.clone(),
            format!("{hash}.svg"),
            format!("{hash}.png.html"),
            format!("{hash}.png/"),
            format!("../{hash}.png"),
            format!("{}.png", hash.to_uppercase()),
            format!("{}/.png", &hash[1..]),
            format!("{}%2e.png", &hash[3..]),
            format!("{hash}a.png"),
            format!("{hash}.png\0"),
        ] {
            assert_eq!(other.parse::<AvatarName>(), Err(MalformedId), "{other}");
        }
    }

    #[test]
    fn references_read_back_and_imported_values_stay_as_they_are() {
        for storage in Storage::ALL {
            let ours = AvatarReference::Ours(storage, name());
            assert_eq!(AvatarReference::read(&ours.to_string()), ours);
        }
        for url in ["https://cdn.example.com/a.png", "http://x/media:local/"] {
            let read = AvatarReference::read(url);
            assert_eq!(read, AvatarReference::Url(url.to_owned()));
        }
        for path in [
            "avatars/2024/01/ada",
            "default.jpg",
            "media:x",
            "",
            "media:local/../x.png",
        ] {
            let read = AvatarReference::read(path);
            assert_eq!(read, AvatarReference::Imported(path.to_owned()));
            assert_eq!(read.to_string(), path);
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_readers(text in "(media:|uploads/|avatars/|imported/)?.*") {
            prop_assert_eq!(AvatarReference::read(&text).to_string(), text.clone());
            if let Ok(object) = text.parse::<MediaObject>() {
                prop_assert_eq!(object.to_string(), text);
            }
        }
    }
}

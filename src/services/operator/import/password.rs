//! Password hashes of the legacy system.

use zeroize::Zeroizing;

use crate::app::App;
use crate::crypto::hasher::Overloaded;
use crate::crypto::hasher::legacy::{self, HashProblem, ImportedHash};
use crate::domain::ids::UserId;
use crate::domain::legacy::Reason;
use crate::fault::Fault;
use crate::stores::password::ImportedPassword;

/// A hash as it was read.
pub(super) enum Password {
    /// The person has none.
    None,
    /// Stored as it is: the text, and what a verification costs.
    Ready(String, Option<u32>),
    /// To be wrapped first; in Django's text.
    Weak(Zeroizing<String>),
}

/// Reads Django's text.
pub(super) fn read(encoded: &str) -> Result<Password, Reason> {
    // Django takes an empty text for no usable password.
    if encoded.is_empty() {
        return Ok(Password::None);
    }
    match legacy::read(encoded) {
        Ok(ImportedHash::Unusable) => Ok(Password::None),
        Ok(ImportedHash::Strong(hash)) => {
            let (text, rounds) = (hash.as_str().to_owned(), hash.rounds());
            Ok(Password::Ready(text, Some(rounds)))
        }
        Ok(ImportedHash::Weak(_)) => Ok(Password::Weak(encoded.to_owned().into())),
        Err(HashProblem::Unknown) => Err(Reason::PasswordUnknown),
        Err(HashProblem::Malformed) => Err(Reason::PasswordMalformed),
        Err(HashProblem::TooCostly) => Err(Reason::PasswordTooCostly),
    }
}

impl Password {
    pub(super) fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// What is stored: the hash, and what a verification costs if it is not ours. `wrapped` is the
    /// hash of a weak one, if it has been made.
    pub(super) async fn stored(
        self,
        app: &App,
        user: UserId,
        wrapped: Option<String>,
    ) -> Result<Option<ImportedPassword>, Fault> {
        let (hash, rounds) = match (self, wrapped) {
            (Self::None, _) => return Ok(None),
            (Self::Ready(hash, rounds), _) => (hash, rounds),
            (Self::Weak(_), Some(wrapped)) => (wrapped, None),
            (Self::Weak(encoded), None) => (wrap(app, &encoded).await?, None),
        };
        Ok(Some(ImportedPassword { user, hash, rounds }))
    }
}

/// Wraps a digest, as soon as the queue of the hashing threads has a place.
pub(super) async fn wrap(app: &App, encoded: &str) -> Result<String, Fault> {
    loop {
        let Ok(ImportedHash::Weak(digest)) = legacy::read(encoded) else {
            return Err(Fault::new("a digest is not one any more"));
        };
        match app.hasher.wrap(digest).await {
            Ok(hash) => return Ok(hash),
            Err(Overloaded) => tokio::task::yield_now().await,
        }
    }
}

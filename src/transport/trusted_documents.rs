//! Trusted documents: the texts behind document ids, fixed when the binary was built.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

use crate::schema::error::{Error, ErrorCode};

/// Document id to text; written by `idgate schema --write`, embedded.
static MANIFEST: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    serde_json::from_str::<Manifest>(include_str!("../../queries/manifest.json"))
        .map(|manifest| manifest.documents)
        .unwrap_or_default()
});

#[derive(serde::Deserialize)]
struct Manifest {
    documents: HashMap<String, String>,
}

/// The id of a text, by which clients name it (GraphQL over HTTP, appendix A).
pub(super) fn id_of(text: &str) -> String {
    let hash = Sha256::digest(text);
    hash.iter().fold("sha256:".to_owned(), |mut id, byte| {
        // Writing to a String does not fail.
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// What a request named by text or by id.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    /// The text to run.
    pub(super) text: String,
    /// Its id, where it is a trusted one.
    pub(super) id: Option<String>,
}

/// Finds the text of a request: by id if it gives one, else the text itself where that is allowed.
pub(super) fn resolve(
    query: Option<String>,
    id: Option<&str>,
    required: bool,
) -> Result<Resolved, Error> {
    if let Some(id) = id {
        let hash = id
            .strip_prefix("sha256:")
            .unwrap_or(id)
            .to_ascii_lowercase();
        let text = MANIFEST.get(&format!("sha256:{hash}")).cloned();
        let text = text.ok_or_else(|| {
            let message = "No trusted document has this id. Clients cannot register documents.";
            Error::of(ErrorCode::PersistedDocumentNotFound, message)
        })?;
        return Ok(Resolved {
            text,
            id: Some(format!("sha256:{hash}")),
        });
    }
    match query {
        Some(_) if required => {
            let message = "This server runs trusted documents only. Send a `documentId`.";
            Err(Error::of(ErrorCode::PersistedDocumentRequired, message))
        }
        Some(text) => Ok(Resolved { text, id: None }),
        None => {
            let message = "Send a GraphQL document as `query`, or a `documentId`.";
            Err(Error::of(ErrorCode::BadUserInput, message))
        }
    }
}

//! Trusted documents: the texts behind document ids, fixed when the binary was built.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

use super::incoming::Call;
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

/// Finds the text of a request, however it names it.
pub(super) fn named(call: &mut Call, required: bool) -> Result<Resolved, Error> {
    let query = call.query.take();
    match call.apollo_hash.as_deref() {
        Some(hash) => resolve_hashed(query, hash, required),
        None => resolve(query, call.document_id.as_deref(), required),
    }
}

/// Finds the text of a request: by id if it gives one, else the text itself where that is allowed.
fn resolve(query: Option<String>, id: Option<&str>, required: bool) -> Result<Resolved, Error> {
    if let Some(id) = id {
        return trusted(id.strip_prefix("sha256:").unwrap_or(id)).ok_or_else(|| {
            let message = "No trusted document has this id. Clients cannot register documents.";
            Error::of(ErrorCode::PersistedDocumentNotFound, message)
        });
    }
    match query {
        Some(_) if required => Err(only_trusted()),
        Some(text) => Ok(Resolved { text, id: None }),
        None => {
            let message = "Send a GraphQL document as `query`, or a `documentId`.";
            Err(Error::of(ErrorCode::BadUserInput, message))
        }
    }
}

/// Finds the text of a request in Apollo's form: its digest, and after `PersistedQueryNotFound`
/// the text beside it, which runs where any text does. It is not remembered as known: what one
/// client sends decides nothing for another.
fn resolve_hashed(query: Option<String>, hash: &str, required: bool) -> Result<Resolved, Error> {
    if let Some(text) = &query
        && !hex(&Sha256::digest(text)).eq_ignore_ascii_case(hash)
    {
        let message = "`sha256Hash` is not the digest of `query`.";
        return Err(Error::of(ErrorCode::BadUserInput, message));
    }
    if let Some(resolved) = trusted(hash) {
        return Ok(resolved);
    }
    match query {
        Some(_) if required => Err(only_trusted()),
        Some(text) => Ok(Resolved { text, id: None }),
        // The words that Apollo's clients look for.
        None => Err(Error::of(
            ErrorCode::PersistedQueryNotFound,
            "PersistedQueryNotFound",
        )),
    }
}

fn trusted(hash: &str) -> Option<Resolved> {
    let id = format!("sha256:{}", hash.to_ascii_lowercase());
    let text = MANIFEST.get(&id)?.clone();
    Some(Resolved { text, id: Some(id) })
}

fn only_trusted() -> Error {
    let message = "This server runs trusted documents only. Send a `documentId`.";
    Error::of(ErrorCode::PersistedDocumentRequired, message)
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}

//! How requests name documents: by text, by id, or in Apollo's form.

use super::incoming::Call;
use crate::app::{TrustedDocuments, document_id};
use crate::schema::error::{Error, ErrorCode};

/// What a request named by text or by id.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    /// The text to run.
    pub(super) text: String,
    /// Its id, where it is a trusted one.
    pub(super) id: Option<String>,
}

/// Finds the text of a request, however it names it.
pub(super) fn named(
    documents: &TrustedDocuments,
    call: &mut Call,
    required: bool,
) -> Result<Resolved, Error> {
    let query = call.query.take();
    match call.apollo_hash.as_deref() {
        Some(hash) => resolve_hashed(documents, query, hash, required),
        None => resolve(documents, query, call.document_id.as_deref(), required),
    }
}

/// Finds the text of a request: by id if it gives one, else the text itself where that is allowed.
fn resolve(
    documents: &TrustedDocuments,
    query: Option<String>,
    id: Option<&str>,
    required: bool,
) -> Result<Resolved, Error> {
    if let Some(id) = id {
        return trusted(documents, id).ok_or_else(|| {
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
fn resolve_hashed(
    documents: &TrustedDocuments,
    query: Option<String>,
    hash: &str,
    required: bool,
) -> Result<Resolved, Error> {
    let known = trusted(documents, hash);
    let is_its_text = |text: &String| match &known {
        Some(known) => known.text == *text,
        None => document_id(text).eq_ignore_ascii_case(&format!("sha256:{hash}")),
    };
    if query.as_ref().is_some_and(|text| !is_its_text(text)) {
        let message = "`sha256Hash` is not the digest of `query`.";
        return Err(Error::of(ErrorCode::BadUserInput, message));
    }
    if let Some(known) = known {
        return Ok(known);
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

fn trusted(documents: &TrustedDocuments, id: &str) -> Option<Resolved> {
    let document = documents.get(id)?;
    Some(Resolved {
        text: document.text.clone(),
        id: Some(document.id.clone()),
    })
}

fn only_trusted() -> Error {
    let message = "This server runs trusted documents only. Send a `documentId`.";
    Error::of(ErrorCode::PersistedDocumentRequired, message)
}

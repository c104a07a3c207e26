//! How requests name documents: by text, by id, or in Apollo's form.

use std::collections::HashMap;
use std::sync::LazyLock;

use async_graphql::parser::parse_query;

use super::incoming::Call;
use crate::app::{TrustedDocuments, built_in_documents, document_id};
use crate::schema::error::{Error, ErrorCode};

/// The names of the operations of each document that is compiled in.
static OPERATIONS: LazyLock<HashMap<&'static str, Vec<String>>> = LazyLock::new(|| {
    let documents = built_in_documents().iter();
    let named = documents.map(|(id, text)| (id.as_str(), names_of(text)));
    named.collect()
});

fn names_of(text: &str) -> Vec<String> {
    let Ok(document) = parse_query(text) else {
        return Vec::new();
    };
    let names = document.operations.iter().filter_map(|(name, _)| name);
    names.map(ToString::to_string).collect()
}

/// The id of a document that is compiled in, and the names of its operations.
pub(super) fn known(id: &str) -> Option<(&'static str, &'static [String])> {
    let (id, operations) = OPERATIONS.get_key_value(id)?;
    Some((id, operations))
}

/// The operation that a request names, or the only one.
pub(super) fn name_in(names: &'static [String], wanted: Option<&str>) -> Option<&'static str> {
    match (names, wanted) {
        ([only], None) => Some(only),
        (_, Some(wanted)) => names
            .iter()
            .map(String::as_str)
            .find(|name| *name == wanted),
        _ => None,
    }
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

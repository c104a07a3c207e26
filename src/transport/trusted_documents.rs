//! Resolves the document of a request: by its text, its id, or Apollo's `persistedQuery` extension.

use std::sync::Arc;

use super::graphql_request::GraphqlRequest;
use super::request_log;
use super::server::Server;
use crate::app::{TrustedDocuments, document_id};
use crate::schema::document::{self, Document};
use crate::schema::error::{Error, ErrorCode};
use crate::telemetry::request;

/// The document of a request, parsed and within the limits, and the operation to run.
pub(super) struct Prepared {
    pub(super) document: Arc<Document>,
    pub(super) operation: document::Operation,
    /// The id, if it is a trusted document.
    pub(super) id: Option<String>,
    /// The operation as it is logged.
    pub(super) logged: request::Operation,
}

/// Resolves and parses the document of a request, over HTTP or in a subscription. `check_size` bounds
/// the text before it is parsed.
pub(super) fn prepare(
    server: &Server,
    request: &mut GraphqlRequest,
    required: bool,
    check_size: impl FnOnce(&str) -> Result<(), Error>,
) -> Result<Prepared, Error> {
    if let Some(text) = &request.query {
        server.schema.check_length(text)?;
    }
    let resolved = resolve(&server.app.documents(), request, required)?;
    check_size(&resolved.text)?;
    let document = server.schema.prepare(resolved.text)?;
    let operation = document.operation(request.operation_name.as_deref())?;
    let logged = request_log::operation(resolved.id.as_deref(), &document, &operation);
    Ok(Prepared {
        document,
        operation,
        id: resolved.id,
        logged,
    })
}

/// The document of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    /// Its text.
    pub(super) text: String,
    /// Its id, if it is a trusted document.
    pub(super) id: Option<String>,
}

/// Resolves the document of a request.
pub(super) fn resolve(
    documents: &TrustedDocuments,
    request: &mut GraphqlRequest,
    required: bool,
) -> Result<Resolved, Error> {
    let query = request.query.take();
    match request.apollo_hash.as_deref() {
        Some(hash) => by_hash(documents, query, hash, required),
        None => by_id_or_text(documents, query, request.document_id.as_deref(), required),
    }
}

/// By its id if the request has one, else by its text where any document may run.
fn by_id_or_text(
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

/// By Apollo's protocol: first the digest alone, and after `PersistedQueryNotFound` the text beside
/// it, which runs where any document may. The text is not registered, so that one client cannot
/// fill the list for others.
fn by_hash(
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
        // The message that Apollo's clients look for.
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

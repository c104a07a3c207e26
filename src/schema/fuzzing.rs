//! Exposes the parsers of documents, variables and cursors to the targets in `fuzz/`.

use async_graphql::connection::CursorType as _;
use async_graphql::{Request, Response, Variables};
use futures_util::FutureExt as _;

use super::connection::TimeCursor;
use super::document::{self, Document, Limits, Refusal};
use super::error::Error;
use super::types::user_list::DirectoryCursor;

/// Checks variables against the limits and against their document.
///
/// # Errors
///
/// The limit that they exceed, or what is invalid.
pub fn check_variables(
    document: &Document,
    operation_name: Option<&str>,
    variables: &Variables,
    limits: &Limits,
) -> Result<(), Refusal> {
    document.check_variables(operation_name, variables, limits)
}

/// Counts the values of a JSON text.
///
/// # Errors
///
/// The limit that it exceeds.
pub fn check_json(text: &[u8], limits: &Limits) -> Result<(), Error> {
    Ok(document::check_json(text, limits)?)
}

/// The engine's validation errors for a document, without running a resolver.
///
/// `None` if the engine waits for something external.
#[must_use]
pub fn validate(document: &Document) -> Option<Response> {
    use std::sync::LazyLock;

    type Schema = async_graphql::Schema<
        super::query::Query,
        super::mutations::Mutation,
        super::subscription::Subscription,
    >;
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| super::builder().finish());

    let mut request = Request::new(document.text.clone());
    request.set_parsed_query(document.parsed.clone());
    // No operation has this name: everything is validated, nothing runs.
    request.operation_name = Some("0".to_owned());
    SCHEMA.execute(request).now_or_never()
}

/// Decodes and re-encodes a cursor of a list ordered by time.
#[must_use]
pub fn cursor(text: &str) -> Option<String> {
    TimeCursor::decode_cursor(text)
        .ok()
        .map(|cursor| cursor.encode_cursor())
}

/// Decodes and re-encodes a cursor of the user list.
#[must_use]
pub fn user_cursor(text: &str) -> Option<String> {
    DirectoryCursor::decode_cursor(text)
        .ok()
        .map(|cursor| cursor.encode_cursor())
}

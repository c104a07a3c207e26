//! GraphQL requests: parsed from a body or a query string (GraphQL over HTTP §5), strictly.
//!
//! What two parsers could understand differently (a duplicate key, an encoding, an array in place of
//! an object) is rejected, since a proxy in front may have understood it the other way.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::negotiation::ContentType;
use super::rejection::Rejection;
use super::request_head::RequestHead;
use super::request_log;
use super::server::Server;
use crate::schema::document::Limit;
use crate::schema::error::{Error, ErrorCode};

/// Bytes of an oversized body that are read and discarded before the response.
const MAX_DISCARDED_BYTES: usize = 32 * 1024 * 1024;

/// A GraphQL request.
#[derive(Debug, Default, PartialEq)]
pub(super) struct GraphqlRequest {
    pub(super) query: Option<String>,
    pub(super) document_id: Option<String>,
    /// The digest of the document, from Apollo's `persistedQuery` extension.
    pub(super) apollo_hash: Option<String>,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Map<String, Value>,
}

impl GraphqlRequest {
    /// Whether the document is sent as text and not by its id.
    pub(super) fn has_text(&self) -> bool {
        self.document_id.is_none() && self.query.is_some()
    }
}

/// The request parameters. A duplicate is an error; unknown ones are ignored (GraphQL over HTTP
/// §5.3).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RequestParams {
    query: Value,
    document_id: Value,
    operation_name: Value,
    variables: Value,
    extensions: Value,
}

/// Reads the body of a POST.
pub(super) async fn read_body(
    server: &Server,
    head: &RequestHead,
    body: Body,
) -> Result<GraphqlRequest, Rejection> {
    if head.content_type != ContentType::Json {
        return Err(not_json());
    }
    check_content_coding(head)?;
    let limit = server.app.config.server.body_limit;
    let bytes = within_limit(server, read_limited(body, limit).await?)?;
    parse(&bytes, |json| server.schema.check_json(json))
}

/// The body is not JSON in UTF-8.
pub(super) fn not_json() -> Rejection {
    let message = "Send the request as application/json in UTF-8.";
    let code = ErrorCode::UnsupportedMediaType;
    Rejection::of(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, message)
}

/// Reads a body of at most the configured size, which is not compressed.
pub(super) async fn read_within_limit(
    server: &Server,
    head: &RequestHead,
    body: Body,
) -> Result<Vec<u8>, Rejection> {
    check_content_coding(head)?;
    let limit = server.app.config.server.body_limit;
    within_limit(server, read_limited(body, limit).await?)
}

/// The body, unless it is too large.
fn within_limit(server: &Server, body: Option<Vec<u8>>) -> Result<Vec<u8>, Rejection> {
    body.ok_or_else(|| {
        server.app.metrics.limit(Limit::Body.as_str());
        let limit = server.app.config.server.body_limit;
        let message = format!("The body is too large. The limit is {limit} bytes.");
        let code = ErrorCode::PayloadTooLarge;
        Rejection::of(StatusCode::PAYLOAD_TOO_LARGE, code, &message)
    })
}

/// Rejects compressed bodies: a few kilobytes could expand to gigabytes (decompression bomb).
fn check_content_coding(head: &RequestHead) -> Result<(), Rejection> {
    if !head.has_content_coding {
        return Ok(());
    }
    let message = "Send the request without a content encoding.";
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Err(Rejection {
        header: Some(("accept-encoding", Cow::Borrowed("identity"))),
        ..Rejection::of(status, ErrorCode::UnsupportedMediaType, message)
    })
}

/// Reads a body of at most `limit` bytes, whatever `Content-Length` says; `None` if there is more.
///
/// The rest of an oversized body is discarded for a while: a client that is still sending would
/// otherwise see a connection reset in place of the response.
pub(super) async fn read_limited(body: Body, limit: usize) -> Result<Option<Vec<u8>>, Rejection> {
    let mut body_bytes = Vec::new();
    let mut seen = 0_usize;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Rejection::bad_request("The body could not be read."))?;
        seen = seen.saturating_add(chunk.len());
        if seen <= limit {
            body_bytes.extend_from_slice(&chunk);
        } else if seen > limit.saturating_add(MAX_DISCARDED_BYTES) {
            break;
        }
    }
    request_log::body(seen);
    Ok((seen <= limit).then_some(body_bytes))
}

/// Parses a complete body. `check` bounds the JSON before it is parsed.
pub(super) fn parse(
    bytes: &[u8],
    check: impl Fn(&[u8]) -> Result<(), Error>,
) -> Result<GraphqlRequest, Rejection> {
    match bytes.trim_ascii_start().first() {
        Some(b'{') => {}
        Some(b'[') => {
            let message = "One request is one operation; send them one by one.";
            let code = ErrorCode::BatchingNotSupported;
            return Err(Rejection::of(StatusCode::BAD_REQUEST, code, message));
        }
        _ => {
            return Err(Rejection::bad_request(
                "The body has to be a JSON object, without a BOM.",
            ));
        }
    }
    check(bytes).map_err(too_complex)?;
    let params: RequestParams = serde_json::from_slice(bytes).map_err(|error| {
        Rejection::bad_request(if error.is_data() {
            "Each member of the request can be given once."
        } else {
            "The body is not valid JSON in UTF-8."
        })
    })?;
    params.into_request()
}

fn too_complex(error: Error) -> Rejection {
    Rejection::new(StatusCode::BAD_REQUEST, error)
}

/// Parses the query string of a GET request; JSON in it is checked and parsed as in a body.
pub(super) fn read_query(
    query: &str,
    check: impl Fn(&[u8]) -> Result<(), Error>,
) -> Result<GraphqlRequest, Rejection> {
    // A lossy conversion would turn invalid UTF-8 into other text.
    if percent_decode_str(query).decode_utf8().is_err() {
        return Err(Rejection::bad_request("The address is not UTF-8."));
    }
    let mut params = RequestParams::default();
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let param = match key.as_ref() {
            "query" => &mut params.query,
            "documentId" => &mut params.document_id,
            "operationName" => &mut params.operation_name,
            "variables" => &mut params.variables,
            "extensions" => &mut params.extensions,
            _ => continue,
        };
        if !param.is_null() {
            return Err(Rejection::bad_request("Each parameter can be given once."));
        }
        *param = match key.as_ref() {
            "variables" | "extensions" if value.is_empty() => Value::Null,
            "variables" | "extensions" => {
                check(value.as_bytes()).map_err(too_complex)?;
                serde_json::from_str(&value).map_err(|_| {
                    Rejection::bad_request("`variables` and `extensions` have to be JSON objects.")
                })?
            }
            _ => Value::String(value.into_owned()),
        };
    }
    params.into_request()
}

/// Parses the payload of a `subscribe` message.
pub(super) fn read_params(payload: Map<String, Value>) -> Result<GraphqlRequest, Rejection> {
    let params = RequestParams::deserialize(Value::Object(payload));
    params
        .map_err(|_| Rejection::bad_request("The request cannot be read."))?
        .into_request()
}

impl RequestParams {
    fn into_request(self) -> Result<GraphqlRequest, Rejection> {
        let extensions = object("extensions", self.extensions)?;
        Ok(GraphqlRequest {
            query: text("query", self.query)?,
            document_id: text("documentId", self.document_id)?,
            apollo_hash: apollo_hash(&extensions)?,
            operation_name: text("operationName", self.operation_name)?
                .filter(|name| !name.is_empty()),
            variables: object("variables", self.variables)?,
        })
    }
}

fn text(key: &str, value: Value) -> Result<Option<String>, Rejection> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(Rejection::bad_request(&format!(
            "`{key}` has to be a string."
        ))),
    }
}

fn object(key: &str, value: Value) -> Result<Map<String, Value>, Rejection> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(object) => Ok(object),
        _ => Err(Rejection::bad_request(&format!(
            "`{key}` has to be an object."
        ))),
    }
}

fn apollo_hash(extensions: &Map<String, Value>) -> Result<Option<String>, Rejection> {
    #[derive(Deserialize)]
    struct PersistedQuery {
        #[serde(default)]
        version: Option<u32>,
        #[serde(rename = "sha256Hash")]
        hash: String,
    }
    let Some(value) = extensions
        .get("persistedQuery")
        .filter(|value| !value.is_null())
    else {
        return Ok(None);
    };
    match PersistedQuery::deserialize(value) {
        Ok(query) if matches!(query.version, None | Some(1)) => Ok(Some(query.hash)),
        _ => {
            let message = "`extensions.persistedQuery` needs a `sha256Hash`, and `version` 1.";
            Err(Rejection::bad_request(message))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(bytes: &[u8]) -> Result<GraphqlRequest, Rejection> {
        super::parse(bytes, |_| Ok(()))
    }

    fn read_query(query: &str) -> Result<GraphqlRequest, Rejection> {
        super::read_query(query, |_| Ok(()))
    }

    fn code(request: Result<GraphqlRequest, Rejection>) -> Option<ErrorCode> {
        request.err().map(|rejection| rejection.error.code)
    }

    #[test]
    fn ambiguous_requests_are_rejected() {
        let bad = Some(ErrorCode::BadUserInput);
        for body in [
            r#"{"query":"{a}","query":"{b}"}"#,
            r#"{"query":"{a}","variables":{},"variables":{}}"#,
            r#"{"query":"{a}","extensions":null,"extensions":{}}"#,
            "\u{feff}{\"query\":\"{a}\"}",
            r#"{"query":"{a}"} {"#,
            r#"{"query":"{a}","variables":"{}"}"#,
            r#"{"query":"{a}","extensions":{"persistedQuery":{"version":2,"sha256Hash":"x"}}}"#,
        ] {
            assert_eq!(code(parse(body.as_bytes())), bad, "{body}");
        }
        for query in ["query={a}&query={b}", "query=%ff", "query={a}&variables=[]"] {
            assert_eq!(code(read_query(query)), bad, "{query}");
        }
        let list = br#" ["{a}",null,null,null,null]"#;
        assert_eq!(code(parse(list)), Some(ErrorCode::BatchingNotSupported));
    }

    #[test]
    fn unknown_parameters_are_ignored() {
        let body = r#"{"query":"{a}","id":1,"id":2,"extensions":{"jwt":{},"clientLibrary":{}}}"#;
        let request = parse(body.as_bytes()).unwrap();
        assert_eq!(request.query.as_deref(), Some("{a}"));
        let request = read_query("query=%7Ba%7D&operationName=&variables=&utm=1&utm=2").unwrap();
        let expected = GraphqlRequest {
            query: Some("{a}".to_owned()),
            ..GraphqlRequest::default()
        };
        assert_eq!(request, expected);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_parsed_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn arbitrary_text_is_parsed_or_rejected(text in "\\PC{0,100}", head in r#"\{"(query|variables|extensions)":"#) {
            let _ = parse(format!("{head}{text}").as_bytes());
            let _ = parse(format!("{head}\"{text}\"}}").as_bytes());
            let _ = read_query(&text);
        }
    }
}

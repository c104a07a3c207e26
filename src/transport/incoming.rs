//! What a request asks to run: read from a body or an address, and refused when it is anything else.
//!
//! Nothing is guessed. What two readers could take for two things (a key given twice, an encoding, a
//! list in place of an object) is refused, since a proxy in front may have read the other one.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt as _;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::rejection::Rejection;
use super::server::Server;
use super::{negotiation, observed};
use crate::schema::document::Limit;
use crate::schema::error::{Error, ErrorCode};

/// How much of a body that is too large is read to be able to answer.
const LARGEST_DISCARDED: usize = 32 * 1024 * 1024;

/// What a request asks to run.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Call {
    pub(super) query: Option<String>,
    pub(super) document_id: Option<String>,
    /// Apollo's way to name a document: the digest of its text.
    pub(super) apollo_hash: Option<String>,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Map<String, Value>,
}

impl Call {
    /// Whether a text is sent, and no id in its place.
    pub(super) fn is_text(&self) -> bool {
        self.document_id.is_none() && self.query.is_some()
    }
}

/// The members of a request. One that is given twice is an error of its own; those that nobody
/// here knows are left alone (GraphQL over HTTP §5.3).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Members {
    query: Value,
    document_id: Value,
    operation_name: Value,
    variables: Value,
    extensions: Value,
}

/// Reads the body of a POST.
pub(super) async fn read_body(
    server: &Server,
    parts: &Parts,
    body: Body,
) -> Result<Call, Rejection> {
    if !negotiation::is_json(&parts.headers) {
        let message = "Send the request as application/json in UTF-8.";
        let code = ErrorCode::UnsupportedMediaType;
        return Err(Rejection::of(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code,
            message,
        ));
    }
    check_coding(&parts.headers)?;
    let limit = server.app.config.server.body_limit;
    let Some(bytes) = read_limited(body, limit).await? else {
        server.app.metrics.limit(Limit::Body.as_str());
        let message = format!("The body is too large. The limit is {limit} bytes.");
        let code = ErrorCode::PayloadTooLarge;
        return Err(Rejection::of(StatusCode::PAYLOAD_TOO_LARGE, code, &message));
    };
    parse(&bytes, |json| server.schema.check_json(json))
}

/// A compressed body is refused: a few kilobytes of it could be gigabytes, and requests are small.
fn check_coding(headers: &HeaderMap) -> Result<(), Rejection> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    if codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let message = "Send the request without a content encoding.";
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Err(Rejection {
        header: Some(("accept-encoding", "identity")),
        ..Rejection::of(status, ErrorCode::UnsupportedMediaType, message)
    })
}

/// Never keeps more than the limit, whatever the client says the length is; nothing if there is
/// more.
///
/// What is too large is read on and thrown away for a while: a client that is still sending would
/// otherwise see a broken connection in place of the answer.
pub(super) async fn read_limited(body: Body, limit: usize) -> Result<Option<Vec<u8>>, Rejection> {
    let mut kept = Vec::new();
    let mut seen = 0_usize;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Rejection::bad_request("The body could not be read."))?;
        seen = seen.saturating_add(chunk.len());
        if seen <= limit {
            kept.extend_from_slice(&chunk);
        } else if seen > limit.saturating_add(LARGEST_DISCARDED) {
            break;
        }
    }
    observed::body(seen);
    Ok((seen <= limit).then_some(kept))
}

/// Reads a body that is complete. `check` sees JSON before it is parsed.
pub(super) fn parse(
    bytes: &[u8],
    check: impl Fn(&[u8]) -> Result<(), Error>,
) -> Result<Call, Rejection> {
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
    check(bytes).map_err(too_many)?;
    let members = serde_json::from_slice(bytes).map_err(|error| {
        Rejection::bad_request(if error.is_data() {
            "Each member of the request can be given once."
        } else {
            "The body is not valid JSON in UTF-8."
        })
    })?;
    read(members)
}

fn too_many(error: Error) -> Rejection {
    Rejection::new(StatusCode::BAD_REQUEST, error)
}

/// The parameters of a GET request; JSON inside them is checked and parsed as in a body.
pub(super) fn read_query(
    query: &str,
    check: impl Fn(&[u8]) -> Result<(), Error>,
) -> Result<Call, Rejection> {
    // Read otherwise, bytes that are no text would become other text.
    if percent_decode_str(query).decode_utf8().is_err() {
        return Err(Rejection::bad_request("The address is not UTF-8."));
    }
    let mut members = Members::default();
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let member = match key.as_ref() {
            "query" => &mut members.query,
            "documentId" => &mut members.document_id,
            "operationName" => &mut members.operation_name,
            "variables" => &mut members.variables,
            "extensions" => &mut members.extensions,
            _ => continue,
        };
        if !member.is_null() {
            return Err(Rejection::bad_request("Each parameter can be given once."));
        }
        *member = match key.as_ref() {
            "variables" | "extensions" if value.is_empty() => Value::Null,
            "variables" | "extensions" => {
                check(value.as_bytes()).map_err(too_many)?;
                serde_json::from_str(&value).map_err(|_| {
                    Rejection::bad_request("`variables` and `extensions` have to be JSON objects.")
                })?
            }
            _ => Value::String(value.into_owned()),
        };
    }
    read(members)
}

/// The members of a request that came as JSON inside something else.
pub(super) fn read_members(members: Map<String, Value>) -> Result<Call, Rejection> {
    let members = Members::deserialize(Value::Object(members));
    read(members.map_err(|_| Rejection::bad_request("The request cannot be read."))?)
}

fn read(members: Members) -> Result<Call, Rejection> {
    let extensions = object("extensions", members.extensions)?;
    Ok(Call {
        query: text("query", members.query)?,
        document_id: text("documentId", members.document_id)?,
        apollo_hash: apollo_hash(&extensions)?,
        operation_name: text("operationName", members.operation_name)?
            .filter(|name| !name.is_empty()),
        variables: object("variables", members.variables)?,
    })
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
    let Some(value) = extensions.get("persistedQuery").filter(|it| !it.is_null()) else {
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

    fn parse(bytes: &[u8]) -> Result<Call, Rejection> {
        super::parse(bytes, |_| Ok(()))
    }

    fn read_query(query: &str) -> Result<Call, Rejection> {
        super::read_query(query, |_| Ok(()))
    }

    fn code(call: Result<Call, Rejection>) -> Option<ErrorCode> {
        call.err().map(|refused| refused.error.code)
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
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
    fn what_nobody_here_knows_is_left_alone() {
        let body = r#"{"query":"{a}","id":1,"id":2,"extensions":{"jwt":{},"clientLibrary":{}}}"#;
        let call = parse(body.as_bytes()).unwrap();
        assert_eq!(call.query.as_deref(), Some("{a}"));
        let call = read_query("query=%7Ba%7D&operationName=&variables=&utm=1&utm=2").unwrap();
        let asked = Call {
            query: Some("{a}".to_owned()),
            ..Call::default()
        };
        assert_eq!(call, asked);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_call_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn any_text_is_a_call_or_refused(text in "\\PC{0,100}", head in r#"\{"(query|variables|extensions)":"#) {
            let _ = parse(format!("{head}{text}").as_bytes());
            let _ = parse(format!("{head}\"{text}\"}}").as_bytes());
            let _ = read_query(&text);
        }
    }
}

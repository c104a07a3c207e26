//! Parts of a request: documents, variables, headers, cursors.

use chrono::{DateTime, Utc};
use idgate::domain::token::PlainToken;
use idgate::schema::document::{Document, Limits};
use idgate::schema::fuzzing as schema;
use idgate::transport::fuzzing::{self as transport, Call};
use serde_json::{Value, json};

use crate::{lines, utf8};

/// The limits as they come.
pub const LIMITS: Limits = Limits {
    metadata: &idgate::schema::METADATA,
    introspection: true,
    depth: 12,
    aliases: 30,
    root_fields: 20,
    directives: 20,
    tokens: 5_000,
    expanded_nodes: 2_000,
    cost: 6_000,
    representations: 1_000,
    variables: 50,
    variable_depth: 12,
    variable_values: 10_000,
};

/// A document that takes any variable.
const ANY: &str = "query ($a: String) { me { id } }";

/// A document within the limits stays within them, and the engine's rules bear it.
pub fn document(data: &[u8]) {
    let Some(text) = utf8(data) else { return };
    let Ok(document) = Document::prepare(text.to_owned(), &LIMITS) else {
        return;
    };
    let again = Document::prepare(document.text.clone(), &LIMITS).expect("the same text");
    assert_eq!(again.operation(None), document.operation(None));
    let _ = schema::validate(&document);
}

/// A body that an operation takes is a JSON object, and what it says beside is ignored.
pub fn rest(data: &[u8]) {
    let taken = idgate::rest::fuzzing::taken(data);
    if taken == 0 || data.trim_ascii().is_empty() {
        return;
    }
    let body: Value = serde_json::from_slice(data).expect("what was read is JSON");
    let Value::Object(mut members) = body else {
        panic!("what was read is an object")
    };
    members.insert("unknown to all of them".to_owned(), json!([1]));
    let more = Value::Object(members).to_string();
    assert_eq!(idgate::rest::fuzzing::taken(more.as_bytes()), taken);
}

/// What a body says can be said again, and what is accepted of it is as small as it has to be.
pub fn variables(data: &[u8]) {
    if let Some(query) = utf8(data) {
        let _ = transport::parameters(query, &LIMITS);
    }
    let Some(call) = transport::body(data, &LIMITS) else {
        return;
    };
    let again = transport::body(&written(&call), &LIMITS).expect("what was read once");
    assert_eq!(again.query, call.query);
    assert_eq!(again.operation_name, call.operation_name);
    // Long numbers may lose their last digit each time they are read.
    assert_eq!(count(&again.variables), count(&call.variables));
    let variables = call.variables();
    let text = call.query.clone().unwrap_or_else(|| ANY.to_owned());
    let Ok(document) = Document::prepare(text, &LIMITS) else {
        return;
    };
    let name = call.operation_name.as_deref();
    if schema::check_variables(&document, name, &variables, &LIMITS).is_ok() {
        let given = call.variables.as_object().expect("an object");
        let values: usize = given.values().map(count).sum();
        let depth = given.values().map(depth).max().unwrap_or_default();
        assert!(given.len() <= LIMITS.variables, "{} variables", given.len());
        assert!(values <= LIMITS.variable_values, "{values} values");
        assert!(depth <= LIMITS.variable_depth, "{depth} levels");
        let cost = document.cost(name, &variables).ok().expect("a cost");
        assert!(cost <= LIMITS.cost, "{cost}");
    }
}

fn written(call: &Call) -> Vec<u8> {
    let members = json!({
        "query": call.query,
        "operationName": call.operation_name,
        "variables": call.variables,
    });
    members.to_string().into_bytes()
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(entries) => entries.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

fn depth(value: &Value) -> usize {
    let inside = |deepest: Option<usize>| 1 + deepest.unwrap_or_default();
    match value {
        Value::Array(entries) => inside(entries.iter().map(depth).max()),
        Value::Object(fields) => inside(fields.values().map(depth).max()),
        _ => 0,
    }
}

/// A token that is read from a cookie is the one that was set.
pub fn cookies(data: &[u8]) {
    let now: DateTime<Utc> = DateTime::UNIX_EPOCH;
    for secure in [true, false] {
        let Some(token) = transport::refresh_token(secure, &lines(data)) else {
            continue;
        };
        assert!(token.reveal().len() <= 64, "a long token was looked at");
        let header = transport::set_cookie(token.clone(), secure, now).expect("a header");
        let pair = header.as_bytes().split(|byte| *byte == b';').next();
        let again = transport::refresh_token(secure, &[pair.expect("a pair")]);
        let again = again.as_ref().map(PlainToken::reveal);
        assert_eq!(again, Some(token.reveal()));
    }
}

/// The other headers never end a request.
pub fn headers(data: &[u8]) {
    let _ = transport::is_acceptable(&lines(data));
    if let Some(token) = utf8(data).and_then(transport::bearer) {
        assert_eq!(token, token.trim());
    }
}

/// A place has one spelling.
pub fn cursors(data: &[u8]) {
    let Some(text) = utf8(data) else { return };
    let written = schema::cursor(text)
        .into_iter()
        .chain(schema::user_cursor(text));
    for cursor in written {
        assert_eq!(cursor, text);
    }
}

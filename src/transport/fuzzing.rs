//! The readers of headers and bodies, for the programs in `fuzz/`.

use async_graphql::Variables;
use axum::http::HeaderValue;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::negotiation::Accept;
use super::{cookies, graphql_request, request_head};
use crate::domain::token::PlainToken;
use crate::schema::document::Limits;
use crate::schema::fuzzing::check_json;
use crate::schema::request::CookieChange;

/// What a body asks to run.
#[derive(Debug, PartialEq)]
pub struct Call {
    /// The document.
    pub query: Option<String>,
    /// The operation in it.
    pub operation_name: Option<String>,
    /// What it is run with.
    pub variables: Value,
}

impl Call {
    /// The variables as the engine takes them.
    #[must_use]
    pub fn variables(&self) -> Variables {
        Variables::from_json(self.variables.clone())
    }
}

/// Reads the body of a request.
#[must_use]
pub fn body(bytes: &[u8], limits: &Limits) -> Option<Call> {
    graphql_request::parse(bytes, |json| check_json(json, limits))
        .ok()
        .map(call)
}

/// Reads the parameters of a request.
#[must_use]
pub fn parameters(query: &str, limits: &Limits) -> Option<Call> {
    graphql_request::read_query(query, |json| check_json(json, limits))
        .ok()
        .map(call)
}

fn call(call: graphql_request::GraphqlRequest) -> Call {
    Call {
        query: call.query,
        operation_name: call.operation_name,
        variables: Value::Object(call.variables),
    }
}

/// Reads the refresh token out of `Cookie` headers.
#[must_use]
pub fn refresh_token(secure: bool, lines: &[&[u8]]) -> Option<PlainToken> {
    cookies::refresh_token(secure, &values(lines))
}

/// The `Set-Cookie` header for a refresh token.
#[must_use]
pub fn set_cookie(token: PlainToken, secure: bool, now: DateTime<Utc>) -> Option<HeaderValue> {
    let expires_at = now;
    cookies::set_cookie(&CookieChange::Set { token, expires_at }, secure, "Lax", now)
}

/// Whether an `Accept` header allows an answer.
#[must_use]
pub fn is_acceptable(lines: &[&[u8]]) -> bool {
    Accept::parse(&values(lines)).single.is_some()
}

/// The token of an `Authorization` header.
#[must_use]
pub fn bearer(value: &str) -> Option<&str> {
    request_head::bearer_token(value)
}

fn values(lines: &[&[u8]]) -> Vec<HeaderValue> {
    let values = lines.iter().map(|line| HeaderValue::from_bytes(line));
    values.filter_map(Result::ok).collect()
}

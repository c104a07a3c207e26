//! Tests of access tokens: shared fixtures.

mod attacks;
mod promises;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::config::Algorithm;
use crate::domain::role::Role;

const ISSUER: &str = "https://id.example.com";
const AUDIENCE: &str = "idgate";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 250_000_000).unwrap()
}

fn claims() -> Claims {
    Claims {
        iss: ISSUER.to_owned(),
        sub: Uuid::from_u128(1),
        aud: AUDIENCE.to_owned(),
        exp: now().timestamp() + 600,
        iat: now().timestamp(),
        jti: Uuid::from_u128(2),
        sid: Uuid::from_u128(3),
        scope: "users:read".to_owned(),
        role: Role::Staff,
        auth_time: now().timestamp(),
        amr: vec!["pwd".to_owned()],
    }
}

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm, now()).unwrap()
}

fn key_set(algorithm: Algorithm) -> KeySet {
    KeySet::new(vec![key(algorithm)]).unwrap()
}

fn verify(keys: &KeySet, token: &str) -> Result<Arc<Claims>, TokenError> {
    keys.verify(token, now(), ISSUER, AUDIENCE)
}

fn refusal(keys: &KeySet, token: &str) -> TokenError {
    verify(keys, token).unwrap_err()
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token with any header and payload, signed with the ES256 key of the set, as a bug or a stolen key
/// could produce it.
fn signed_by_us(keys: &KeySet, header: &Value, payload: &Value) -> String {
    let message = format!("{}.{}", encoded(header), encoded(payload));
    let private = EncodingKey::from_ec_der(keys.keys()[0].private_der());
    let algorithm = jsonwebtoken::Algorithm::ES256;
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &private, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn our_header(keys: &KeySet) -> Value {
    json!({ "typ": "at+jwt", "alg": "ES256", "kid": keys.keys()[0].kid() })
}

/// Our header with one member set.
fn header_with(keys: &KeySet, name: &str, value: Value) -> Value {
    let mut header = our_header(keys);
    header[name] = value;
    header
}

/// Our claims with one member set, or removed by `null`.
fn payload_with(name: &str, value: Value) -> Value {
    let mut payload = serde_json::to_value(claims()).unwrap();
    if value.is_null() {
        payload.as_object_mut().unwrap().remove(name);
    } else {
        payload[name] = value;
    }
    payload
}

fn part(token: &str, number: usize) -> Vec<u8> {
    URL_SAFE_NO_PAD
        .decode(token.split('.').nth(number).unwrap())
        .unwrap()
}

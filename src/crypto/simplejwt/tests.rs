//! With tokens that Simple JWT 5.5 wrote on Django 4.2 and 5.2.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Duration;
use jsonwebtoken::{EncodingKey, Header};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const SECRET: &str = "django-insecure-the-secret-of-the-old-system-0123";
const REFRESH: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCIsImV4cCI6MTc3NDk1NDgwMCwiaWF0IjoxNzcyMzYyODAwLCJqdGkiOiJmYmU1YzM2MDA2Yjk0YWY1OGM0YTljZGNhMDUyY2MyMiIsInVzZXJfaWQiOjQyfQ.mirEVJnnXPF5wD4G6Bzr4_1TIjDuWAml9mR8Cvth-RQ";
const ACCESS: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwiZXhwIjoxNzcyNDQ5MjAwLCJpYXQiOjE3NzIzNjI4MDAsImp0aSI6IjU1N2MyOTA5OTdiMzRmZmNiMzI0NmIyZmIxZDI1YWI1IiwidXNlcl9pZCI6NDJ9.zhM8SfUKPEmXSDl-2dZuqFZjPYGRKkUo2xcJnMO8NDk";

/// An hour after the tokens were issued.
fn now() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn expected() -> LegacyClaims {
    LegacyClaims {
        user_id: "user_id".to_owned(),
        ..LegacyClaims::default()
    }
}

fn by_secret() -> SimpleJwt {
    SimpleJwt::new(SECRET, expected()).unwrap()
}

fn signed(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

/// Claims of an access token, with some of them replaced, or removed by `null`.
fn claims(changes: &Value) -> Value {
    let issued = now().timestamp() - 60;
    let mut claims = json!({
        "token_type": "access", "iat": issued, "exp": issued + 300, "jti": "a1", "user_id": 42
    });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn accepted(changes: &Value) -> Option<LegacyToken> {
    by_secret().verify(&signed(&claims(changes)), LegacyTokenKind::Access, now())
}

#[test]
fn tokens_of_simple_jwt_verify_until_they_expire() {
    for (text, kind, days) in [
        (REFRESH, LegacyTokenKind::Refresh, 30),
        (ACCESS, LegacyTokenKind::Access, 1),
    ] {
        let token = by_secret().verify(text, kind, now()).unwrap();
        assert_eq!(token.user, 42);
        assert_eq!(token.issued_at, now() - Duration::hours(1));
        assert_eq!(token.expires_at, token.issued_at + Duration::days(days));
        let last = token.expires_at - Duration::seconds(1);
        assert!(by_secret().verify(text, kind, last).is_some());
        assert_eq!(by_secret().verify(text, kind, token.expires_at), None);
    }
}

#[test]
fn a_token_of_the_other_kind_does_not_verify() {
    let (access, refresh) = (LegacyTokenKind::Access, LegacyTokenKind::Refresh);
    assert_eq!(by_secret().verify(REFRESH, access, now()), None);
    assert_eq!(by_secret().verify(ACCESS, refresh, now()), None);
}

#[test]
fn claims_decide() {
    assert!(accepted(&json!({})).is_some());
    assert!(accepted(&json!({ "user_id": "42" })).is_some());
    assert!(accepted(&json!({ "exp": 1_772_366_409.5 })).is_some());
    for changes in [
        json!({ "token_type": null }),
        json!({ "token_type": "sliding" }),
        json!({ "user_id": null }),
        json!({ "user_id": "42; DROP TABLE users" }),
        json!({ "user_id": 4.2 }),
        json!({ "user_id": u64::MAX }),
        json!({ "iat": null }),
        json!({ "iat": now().timestamp() + 100, "exp": now().timestamp() + 200 }),
        json!({ "exp": null }),
        json!({ "exp": "tomorrow" }),
        json!({ "exp": 1e300 }),
        json!({ "exp": i64::MAX }),
    ] {
        assert_eq!(accepted(&changes), None, "{changes}");
    }
}

#[test]
fn issuer_and_audience_are_compared_where_they_are_configured() {
    let strict = LegacyClaims {
        issuer: Some("https://shop.example.com".to_owned()),
        audience: Some("shop".to_owned()),
        ..expected()
    };
    let strict = SimpleJwt::new(SECRET, strict).unwrap();
    let verifies = |changes| {
        let text = signed(&claims(&changes));
        strict
            .verify(&text, LegacyTokenKind::Access, now())
            .is_some()
    };
    let issuer = "https://shop.example.com";
    assert!(verifies(json!({ "iss": issuer, "aud": "shop" })));
    assert!(verifies(json!({ "iss": issuer, "aud": ["other", "shop"] })));
    assert!(!verifies(json!({ "iss": issuer })));
    assert!(!verifies(json!({ "iss": issuer, "aud": "other" })));
    assert!(!verifies(json!({ "aud": "shop" })));
}

/// RFC 8725 §2.1 and §3.1: algorithm confusion, and no algorithm at all.
#[test]
fn the_key_decides_the_algorithm() {
    let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let pem = pem("PUBLIC", public.as_ref());
    let by_public = SimpleJwt::new(&pem, expected()).unwrap();
    let private = self::pem("PRIVATE", private.as_ref());
    let private = EncodingKey::from_rsa_pem(private.as_bytes()).unwrap();
    let rs256 = Header::new(Algorithm::RS256);
    let right = jsonwebtoken::encode(&rs256, &claims(&json!({})), &private).unwrap();
    let access = LegacyTokenKind::Access;
    assert!(by_public.verify(&right, access, now()).is_some());
    assert_eq!(by_secret().verify(&right, access, now()), None);
    // The public key, which is no secret, used as one.
    let forged = EncodingKey::from_secret(pem.as_bytes());
    let forged = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(&json!({})), &forged);
    assert_eq!(by_public.verify(&forged.unwrap(), access, now()), None);
    let hs512 = EncodingKey::from_secret(SECRET.as_bytes());
    let hs512 = jsonwebtoken::encode(&Header::new(Algorithm::HS512), &claims(&json!({})), &hs512);
    assert_eq!(by_secret().verify(&hs512.unwrap(), access, now()), None);
    let (_, rest) = ACCESS.split_once('.').unwrap();
    let (payload, _) = rest.split_once('.').unwrap();
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
    assert_eq!(by_secret().verify(&none, access, now()), None);
    let damaged = SimpleJwt::new("-----BEGIN PUBLIC KEY-----\nAAAA", expected());
    assert_eq!(damaged.map(drop), Err(UnusableKey));
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {kind} KEY-----\n{text}\n-----END {kind} KEY-----\n")
}

#[test]
fn every_spelling_of_a_token_is_one_token() {
    let token = by_secret()
        .verify(ACCESS, LegacyTokenKind::Access, now())
        .unwrap();
    // The last character of 43 holds two bits that do not count.
    let mut ids = vec![token.id];
    for last in ["l", "m", "n"] {
        let other = format!("{}{last}", &ACCESS[..ACCESS.len() - 1]);
        let other = by_secret().verify(&other, LegacyTokenKind::Access, now());
        ids.extend(other.map(|token| token.id));
    }
    ids.dedup();
    assert_eq!(ids, [token.id]);
    let refresh = by_secret().verify(REFRESH, LegacyTokenKind::Refresh, now());
    assert_ne!(refresh.unwrap().id, token.id);
}

#[test]
fn nothing_of_the_key_is_printed() {
    assert_eq!(format!("{:?}", by_secret()), "SimpleJwt { .. }");
}

proptest! {
    #[test]
    fn a_changed_token_does_not_verify(at in 0_usize..280, byte in b'0'..b'z') {
        let mut text = ACCESS.as_bytes().to_vec();
        let at = at % (text.len() - 1);
        prop_assume!(text[at] != byte);
        text[at] = byte;
        let text = String::from_utf8(text).unwrap();
        prop_assert_eq!(by_secret().verify(&text, LegacyTokenKind::Access, now()), None);
    }

    #[test]
    fn no_text_breaks_the_reader(text in "\\PC{0,80}") {
        for kind in [LegacyTokenKind::Access, LegacyTokenKind::Refresh] {
            prop_assert_eq!(by_secret().verify(&text, kind, now()), None);
        }
    }
}

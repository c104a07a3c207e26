//! Tokens of an issuer, and everything that can be wrong with them.

mod attacks;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::*;
use crate::config::Algorithm;
use crate::crypto::access_token::SigningKey;

const CLIENT: &str = "web.apps.example.com";
const ISSUER: &str = "https://accounts.google.com";
const NOW: i64 = 1_770_000_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

/// An issuer's key pair.
struct Issuer {
    pair: RsaKeyPair,
    public: Value,
}

impl Issuer {
    fn new() -> Self {
        let key = SigningKey::generate(Algorithm::Rs256, now()).unwrap();
        Self {
            pair: RsaKeyPair::from_pkcs8(key.private_der()).unwrap(),
            public: key.public_jwk().clone(),
        }
    }

    fn kid(&self) -> &str {
        self.public["kid"].as_str().unwrap()
    }

    fn document(&self) -> Vec<u8> {
        json!({ "keys": [self.public] }).to_string().into_bytes()
    }

    fn keys(&self) -> IssuerKeys {
        IssuerKeys::read(&self.document()).unwrap()
    }

    fn header(&self) -> Value {
        json!({ "alg": "RS256", "kid": self.kid(), "typ": "JWT" })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(header, &claims.to_string())
    }

    fn sign_text(&self, header: &Value, claims: &str) -> String {
        let signed = format!("{}.{}", encoded(header), URL_SAFE_NO_PAD.encode(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = SystemRandom::new();
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &random,
                signed.as_bytes(),
                &mut signature,
            )
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn token(&self, changes: &Value) -> String {
        self.sign(&self.header(), &claims(changes))
    }

    /// A token whose claims are edited as text.
    fn token_with(&self, changes: &Value, change: impl Fn(String) -> String) -> String {
        self.sign_text(&self.header(), &change(claims(changes).to_string()))
    }

    fn check(&self, token: &str) -> Result<IdToken, IdTokenError> {
        verify(&self.keys(), token, &expected(&[CLIENT.to_owned()]))
    }

    fn refusal(&self, token: &str) -> IdTokenError {
        self.check(token).unwrap_err()
    }
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Google's claims, with changes; `null` removes a claim.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": CLIENT, "azp": CLIENT, "sub": "1234567890",
        "email": "ada@gmail.com", "email_verified": true, "given_name": "Ada",
        "iat": NOW - 10, "exp": NOW + 3_590, "jti": "f00d",
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

fn expected(client_ids: &[String]) -> Expected<'_> {
    Expected {
        issuers: &[ISSUER, "accounts.google.com"],
        client_ids,
        hosted_domain: None,
        nonce: None,
        require_nonce: false,
    }
}

fn verify(
    keys: &IssuerKeys,
    token: &str,
    expected: &Expected<'_>,
) -> Result<IdToken, IdTokenError> {
    Presented::read(token)?.verify(keys, now(), expected)
}

#[test]
fn a_token_says_who_somebody_is() {
    let issuer = Issuer::new();
    let token = issuer.check(&issuer.token(&json!({}))).unwrap();
    assert_eq!(token.subject, "1234567890");
    assert_eq!(token.email.as_deref(), Some("ada@gmail.com"));
    assert!(token.email_verified);
    assert_eq!(token.given_name.as_deref(), Some("Ada"));
    let printed = format!("{token:?}");
    assert!(
        !printed.contains("ada") && !printed.contains("1234567890"),
        "{printed}"
    );
    let bare = issuer.token(&json!({ "iss": "accounts.google.com" }));
    assert_eq!(issuer.check(&bare).unwrap().subject, "1234567890");
}

#[test]
fn only_true_is_verified() {
    let issuer = Issuer::new();
    for value in [
        json!(false),
        json!("true"),
        json!(1),
        json!(null),
        json!([true]),
        json!({}),
    ] {
        let token = issuer.token(&json!({ "email_verified": value }));
        assert!(!issuer.check(&token).unwrap().email_verified, "{value}");
    }
}

#[test]
fn a_token_counts_from_when_it_is_made_until_it_ends_with_a_little_leeway() {
    let issuer = Issuer::new();
    let outcome = |iat: i64, exp: i64| {
        let token = issuer.token(&json!({ "iat": NOW + iat, "exp": NOW + exp }));
        issuer
            .check(&token)
            .map(|token| token.expires_at.timestamp() - NOW)
    };
    assert_eq!(outcome(30, 3_600), Ok(3_630));
    assert_eq!(outcome(31, 3_600), Err(IdTokenError::FromTheFuture));
    assert_eq!(outcome(-3_600, -29), Ok(1));
    assert_eq!(outcome(-3_600, -30), Err(IdTokenError::Expired));
    // No token is valid for more than a day, whatever its `exp`.
    assert_eq!(outcome(-10, 1_000_000_000), Ok(86_420));
    assert_eq!(outcome(-86_430, 1_000_000_000), Err(IdTokenError::Expired));
    let later = issuer.token(&json!({ "nbf": NOW + 31 }));
    assert_eq!(issuer.refusal(&later), IdTokenError::FromTheFuture);
}

#[test]
fn a_numeric_date_is_any_json_number_that_is_an_instant() {
    let issuer = Issuer::new();
    // As text: `json!` would not write these notations of a number.
    let outcome = |claim: &str, spelling: &str| {
        let claims = json!({ claim: "here" });
        let token = issuer.token_with(&claims, |text| text.replace("\"here\"", spelling));
        issuer
            .check(&token)
            .map(|token| token.expires_at.timestamp())
    };
    let ends = Ok(NOW + 3_600 + 30);
    let spelled = NOW + 3_600;
    for spelling in [
        spelled.to_string(),
        format!("{spelled}.0"),
        format!("{spelled}.999"),
        format!("{spelled}e0"),
        format!("{spelled}00E-2"),
        format!(
            "{}.{:09}e9",
            spelled / 1_000_000_000,
            spelled % 1_000_000_000
        ),
    ] {
        assert_eq!(outcome("exp", &spelling), ends, "{spelling}");
    }
    for claim in ["iat", "nbf"] {
        for spelling in [
            format!("{NOW}.0"),
            format!("{NOW}.5"),
            format!("{NOW}00e-2"),
        ] {
            assert!(outcome(claim, &spelling).is_ok(), "{claim} {spelling}");
        }
        let later = format!("{}.0", NOW + 31);
        assert_eq!(outcome(claim, &later), Err(IdTokenError::FromTheFuture));
    }
    assert_eq!(
        outcome("exp", &format!("{}.0", NOW - 30)),
        Err(IdTokenError::Expired)
    );
    for claim in ["exp", "iat", "nbf"] {
        for spelling in [
            "-1",
            "-0.5",
            "1e300",
            "1e400",
            "1e16",
            "253402300800",
            "18446744073709551615",
            "NaN",
            "Infinity",
            "\"1795901742\"",
            "true",
            "[]",
            "{}",
        ] {
            let refused = outcome(claim, spelling);
            assert_eq!(refused, Err(IdTokenError::Malformed), "{claim} {spelling}");
        }
    }
}

#[test]
fn a_token_is_for_us_and_asked_for_by_us() {
    let issuer = Issuer::new();
    let ours = [CLIENT.to_owned(), "android".to_owned()];
    let keys = issuer.keys();
    let outcome = |aud: Value, azp: Value| {
        let token = issuer.token(&json!({ "aud": aud, "azp": azp }));
        verify(&keys, &token, &expected(&ours)).map(|_| ())
    };
    let wrong = Err(IdTokenError::WrongAudience);
    assert_eq!(outcome(json!(CLIENT), json!("android")), Ok(()));
    assert_eq!(outcome(json!(CLIENT), Value::Null), Ok(()));
    assert_eq!(outcome(json!([CLIENT]), Value::Null), Ok(()));
    assert_eq!(outcome(json!([CLIENT, "android"]), json!(CLIENT)), Ok(()));
    assert_eq!(outcome(json!([CLIENT, "android"]), Value::Null), wrong);
    assert_eq!(outcome(json!([CLIENT, "stranger"]), json!(CLIENT)), wrong);
    assert_eq!(outcome(json!("stranger"), json!(CLIENT)), wrong);
    assert_eq!(outcome(json!(CLIENT), json!("stranger")), wrong);
    assert_eq!(outcome(json!([]), json!(CLIENT)), wrong);
    assert_eq!(outcome(json!(""), Value::Null), wrong);
    assert_eq!(outcome(json!("WEB.apps.example.com"), Value::Null), wrong);
}

#[test]
fn a_nonce_is_compared_whenever_either_side_has_one() {
    let issuer = Issuer::new();
    let ours = [CLIENT.to_owned()];
    let keys = issuer.keys();
    let outcome = |claimed: Value, nonce: Option<&str>, require_nonce: bool| {
        let token = issuer.token(&json!({ "nonce": claimed }));
        let expected = Expected {
            nonce,
            require_nonce,
            ..expected(&ours)
        };
        verify(&keys, &token, &expected).map(|_| ())
    };
    let wrong = Err(IdTokenError::WrongNonce);
    assert_eq!(outcome(json!("n"), Some("n"), true), Ok(()));
    assert_eq!(outcome(Value::Null, None, false), Ok(()));
    assert_eq!(outcome(Value::Null, None, true), wrong);
    assert_eq!(outcome(json!("n"), None, false), wrong);
    assert_eq!(outcome(Value::Null, Some("n"), false), wrong);
    assert_eq!(outcome(json!("n"), Some("m"), false), wrong);
}

#[test]
fn people_of_other_organisations_stay_out_where_one_is_named() {
    let issuer = Issuer::new();
    let ours = [CLIENT.to_owned()];
    let keys = issuer.keys();
    let outcome = |hd: Value| {
        let token = issuer.token(&json!({ "hd": hd }));
        let expected = Expected {
            hosted_domain: Some("example.com"),
            ..expected(&ours)
        };
        verify(&keys, &token, &expected).map(|_| ())
    };
    assert_eq!(outcome(json!("Example.com")), Ok(()));
    for other in [json!("evil.test"), Value::Null, json!("")] {
        assert_eq!(outcome(other), Err(IdTokenError::WrongDomain));
    }
}

#[test]
fn keys_of_other_kinds_are_left_out() {
    let issuer = Issuer::new();
    let with = |name: &str, value: Value| {
        let mut key = issuer.public.clone();
        key[name] = value;
        let document = json!({ "keys": [key] }).to_string();
        IssuerKeys::read(document.as_bytes())
    };
    for (name, value) in [
        ("kty", json!("EC")),
        ("use", json!("enc")),
        ("alg", json!("PS256")),
        ("kid", Value::Null),
        ("n", json!("AQAB")),
        ("n", json!("not base64!")),
        ("n", json!(URL_SAFE_NO_PAD.encode([0xff; 1025]))),
        ("e", json!(3)),
    ] {
        let read = with(name, value);
        assert!(matches!(read, Err(IssuerKeysError::NoneUsable)), "{name}");
    }
    assert!(with("x5c", json!(["MIIB"])).unwrap().has(issuer.kid()));
    for junk in ["", "[]", "{\"keys\":{}}", "{\"keys\":[]}", "null", "<html>"] {
        assert!(IssuerKeys::read(junk.as_bytes()).is_err(), "{junk}");
    }
    let many = json!({ "keys": vec![json!({}); 65] }).to_string();
    let read = IssuerKeys::read(many.as_bytes());
    assert!(matches!(read, Err(IssuerKeysError::TooMany)));
    // One invalid key does not affect the others.
    let mixed = json!({ "keys": [{ "kty": "EC" }, issuer.public] }).to_string();
    let mixed = IssuerKeys::read(mixed.as_bytes()).unwrap();
    assert!(mixed.has(issuer.kid()) && !mixed.has("other"));
    assert_eq!(format!("{mixed:?}"), format!("[{:?}]", issuer.kid()));
}

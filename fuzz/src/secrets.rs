//! Credentials: tokens and passwords.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use idgate::config::Algorithm;
use idgate::crypto::access_token::{Claims, KeySet, SigningKey};
use idgate::crypto::id_token::{Expected, IssuerKeys, Presented};
use idgate::domain::password::{Candidate, PasswordPolicy, UserInputs};
use secrecy::SecretString;
use serde_json::json;

use crate::utf8;

const ISSUER: &str = "https://id.example.com";
const CLIENT: &str = "client";
/// What seeds write in place of the key's own id.
const KEY_ID: &[u8] = b"KID";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("an instant")
}

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm, DateTime::UNIX_EPOCH).expect("a key")
}

static OURS: LazyLock<KeySet> =
    LazyLock::new(|| KeySet::new(vec![key(Algorithm::EdDsa)]).expect("a set"));

struct Issuer {
    keys: IssuerKeys,
    kid: String,
    pair: RsaKeyPair,
}

static THEIRS: LazyLock<Issuer> = LazyLock::new(|| {
    let key = key(Algorithm::Rs256);
    let published = json!({ "keys": [key.public_jwk()] }).to_string();
    Issuer {
        keys: IssuerKeys::read(published.as_bytes()).expect("keys"),
        kid: key.kid().to_owned(),
        pair: RsaKeyPair::from_pkcs8(key.private_der()).expect("a pair"),
    }
});

/// A token's first two parts, from a line of header and the rest of claims.
fn unsigned(data: &[u8], kid: &str) -> String {
    let (header, claims) = match data.iter().position(|byte| *byte == b'\n') {
        Some(place) => (&data[..place], &data[place + 1..]),
        None => (data, &[][..]),
    };
    let mut named = header.to_vec();
    if let Some(place) = header.windows(KEY_ID.len()).position(|window| window == KEY_ID) {
        named.splice(place..place + KEY_ID.len(), kid.bytes());
    }
    let [header, claims] = [&named[..], claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{header}.{claims}")
}

/// Nothing but a signature of ours makes a token, and what we sign reads as it was.
pub fn access_token(data: &[u8]) {
    let verify = |token: &str| OURS.verify(token, now(), ISSUER, CLIENT);
    if let Some(text) = utf8(data) {
        assert!(verify(text).is_err());
    }
    let kid = OURS.keys().first().expect("a key").kid();
    let unsigned = unsigned(data, kid);
    let forged = URL_SAFE_NO_PAD.encode([0; 64]);
    assert!(verify(&format!("{unsigned}.{forged}")).is_err());
    let claims = data.splitn(2, |byte| *byte == b'\n').nth(1);
    let claims = claims.and_then(|bytes| serde_json::from_slice::<Claims>(bytes).ok());
    if let Some(claims) = claims {
        let token = OURS.sign(&claims).expect("a token");
        if let Ok(read) = verify(&token) {
            assert!(token.len() <= 8 * 1024, "a long token was looked at");
            assert_eq!(*read, claims);
            assert!(claims.exp > now().timestamp());
        }
    }
}

/// Even the issuer cannot say anything that is no token for us and for now.
pub fn id_token(data: &[u8]) {
    let expected = Expected {
        issuers: &[ISSUER],
        client_ids: &[CLIENT.to_owned()],
        hosted_domain: None,
        nonce: None,
        require_nonce: false,
    };
    if let Some(presented) = utf8(data).and_then(|text| Presented::read(text).ok()) {
        assert!(presented.key_id().len() <= 256);
        assert!(presented.verify(&THEIRS.keys, now(), &expected).is_err());
    }
    let unsigned = unsigned(data, &THEIRS.kid);
    let probe = format!("{unsigned}.AAAA");
    if Presented::read(&probe).is_err() {
        return;
    }
    let mut signature = vec![0; THEIRS.pair.public_modulus_len()];
    let random = SystemRandom::new();
    let signed = THEIRS.pair.sign(
        &RSA_PKCS1_SHA256,
        &random,
        unsigned.as_bytes(),
        &mut signature,
    );
    signed.expect("a signature");
    let token = format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(&signature));
    let Ok(presented) = Presented::read(&token) else {
        return;
    };
    let Ok(read) = presented.verify(&THEIRS.keys, now(), &expected) else {
        return;
    };
    assert!(token.len() <= 8 * 1024, "a long token was looked at");
    assert!((1..=255).contains(&read.subject.len()));
    let longest = TimeDelta::seconds(86_400 + 60);
    assert!(read.expires_at > now() && read.expires_at <= now() + longest);
}

/// The beginning of a password decides, and what follows it costs nothing.
pub fn strength(data: &[u8]) {
    let Some(text) = utf8(data) else { return };
    let policy = PasswordPolicy::default();
    let user_inputs = UserInputs::new(&["ada@example.com", "Ada", "Lovelace"]);
    let weak = |text: String| {
        let candidate = Candidate::new(SecretString::from(text), &policy).ok()?;
        Some(
            candidate
                .rate(3, &user_inputs)
                .err()
                .map(|violation| violation.message),
        )
    };
    let Some(found) = weak(text.to_owned()) else {
        return;
    };
    assert!(text.len() <= 1024, "a long text was looked at");
    if text.is_ascii() && text.len() > 40 {
        assert_eq!(weak(format!("{}x", &text[..text.len() - 1])), Some(found));
    }
}

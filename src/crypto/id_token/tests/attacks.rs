//! Known forgeries, and their rejection.

use jsonwebtoken::EncodingKey;
use proptest::prelude::*;

use super::*;

#[test]
fn a_token_without_signature_is_refused() {
    let issuer = Issuer::new();
    let payload = encoded(&claims(&json!({})));
    for name in ["none", "None", "NONE", ""] {
        let header = encoded(&json!({ "alg": name, "kid": issuer.kid(), "typ": "JWT" }));
        let bare = format!("{header}.{payload}.");
        assert_eq!(issuer.refusal(&bare), IdTokenError::WrongAlgorithm);
        let short = format!("{header}.{payload}");
        assert_eq!(issuer.refusal(&short), IdTokenError::Malformed);
    }
    let header = encoded(&issuer.header());
    let bare = format!("{header}.{payload}.");
    assert_eq!(issuer.refusal(&bare), IdTokenError::WrongSignature);
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let issuer = Issuer::new();
    let modulus = URL_SAFE_NO_PAD
        .decode(issuer.public["n"].as_str().unwrap())
        .unwrap();
    for secret in [
        modulus,
        issuer.public.to_string().into_bytes(),
        issuer.document(),
    ] {
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        header.kid = Some(issuer.kid().to_owned());
        let secret = EncodingKey::from_secret(&secret);
        let forged = jsonwebtoken::encode(&header, &claims(&json!({})), &secret).unwrap();
        assert_eq!(issuer.refusal(&forged), IdTokenError::WrongAlgorithm);
    }
    for algorithm in ["RS384", "RS512", "PS256", "ES256", "rs256"] {
        let header = json!({ "alg": algorithm, "kid": issuer.kid() });
        let forged = issuer.sign(&header, &claims(&json!({})));
        assert_eq!(issuer.refusal(&forged), IdTokenError::WrongAlgorithm);
    }
}

#[test]
fn a_header_that_brings_its_own_key_is_refused() {
    let (issuer, stranger) = (Issuer::new(), Issuer::new());
    for (name, value) in [
        ("jwk", stranger.public.clone()),
        ("jku", json!("https://evil.test/jwks.json")),
        ("x5u", json!("https://evil.test/chain.pem")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        let mut header = issuer.header();
        header[name] = value;
        for signer in [&issuer, &stranger] {
            let forged = signer.sign(&header, &claims(&json!({})));
            assert_eq!(issuer.refusal(&forged), IdTokenError::WrongType, "{name}");
        }
    }
    let foreign = stranger.sign(&issuer.header(), &claims(&json!({})));
    assert_eq!(issuer.refusal(&foreign), IdTokenError::WrongSignature);
    let unknown = stranger.token(&json!({}));
    assert_eq!(issuer.refusal(&unknown), IdTokenError::UnknownKey);
}

#[test]
fn another_kind_of_token_is_no_id_token() {
    let issuer = Issuer::new();
    let with = |typ: Value| {
        let header = json!({ "alg": "RS256", "kid": issuer.kid(), "typ": typ });
        issuer
            .check(&issuer.sign(&header, &claims(&json!({}))))
            .map(|_| ())
    };
    for typ in [
        json!("at+jwt"),
        json!("logout+jwt"),
        json!("JWE"),
        json!(""),
        json!(["JWT"]),
    ] {
        assert_eq!(with(typ.clone()), Err(IdTokenError::WrongType), "{typ}");
    }
    assert_eq!(with(json!("jwt")), Ok(()));
    assert_eq!(with(Value::Null), Ok(()));
    let header = json!({ "alg": "RS256", "typ": "JWT" });
    let unnamed = issuer.sign(&header, &claims(&json!({})));
    assert_eq!(issuer.refusal(&unnamed), IdTokenError::WrongType);
    for kid in [String::new(), "k".repeat(257)] {
        let header = json!({ "alg": "RS256", "kid": kid });
        let token = issuer.sign(&header, &claims(&json!({})));
        assert_eq!(issuer.refusal(&token), IdTokenError::UnknownKey);
    }
}

#[test]
fn a_missing_or_mistyped_claim_is_refused_even_with_the_right_signature() {
    let issuer = Issuer::new();
    for (name, value) in [
        ("iss", Value::Null),
        ("sub", Value::Null),
        ("aud", Value::Null),
        ("exp", Value::Null),
        ("iat", Value::Null),
        ("exp", json!("never")),
        ("exp", json!(1e300)),
        ("iat", json!("now")),
        ("nbf", json!("x")),
        ("sub", json!(1)),
        ("sub", json!("")),
        ("sub", json!("a".repeat(256))),
        ("sub", json!("a\u{0}b")),
        ("sub", json!("ä")),
        ("nonce", json!(["n"])),
        ("email", json!(["ada@gmail.com"])),
        ("hd", json!(true)),
    ] {
        let token = issuer.token(&json!({ name: value }));
        assert_eq!(issuer.refusal(&token), IdTokenError::Malformed, "{name}");
    }
    for iss in [
        "https://evil.test",
        "",
        "http://accounts.google.com",
        "https://accounts.google.com/",
    ] {
        let token = issuer.token(&json!({ "iss": iss }));
        assert_eq!(issuer.refusal(&token), IdTokenError::WrongIssuer, "{iss}");
    }
    // A duplicate claim is ambiguous.
    let text = claims(&json!({})).to_string();
    let doubled = text.replacen('{', "{\"sub\":\"somebody else\",", 1);
    let signed = issuer.sign(&issuer.header(), &serde_json::from_str(&text).unwrap());
    let header = signed.split('.').next().unwrap();
    let payload = URL_SAFE_NO_PAD.encode(doubled);
    let message = format!("{header}.{payload}");
    let mut signature = vec![0; issuer.pair.public_modulus_len()];
    let random = SystemRandom::new();
    issuer
        .pair
        .sign(
            &RSA_PKCS1_SHA256,
            &random,
            message.as_bytes(),
            &mut signature,
        )
        .unwrap();
    let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    assert_eq!(issuer.refusal(&forged), IdTokenError::Malformed);
}

#[test]
fn a_huge_token_is_refused_before_anything_is_read() {
    let issuer = Issuer::new();
    let header = json!({ "alg": "RS256", "kid": issuer.kid(), "x5t": "A".repeat(9_000) });
    let huge = issuer.sign(&header, &claims(&json!({})));
    assert_eq!(issuer.refusal(&huge), IdTokenError::TooLong);
    assert_eq!(
        issuer.refusal(&".".repeat(1_000_000)),
        IdTokenError::TooLong
    );
}

#[test]
fn no_other_spelling_of_a_token_is_a_new_one() {
    let issuer = Issuer::new();
    let token = issuer.token(&json!({}));
    let digest = issuer.check(&token).unwrap().digest;
    let last = token.chars().last().unwrap();
    for other in ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .filter(|character| *character != last)
    {
        let spelled = format!("{}{other}", &token[..token.len() - 1]);
        if let Ok(accepted) = issuer.check(&spelled) {
            assert_eq!(accepted.digest, digest);
        }
    }
    for other in [
        format!("{token}="),
        format!("{token} "),
        format!(" {token}"),
        format!("{token}."),
    ] {
        assert!(issuer.check(&other).is_err(), "{other}");
    }
    assert_ne!(
        issuer
            .check(&issuer.token(&json!({ "jti": "b" })))
            .unwrap()
            .digest,
        digest
    );
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in ".{0,200}") {
        let _ = Presented::read(&text);
        let _ = IssuerKeys::read(text.as_bytes());
    }
}

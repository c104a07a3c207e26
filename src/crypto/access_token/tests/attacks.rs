//! Known forgeries, and their rejection.

use proptest::prelude::*;

use super::*;

#[test]
fn a_token_without_signature_is_refused() {
    let keys = key_set(Algorithm::Es256);
    for name in ["none", "None", "NONE", ""] {
        let header = encoded(&header_with(&keys, "alg", json!(name)));
        let payload = encoded(&payload_with("scope", json!("roles:write")));
        assert_eq!(
            refusal(&keys, &format!("{header}.{payload}.")),
            TokenError::WrongAlgorithm
        );
        assert_eq!(
            refusal(&keys, &format!("{header}.{payload}")),
            TokenError::Malformed
        );
    }
    let token = keys.sign(&claims()).unwrap();
    let (message, _) = token.rsplit_once('.').unwrap();
    assert_eq!(
        refusal(&keys, &format!("{message}.")),
        TokenError::WrongSignature
    );
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let keys = key_set(Algorithm::Rs256);
    let jwk = &keys.jwks()["keys"][0];
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    for secret in [
        modulus,
        jwk.to_string().into_bytes(),
        keys.keys()[0].kid().into(),
    ] {
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(keys.keys()[0].kid().to_owned());
        let secret = EncodingKey::from_secret(&secret);
        let forged = jsonwebtoken::encode(&header, &claims(), &secret).unwrap();
        assert_eq!(refusal(&keys, &forged), TokenError::WrongAlgorithm);
    }
}

#[test]
fn the_algorithm_of_another_key_is_refused() {
    let keys = KeySet::new(vec![key(Algorithm::Es256), key(Algorithm::EdDsa)]).unwrap();
    let (ours, payload) = (our_header(&keys), payload_with("role", json!("admin")));
    for algorithm in ["EdDSA", "ES384", "RS256", "PS256", "es256"] {
        let header = header_with(&keys, "alg", json!(algorithm));
        let forged = signed_by_us(&keys, &header, &payload);
        assert_eq!(refusal(&keys, &forged), TokenError::WrongAlgorithm);
    }
    let mut header = ours;
    header["kid"] = json!(keys.keys()[1].kid());
    assert_eq!(
        refusal(&keys, &signed_by_us(&keys, &header, &payload)),
        TokenError::WrongAlgorithm
    );
    header["alg"] = json!("EdDSA");
    assert_eq!(
        refusal(&keys, &signed_by_us(&keys, &header, &payload)),
        TokenError::WrongSignature
    );
}

#[test]
fn a_header_that_brings_its_own_key_is_refused() {
    let keys = key_set(Algorithm::Es256);
    let stranger = key_set(Algorithm::Es256);
    let jwk = stranger.jwks()["keys"][0].clone();
    let payload = serde_json::to_value(claims()).unwrap();
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("https://evil.test/jwks.json")),
        ("x5u", json!("https://evil.test/chain.pem")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        let header = header_with(&keys, name, value);
        for signer in [&keys, &stranger] {
            let forged = signed_by_us(signer, &header, &payload);
            assert_eq!(refusal(&keys, &forged), TokenError::WrongType, "{name}");
        }
    }
}

#[test]
fn a_token_of_another_kind_or_without_a_key_id_is_refused() {
    let keys = key_set(Algorithm::Es256);
    let payload = serde_json::to_value(claims()).unwrap();
    for header in [
        header_with(&keys, "typ", json!("JWT")),
        header_with(&keys, "typ", json!(["at+jwt"])),
        header_with(&keys, "kid", Value::Null),
        json!({ "alg": "ES256", "kid": keys.keys()[0].kid() }),
        json!({ "typ": "at+jwt", "alg": "ES256" }),
        json!("at+jwt"),
    ] {
        let token = signed_by_us(&keys, &header, &payload);
        assert_eq!(refusal(&keys, &token), TokenError::WrongType, "{header}");
    }
    let sql = header_with(&keys, "kid", json!("' or 1=1 --"));
    assert_eq!(
        refusal(&keys, &signed_by_us(&keys, &sql, &payload)),
        TokenError::UnknownKey
    );
}

#[test]
fn a_missing_or_mistyped_claim_is_refused_even_with_our_signature() {
    let keys = key_set(Algorithm::Es256);
    let header = our_header(&keys);
    let whole = signed_by_us(&keys, &header, &serde_json::to_value(claims()).unwrap());
    assert!(verify(&keys, &whole).is_ok());
    for name in serde_json::to_value(claims())
        .unwrap()
        .as_object()
        .unwrap()
        .keys()
    {
        for value in [Value::Null, json!({ "any": "thing" })] {
            let token = signed_by_us(&keys, &header, &payload_with(name, value));
            assert_eq!(refusal(&keys, &token), TokenError::Malformed, "{name}");
        }
    }
    for (name, value) in [
        ("exp", json!("never")),
        ("exp", json!(1e300)),
        ("exp", json!(18_446_744_073_709_551_615_u64)),
        ("iat", json!("now")),
        ("nbf", json!("x")),
        ("nbf", json!(0)),
        ("aud", json!([AUDIENCE, "other"])),
        ("role", json!("root")),
        ("sub", json!("1 or 1=1")),
    ] {
        let token = signed_by_us(&keys, &header, &payload_with(name, value.clone()));
        assert_eq!(
            refusal(&keys, &token),
            TokenError::Malformed,
            "{name} {value}"
        );
    }
}

#[test]
fn times_are_judged_by_the_given_instant_alone() {
    let keys = key_set(Algorithm::Es256);
    let at = now().timestamp();
    for (iat, exp, expected) in [
        (at, at, TokenError::Expired),
        (at - 600, at - 1, TokenError::Expired),
        (at, i64::MIN, TokenError::Expired),
        (at + 6, at + 600, TokenError::FromTheFuture),
        (i64::MAX, i64::MAX, TokenError::FromTheFuture),
    ] {
        let token = keys
            .sign(&Claims {
                exp,
                iat,
                ..claims()
            })
            .unwrap();
        assert_eq!(refusal(&keys, &token), expected, "{iat} {exp}");
    }
    let skewed = keys
        .sign(&Claims {
            iat: at + 5,
            ..claims()
        })
        .unwrap();
    assert!(verify(&keys, &skewed).is_ok());
}

#[test]
fn oversized_tokens_and_junk_are_refused_without_panic() {
    let keys = key_set(Algorithm::Es256);
    let megabyte = encoded(&header_with(&keys, "kid", json!("k".repeat(1 << 20))));
    assert_eq!(
        refusal(&keys, &format!("{megabyte}.e30.AA")),
        TokenError::TooLong
    );
    let long = "a".repeat(8 * 1024);
    let nested = URL_SAFE_NO_PAD.encode("[".repeat(4000));
    let nested = format!("{nested}.e30.AA");
    for junk in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "....",
        "é.é.é",
        "e30.e30.e30",
        &long,
        &nested,
    ] {
        verify(&keys, junk).unwrap_err();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_changed_claim_is_refused(scope in "[a-z:]{1,20}", exp in 1_800_000_001_i64..4_000_000_000) {
        let keys = key_set(Algorithm::Es256);
        let token = keys.sign(&claims()).unwrap();
        let parts: Vec<_> = token.split('.').collect();
        for (name, value) in [("scope", json!(scope)), ("exp", json!(exp)), ("role", json!("admin"))] {
            let payload = payload_with(name, value);
            prop_assume!(payload != serde_json::to_value(claims()).unwrap());
            let forged = format!("{}.{}.{}", parts[0], encoded(&payload), parts[2]);
            prop_assert_eq!(refusal(&keys, &forged), TokenError::WrongSignature);
        }
    }

    #[test]
    fn a_changed_character_is_refused(place: prop::sample::Index, new in "[A-Za-z0-9_.-]") {
        let keys = key_set(Algorithm::Es256);
        let mut token = keys.sign(&claims()).unwrap();
        let at = place.index(token.len());
        prop_assume!(token[at..=at] != new);
        token.replace_range(at..=at, &new);
        prop_assert!(verify(&keys, &token).is_err());
    }

    #[test]
    fn no_text_is_too_odd(text: String) {
        prop_assert!(verify(&key_set(Algorithm::EdDsa), &text).is_err());
    }
}

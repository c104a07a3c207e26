//! The guarantees of valid tokens and key sets.

use chrono::Duration;

use super::*;

#[test]
fn every_algorithm_signs_what_it_verifies() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let keys = key_set(algorithm);
        let token = keys.sign(&claims()).unwrap();
        assert_eq!(*verify(&keys, &token).unwrap(), claims());
        let header: Value = serde_json::from_slice(&part(&token, 0)).unwrap();
        let kid = keys.keys()[0].kid();
        assert_eq!(
            header,
            json!({ "typ": "at+jwt", "alg": algorithm.as_str(), "kid": kid })
        );
    }
}

#[test]
fn an_es256_signature_has_the_form_every_other_library_reads() {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    let keys = key_set(Algorithm::Es256);
    let token = keys.sign(&claims()).unwrap();
    let jwk = &keys.jwks()["keys"][0];
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let (message, _) = token.rsplit_once('.').unwrap();
    // RFC 7518 §3.4: two concatenated 32-byte numbers, not ASN.1.
    let signature = part(&token, 2);
    assert_eq!(signature.len(), 64);
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    public.verify(message.as_bytes(), &signature).unwrap();
}

#[test]
fn the_published_set_has_public_members_only() {
    let algorithms = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256];
    let keys = KeySet::new(algorithms.map(key).into()).unwrap();
    let published = keys.jwks()["keys"].as_array().unwrap();
    let expected: [&[&str]; 3] = [
        &["alg", "crv", "kid", "kty", "use", "x", "y"],
        &["alg", "crv", "kid", "kty", "use", "x"],
        &["alg", "e", "kid", "kty", "n", "use"],
    ];
    assert_eq!(published.len(), 3);
    for (position, jwk) in published.iter().enumerate() {
        let mut members: Vec<_> = jwk
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        members.sort_unstable();
        assert_eq!(members, expected[position]);
        assert_eq!(jwk["use"], "sig");
        assert_eq!(jwk["alg"], algorithms[position].as_str());
        assert_eq!(jwk["kid"], keys.keys()[position].kid());
    }
}

#[test]
fn a_token_verified_before_is_remembered_with_its_claims() {
    let keys = key_set(Algorithm::Es256);
    let token = keys.sign(&claims()).unwrap();
    let first = verify(&keys, &token).unwrap();
    assert!(Arc::ptr_eq(&first, &verify(&keys, &token).unwrap()));
}

#[test]
fn a_remembered_token_still_expires_and_keeps_its_issuer_and_audience() {
    let keys = key_set(Algorithm::Es256);
    let token = keys.sign(&claims()).unwrap();
    verify(&keys, &token).unwrap();
    let last = DateTime::from_timestamp(claims().exp, 0).unwrap();
    let just_before = last - Duration::microseconds(1);
    assert!(keys.verify(&token, just_before, ISSUER, AUDIENCE).is_ok());
    let answer = |now, issuer, audience| keys.verify(&token, now, issuer, audience).unwrap_err();
    assert_eq!(answer(last, ISSUER, AUDIENCE), TokenError::Expired);
    assert_eq!(
        answer(now(), "https://evil.test", AUDIENCE),
        TokenError::WrongIssuer
    );
    assert_eq!(answer(now(), ISSUER, "other"), TokenError::WrongAudience);
}

#[test]
fn a_key_signs_from_its_appointed_second_and_verifies_before() {
    let later = now() + Duration::seconds(300);
    let pair = || SigningKey::generate(Algorithm::Es256, now()).unwrap();
    let next = SigningKey::generate(Algorithm::Es256, later).unwrap();
    let (current_kid, next_kid) = (pair(), next.kid().to_owned());
    let expected_now = current_kid.kid().to_owned();
    let keys = KeySet::new(vec![next, current_kid]).unwrap();
    let signed_at = |iat: i64| {
        let token = keys.sign(&Claims { iat, ..claims() }).unwrap();
        let header: Value = serde_json::from_slice(&part(&token, 0)).unwrap();
        header["kid"].as_str().unwrap().to_owned()
    };
    assert_eq!(signed_at(now().timestamp()), expected_now);
    assert_eq!(signed_at(later.timestamp() - 1), expected_now);
    assert_eq!(signed_at(later.timestamp()), next_kid);
    // Another instance whose clock is behind still signs with the only key.
    assert_eq!(signed_at(now().timestamp() - 1), expected_now);
}

#[test]
fn a_removed_key_verifies_nothing() {
    let token = key_set(Algorithm::Es256).sign(&claims()).unwrap();
    assert_eq!(
        refusal(&key_set(Algorithm::Es256), &token),
        TokenError::UnknownKey
    );
    assert!(matches!(KeySet::new(Vec::new()), Err(KeyError::NoKey)));
}

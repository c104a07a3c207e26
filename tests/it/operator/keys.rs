//! Signing keys: published before first use, withdrawn when no token of theirs is valid.

use idgate::services::operator::retention::DataKind;
use idgate::services::operator::{housekeeping, keys};
use serde_json::json;

use crate::harness::{SignedIn, TestApp};

/// The published keys, sorted.
async fn published(app: &TestApp) -> Vec<String> {
    let answer = app.get("/.well-known/jwks.json").await;
    let keys = answer.json["keys"].as_array().unwrap();
    let mut published: Vec<String> = keys
        .iter()
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect();
    published.sort();
    published
}

fn signer(person: &SignedIn<'_>) -> String {
    let header = jsonwebtoken::decode_header(&person.access_token).unwrap();
    header.kid.unwrap()
}

fn sorted(mut kids: Vec<String>) -> Vec<String> {
    kids.sort();
    kids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_published_before_it_signs() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let old = signer(&ada);
    let new = keys::rotate(&app.app, false).await.unwrap().key;
    assert_eq!(
        new.active_from - new.created_at,
        chrono::Duration::minutes(5)
    );
    assert!(!new.signs);
    let both = sorted(vec![old.clone(), new.kid.clone()]);
    assert_eq!(published(&app).await, both);

    app.advance(299);
    assert_eq!(signer(&app.login("ada@example.com").await), old);
    app.advance(1);
    let later = app.login("ada@example.com").await;
    assert_eq!(signer(&later), new.kid);
    assert!(ada.is_signed_in().await && later.is_signed_in().await);
    let listed = keys::list(&app.app).await.unwrap();
    let signing: Vec<_> = listed.iter().filter(|key| key.signs).collect();
    assert_eq!((listed.len(), signing.len()), (2, 1));
    assert_eq!(signing[0].kid, new.kid);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_instance_follows_a_rotation_without_a_restart() {
    let app = TestApp::spawn().await;
    let other = app.second_instance().await;
    keys::rotate(&app.app, false).await.unwrap();
    assert_eq!(published(&other).await.len(), 1);
    other.app.load_signing_keys().await.unwrap();
    assert_eq!(published(&other).await, published(&app).await);
    app.advance(300);
    let ada = app.register("ada@example.com").await;
    assert!(ada.at(&other).is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_key_is_withdrawn_after_its_last_token_has_expired() {
    let app = TestApp::spawn().await;
    let new = keys::rotate(&app.app, false).await.unwrap().key;
    app.advance(299);
    // One of the last tokens of the old key.
    let ada = app.register("ada@example.com").await;
    assert_ne!(signer(&ada), new.kid);
    let life = app.app.config.tokens.access_seconds;
    app.advance(life - 1);
    assert_eq!(
        housekeeping::tidy(&app.app)
            .await
            .unwrap()
            .of(DataKind::SigningKeys),
        0
    );
    app.app.load_signing_keys().await.unwrap();
    assert!(ada.is_signed_in().await);

    // One second for the old key's last second, one to be past it.
    app.advance(3);
    assert!(!ada.is_signed_in().await);
    assert_eq!(
        housekeeping::tidy(&app.app)
            .await
            .unwrap()
            .of(DataKind::SigningKeys),
        1
    );
    app.app.load_signing_keys().await.unwrap();
    assert_eq!(published(&app).await, [new.kid]);
    assert!(ada.refreshed().await.is_signed_in().await);
    assert_eq!(
        housekeeping::tidy(&app.app)
            .await
            .unwrap()
            .of(DataKind::SigningKeys),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_key_is_withdrawn_at_once_everywhere() {
    let app = TestApp::spawn().await;
    let other = app.second_instance().await;
    let ada = app.register("ada@example.com").await;
    assert!(ada.at(&other).is_signed_in().await);
    let new = keys::rotate(&app.app, true).await.unwrap().key;
    assert!(new.signs);
    assert_eq!(published(&app).await, std::slice::from_ref(&new.kid));
    assert!(!ada.is_signed_in().await);
    // The other one remembers that the signature was good; the new list makes it forget.
    other.app.load_signing_keys().await.unwrap();
    assert!(!ada.at(&other).is_signed_in().await);
    let again = ada.refreshed().await;
    assert_eq!(signer(&again), new.kid);
    assert!(again.at(&other).is_signed_in().await);
    let recorded = "SELECT COUNT(*) FROM audit_events WHERE action = 'signing_key.rotated'";
    assert_eq!(app.number(recorded).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_sealed_under_another_master_key_is_reported_with_a_remedy() {
    let app = TestApp::spawn().await;
    app.execute("UPDATE signing_keys SET kid = 'moved'").await;
    let fault = app.app.load_signing_keys().await.unwrap_err().to_string();
    assert!(
        fault.contains("the signing key moved cannot be opened"),
        "{fault}"
    );
    assert!(fault.contains("IDGATE_KEYS__MASTER_PREVIOUS"), "{fault}");
    // What was loaded before goes on working.
    let ada = app.register("ada@example.com").await;
    assert_eq!(ada.run("Me", json!({})).await.status, 200);
}

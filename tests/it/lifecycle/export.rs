//! Exports of personal data: complete, sealed, signed, and only for their owner.

use std::collections::BTreeSet;

use chrono::Duration;
use idgate::services::operator::{data_exports, housekeeping};
use jsonwebtoken::jwk::JwkSet;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{ADA, admin, delete, erase};
use crate::administration::on;
use crate::harness::{PASSWORD, SignedIn, TestApp};

const PARTS: &str = "SELECT COUNT(*) FROM data_export_parts";

async fn requested(ada: &SignedIn<'_>) -> String {
    let answer = ada.run("RequestDataExport", json!({})).await;
    let export = answer.root("requestDataExport")["export"].clone();
    assert_eq!(export["state"], "WAITING", "{}", answer.text);
    export["id"].as_str().unwrap().to_owned()
}

async fn shown(ada: &SignedIn<'_>, id: &str) -> Value {
    let answer = ada.run("DataExport", json!({ "id": id })).await;
    answer.json["data"]["dataExport"].clone()
}

async fn written(app: &TestApp) -> bool {
    data_exports::write_next(&app.app).await.unwrap()
}

/// Requests, writes and downloads an export; returns it with its bytes.
async fn exported(app: &TestApp, ada: &SignedIn<'_>) -> (Value, Vec<u8>) {
    let id = requested(ada).await;
    assert!(written(app).await);
    let export = shown(ada, &id).await;
    assert_eq!(export["state"], "READY");
    let (status, bytes) = downloaded(app, &id, Some(&ada.access_token)).await;
    assert_eq!(status, 200);
    (export, bytes)
}

async fn downloaded(app: &TestApp, id: &str, token: Option<&str>) -> (u16, Vec<u8>) {
    let mut request = app.request(reqwest::Method::GET, &format!("/exports/{id}"));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.bytes().await.unwrap().to_vec())
}

fn names(list: &Value, member: &str) -> BTreeSet<String> {
    let rows = list.as_array().unwrap().iter();
    rows.map(|row| row[member].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_what_is_known_about_a_person_and_no_secret() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let ada = app.register(ADA).await;
    app.login(ADA).await;
    app.anonymous().login(ADA, "a wrong password").await;
    let profile = json!({ "input": { "bio": "counts", "city": "London" } });
    ada.run("UpdateProfile", profile).await;
    let note = json!({ "vendorId": "v-17", "staffNote": "pays late" });
    on(&root, "UpdateUser", &ada.user_id, note).await;
    let (export, bytes) = exported(&app, &ada).await;
    let text = String::from_utf8(bytes).unwrap();
    let archive: Value = serde_json::from_str(&text).unwrap();

    assert_eq!(archive["format"], "idgate-data-export");
    assert_eq!(archive["version"], 1);
    assert_eq!(archive["account"]["email"], ADA);
    assert_eq!(archive["account"]["bio"], "counts");
    assert_eq!(archive["account"]["vendorId"], "v-17");
    assert!(archive["password"]["changedAt"].is_string());
    assert_eq!(archive["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(archive["sessions"][0]["ipAddress"], "127.0.0.1");
    assert!(names(&archive["messages"], "kind").contains("verify_email"));
    assert_eq!(archive["links"][0]["purpose"], "verify_email");
    assert_eq!(archive["dataExports"].as_array().unwrap().len(), 1);
    let actions = names(&archive["auditEvents"], "action");
    for action in [
        "user.registered",
        "login.failed",
        "profile.updated",
        "user.updated",
    ] {
        assert!(actions.contains(action), "{action}: {actions:?}");
    }
    // Of their own action they see everything, of what staff did only that.
    let events = archive["auditEvents"].as_array().unwrap();
    let event = |action: &str| {
        events
            .iter()
            .find(|event| event["action"] == action)
            .unwrap()
    };
    let own = event("profile.updated");
    assert_eq!(
        own["changes"]["city"],
        json!({ "before": "", "after": "London" })
    );
    assert_eq!(own["ipAddress"], "127.0.0.1");
    let by_staff = event("user.updated");
    assert!(by_staff.get("ipAddress").is_none(), "{by_staff}");
    assert!(by_staff["changes"].get("staffNote").is_none(), "{by_staff}");
    assert!(!text.contains("pays late"));

    let total = [
        "identities",
        "sessions",
        "links",
        "messages",
        "dataExports",
        "auditEvents",
    ]
    .map(|list| archive[list].as_array().unwrap().len());
    let total: usize = total.iter().sum();
    assert_eq!(export["recordsWritten"], total);
    assert_eq!(export["recordsTotal"], total);
    let hash = app.text("SELECT MIN(hash) FROM passwords").await;
    for secret in [hash.as_str(), &ada.refresh_token, &ada.access_token] {
        assert!(!text.contains(secret), "{secret}");
    }
    for member in ["hash", "tokenHash", "sealed", "sealedKey", "Folded"] {
        assert!(!text.contains(&format!("{member}\":")), "{member}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signature_is_over_the_file_and_is_no_token() {
    let app = TestApp::spawn().await;
    let ada = app.register(ADA).await;
    let (export, bytes) = exported(&app, &ada).await;
    let signature = export["signature"].as_str().unwrap();
    let keys = app.get("/.well-known/jwks.json").await.json;
    let keys: JwkSet = serde_json::from_value(keys).unwrap();
    let header = jsonwebtoken::decode_header(signature).unwrap();
    let key = keys.find(&header.kid.unwrap()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(header.alg);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
    let signed = jsonwebtoken::decode::<Value>(signature, &key, &validation).unwrap();
    let digest = hex::encode(Sha256::digest(&bytes));
    assert_eq!(signed.claims, json!({ "sha256": digest }));
    let answer = app
        .anonymous()
        .with("authorization", format!("Bearer {signature}"))
        .run("Me", json!({}))
        .await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_for_its_owner_and_for_a_while() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let ada = app.register(ADA).await;
    let eve = app.register("eve@example.com").await;
    let id = requested(&ada).await;
    assert_eq!(shown(&ada, &id).await["downloadUrl"], Value::Null);
    let token = Some(ada.access_token.as_str());
    assert_eq!(downloaded(&app, &id, token).await.0, 404, "not ready");
    // A second request is for the same one.
    let again = ada.run("RequestDataExport", json!({})).await;
    assert_eq!(again.root("requestDataExport")["export"]["id"], id.as_str());
    assert!(written(&app).await && !written(&app).await);
    let url = shown(&ada, &id).await["downloadUrl"].clone();
    assert!(url.as_str().unwrap().ends_with(&format!("/exports/{id}")));
    let message = app.message(ADA, "data_export_ready").await;
    assert!(message.is_none(), "the address is not verified");

    for (who, status) in [
        (None, 401),
        (Some("junk"), 401),
        (Some(eve.access_token.as_str()), 404),
        (Some(root.access_token.as_str()), 404),
        (token, 200),
    ] {
        assert_eq!(downloaded(&app, &id, who).await.0, status, "{who:?}");
    }
    assert_eq!(downloaded(&app, "junk", token).await.0, 404);
    for other in [&eve, &root] {
        assert_eq!(shown(other, &id).await, Value::Null);
    }
    assert_eq!(super::events(&app, "data_export.requested").await, 1);
    assert_eq!(super::events(&app, "data_export.downloaded").await, 1);

    app.advance(app.app.config.lifecycle.export_hours * 3_600);
    let later = app.login(ADA).await;
    assert_eq!(shown(&later, &id).await["downloadUrl"], Value::Null);
    let token = Some(later.access_token.as_str());
    assert_eq!(downloaded(&app, &id, token).await.0, 404, "expired");
    housekeeping::tidy(&app.app).await.unwrap();
    assert_eq!(app.number(PARTS).await, 0);
    assert_eq!(shown(&later, &id).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_told_at_a_verified_address() {
    let app = TestApp::spawn().await;
    let ada = app.appoint(ADA, "client").await;
    exported(&app, &ada).await;
    let message = app.message(ADA, "data_export_ready").await.unwrap();
    assert!(
        message["text"].as_str().unwrap().contains("3 days"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_a_recent_sign_in() {
    let app = TestApp::spawn().await;
    let ada = app.register(ADA).await;
    app.advance(app.app.config.sessions.fresh_seconds + 1);
    let ada = ada.refreshed().await;
    let answer = ada.run("RequestDataExport", json!({})).await;
    assert_eq!(answer.typename("requestDataExport"), "StepUpRequired");
    assert_eq!(app.number("SELECT COUNT(*) FROM data_exports").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_archive_is_readable_in_the_database() {
    let app = TestApp::spawn().await;
    let ada = app.register(ADA).await;
    exported(&app, &ada).await;
    let needle = hex::encode(ADA);
    for row in app.printed("data_export_parts").await {
        assert!(!row.to_lowercase().contains(&needle) && !row.contains(ADA));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_died_is_followed_by_another_and_a_stale_one_changes_nothing() {
    let app = TestApp::spawn().await;
    let ada = app.register(ADA).await;
    let id = requested(&ada).await;
    let now = app.app.clock.now();
    let leased_until = now + Duration::seconds(60);
    let database = &app.app.database;
    let claim = idgate::stores::data_export::claim(database, leased_until, now);
    let dead = claim.await.unwrap().unwrap();
    assert!(!written(&app).await, "it is being written");
    app.advance(61);
    assert!(written(&app).await);
    let ready = shown(&ada, &id).await;
    assert_eq!(ready["state"], "READY");
    let tx = app.app.begin().await.unwrap();
    assert!(
        !idgate::stores::data_export::begin(&tx, &dead, 7)
            .await
            .unwrap()
    );
    drop(tx);
    assert_eq!(shown(&ada, &id).await, ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_cannot_be_written_is_given_up() {
    let app = TestApp::spawn().await;
    let ada = app.register(ADA).await;
    let id = requested(&ada).await;
    // Details that do not open: the row was changed, or a master key is missing.
    app.execute("UPDATE person_keys SET sealed_key = sealed_key || sealed_key")
        .await;
    for _ in 0..5 {
        assert!(data_exports::write_next(&app.app).await.is_err());
        app.advance(121);
    }
    assert!(written(&app).await);
    assert_eq!(shown(&ada.refreshed().await, &id).await["state"], "FAILED");
    assert_eq!(app.number(PARTS).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_or_erasing_an_account_takes_its_exports_along() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    for (email, how) in [(ADA, "delete"), ("grace@example.com", "erase")] {
        let person = app.register(email).await;
        let (export, _) = exported(&app, &person).await;
        let id = export["id"].as_str().unwrap();
        // One that waits while its owner goes.
        person.run("RequestDataExport", json!({})).await;
        match how {
            "delete" => delete(&root, &person.user_id).await,
            _ => erase(&root, &person.user_id).await,
        };
        assert_eq!(
            app.number("SELECT COUNT(*) FROM data_exports").await,
            0,
            "{how}"
        );
        assert_eq!(app.number(PARTS).await, 0, "{how}");
        assert!(!written(&app).await, "{how}");
        let token = Some(person.access_token.as_str());
        assert_eq!(downloaded(&app, id, token).await.0, 401, "{how}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_a_person_with_a_long_history_is_there() {
    let app = TestApp::spawn().await;
    let ada = app.register(ADA).await;
    let (id, number) = if app.is_sqlite() {
        ("randomblob(16)", "CAST(number AS TEXT)")
    } else {
        ("gen_random_uuid()", "number::text")
    };
    app.execute(&format!(
        "INSERT INTO sessions (id, user_id, created_at, last_seen_at, expires_at, auth_time, amr, \
         ip_address, user_agent, browser, os, device) \
         WITH RECURSIVE numbers(number) AS \
         (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 1200) \
         SELECT {id}, user_id, created_at, last_seen_at, expires_at, auth_time, amr, ip_address, \
         'agent ' || {number}, browser, os, device FROM sessions, numbers"
    ))
    .await;
    for _ in 0..30 {
        ada.run("UpdateProfile", json!({ "input": { "bio": "again" } }))
            .await;
    }
    let events = app.number("SELECT COUNT(*) FROM audit_events").await;
    let (export, bytes) = exported(&app, &ada).await;
    assert!(app.number(PARTS).await >= 2, "more than one part");
    let archive: Value = serde_json::from_slice(&bytes).unwrap();
    let agents = names(&archive["sessions"], "userAgent");
    assert_eq!(archive["sessions"].as_array().unwrap().len(), 1_201);
    assert!(agents.len() > 1_200);
    // The request for the export is one more.
    let listed = i64::try_from(archive["auditEvents"].as_array().unwrap().len()).unwrap();
    assert_eq!(listed, events + 1);
    assert!(export["recordsWritten"].as_i64().unwrap() > 1_231);
    let login = app.anonymous().login(ADA, PASSWORD).await;
    assert_eq!(
        login.typename("login"),
        "SignedIn",
        "writers are not in the way"
    );
}

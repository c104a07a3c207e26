//! Trusted documents, and errors that do not leak a closed schema.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{Answer, TestApp, queries};

const REQUIRED: &[(&str, &str)] = &[("IDGATE_GRAPHQL__TRUSTED_DOCUMENTS", "required")];

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

async fn send(app: &TestApp, body: Value) -> Answer {
    app.anonymous().send(&body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_document_runs_by_its_id_in_either_spelling() {
    for settings in [&[][..], REQUIRED] {
        let app = TestApp::with(settings).await;
        let id = hash(queries::text("AuthConfig"));
        let apollo = json!({ "persistedQuery": { "version": 1, "sha256Hash": id } });
        for body in [
            json!({ "documentId": format!("sha256:{id}") }),
            json!({ "documentId": id }),
            json!({ "extensions": apollo }),
        ] {
            let answer = send(&app, body).await;
            assert_eq!(answer.root("authConfig")["passwordMinLength"], 8);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_row_says_which_document_ran() {
    let app = TestApp::spawn().await;
    let id = hash(queries::text("Login"));
    let input = json!({ "emailOrPhone": "ada@example.com", "password": "not the password" });
    let body = json!({ "documentId": id, "variables": { "input": input } });
    assert_eq!(
        send(&app, body).await.typename("login"),
        "InvalidCredentials"
    );
    let named = format!(
        "SELECT COUNT(*) FROM audit_events WHERE document_id = 'sha256:{id}' \
         AND operation_name = 'Login'"
    );
    assert_eq!(app.number(&named).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_id_is_refused_and_registers_nothing() {
    let app = TestApp::spawn().await;
    for id in ["sha256:00", "", "Me", &hash("{ me { id } }")] {
        send(&app, json!({ "documentId": id }))
            .await
            .assert_refusal(400, "PERSISTED_DOCUMENT_NOT_FOUND");
    }
}

fn apollo(text: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash(text) } })
}

#[tokio::test(flavor = "multi_thread")]
async fn apollos_clients_are_told_in_their_own_words_and_may_send_the_text_along() {
    let app = TestApp::spawn().await;
    let text = "{ __typename }";
    let by_hash = json!({ "extensions": apollo(text) });
    let with_text = json!({ "query": text, "extensions": apollo(text) });
    for _ in 0..2 {
        // Sent again, it is unknown again: the text was run, and not registered.
        let unknown = send(&app, by_hash.clone()).await;
        unknown.assert_refusal(200, "PERSISTED_QUERY_NOT_FOUND");
        let error = &unknown.json["errors"][0];
        assert_eq!(error["message"], "PersistedQueryNotFound");
        let answer = send(&app, with_text.clone()).await;
        assert_eq!(answer.root("__typename"), "Query");
    }
    let strict = app
        .anonymous()
        .with("accept", "application/graphql-response+json");
    let unknown = strict.send(&by_hash).await;
    unknown.assert_refusal(400, "PERSISTED_QUERY_NOT_FOUND");
    let other = json!({ "query": "{ me { id } }", "extensions": apollo(text) });
    send(&app, other)
        .await
        .assert_refusal(400, "BAD_USER_INPUT");
    let encoded = apollo(queries::text("AuthConfig")).to_string();
    let mut parameters = url::form_urlencoded::Serializer::new(String::new());
    parameters.append_pair("extensions", &encoded);
    let path = format!("/graphql?{}", parameters.finish());
    let answer = app.get(&path).await;
    assert_eq!(answer.root("authConfig")["passwordMinLength"], 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_beside_apollos_hash_runs_only_where_texts_do() {
    let app = TestApp::with(REQUIRED).await;
    let text = "{ __typename }";
    let unknown = send(&app, json!({ "extensions": apollo(text) })).await;
    unknown.assert_refusal(200, "PERSISTED_QUERY_NOT_FOUND");
    let body = json!({ "query": text, "extensions": apollo(text) });
    let answer = send(&app, body).await;
    answer.assert_refusal(400, "PERSISTED_DOCUMENT_REQUIRED");
    let known = queries::text("AuthConfig");
    let body = json!({ "query": known, "extensions": apollo(known) });
    let answer = send(&app, body).await;
    assert_eq!(answer.root("authConfig")["passwordMinLength"], 8);
    // The id of one document and the text of another.
    let body = json!({ "query": text, "extensions": apollo(known) });
    let answer = send(&app, body).await;
    answer.assert_refusal(400, "BAD_USER_INPUT");
    let path = format!("/graphql?documentId={}", hash(known));
    let answer = app.get(&path).await;
    assert_eq!(answer.root("authConfig")["passwordMinLength"], 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_they_are_required_nothing_else_runs() {
    let app = TestApp::with(REQUIRED).await;
    for text in [
        "{ me { id } }",
        "{ __schema { types { name } } }",
        "{",
        queries::text("Me"),
    ] {
        let answer = send(&app, json!({ "query": text })).await;
        answer.assert_refusal(400, "PERSISTED_DOCUMENT_REQUIRED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_schema_is_not_spelled_out_by_its_errors() {
    let near_misses = ["{ m { id } }", "{ me { emai } }", "mutation { logn { x } }"];
    let open = TestApp::spawn().await;
    let answer = open.anonymous().ask("{ me { emai } }", json!({})).await;
    assert!(answer.text.contains("Did you mean"), "{}", answer.text);
    let schema = open
        .anonymous()
        .ask("{ __schema { queryType { name } } }", json!({}))
        .await;
    assert_eq!(schema.root("__schema")["queryType"]["name"], "Query");

    let closed = TestApp::with(&[("IDGATE_GRAPHQL__INTROSPECTION", "false")]).await;
    for text in near_misses {
        let answer = closed.anonymous().ask(text, json!({})).await;
        assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
        assert!(!answer.text.contains("Did you mean"), "{}", answer.text);
    }
    let answer = closed
        .anonymous()
        .ask("{ _service { sdl } }", json!({}))
        .await;
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
}

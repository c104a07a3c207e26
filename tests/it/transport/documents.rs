//! Trusted documents, and what a closed schema does not tell.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{Answer, TestApp, hex, queries};

const REQUIRED: &[(&str, &str)] = &[("IDGATE_GRAPHQL__TRUSTED_DOCUMENTS", "required")];

fn hash(text: &str) -> String {
    hex(&Sha256::digest(text))
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
    let text = "{ me { id } }";
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash(text) } });
    for body in [
        json!({ "documentId": "sha256:00" }),
        json!({ "documentId": "" }),
        json!({ "extensions": extensions }),
        // Apollo's way to register: both the text and its hash.
        json!({ "query": text, "extensions": extensions }),
        json!({ "extensions": extensions }),
    ] {
        send(&app, body)
            .await
            .assert_refusal(400, "PERSISTED_DOCUMENT_NOT_FOUND");
    }
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
    for text in [
        "{ __schema { types { name } } }",
        "{ __type(name: \"User\") { name } }",
    ] {
        let answer = closed.anonymous().ask(text, json!({})).await;
        let data = &answer.json["data"];
        assert!(
            data["__schema"].is_null() && data["__type"].is_null(),
            "{}",
            answer.text
        );
    }
    let answer = closed
        .anonymous()
        .ask("{ _service { sdl } }", json!({}))
        .await;
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
}

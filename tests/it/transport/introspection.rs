//! Introspection that is off: a request error on every surface and transport, never `null`.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, Received, TestApp};

const OFF: (&str, &str) = ("IDGATE_GRAPHQL__INTROSPECTION", "false");
const ROUTER: (&str, &str) = ("IDGATE_ROUTER__SECRET", SECRET);
const SECRET: &str = "a secret of thirty-two characters";

/// Every way that leads to the schema, with variables it may need.
const WAYS: [&str; 14] = [
    "{ __schema { types { name } } }",
    "{ __type(name: \"User\") { fields { name } } }",
    "{ harmless: __schema { queryType { name } } }",
    "{ __typename: __type(name: \"User\") { name } }",
    "{ me { id } __schema { queryType { name } } }",
    "{ ...on Query { __schema { queryType { name } } } }",
    "{ ... @include(if: true) { ... { __type(name: \"User\") { name } } } }",
    "{ ...a } fragment a on Query { ...b } fragment b on Query { it: __schema { types { name } } }",
    "{ __typename } fragment unused on Query { __schema { types { name } } }",
    "query A { __typename } query B { __schema { types { name } } }",
    "query ($so: Boolean = false) { __typename __schema @include(if: $so) { types { name } } }",
    "mutation { __schema { types { name } } }",
    "subscription { __schema { types { name } } }",
    "subscription { ...on Subscription { __type(name: \"User\") { name } } }",
];

fn body(text: &str) -> serde_json::Value {
    let operation = text.starts_with("query A").then_some("A");
    json!({ "query": text, "operationName": operation })
}

fn assert_says_so(text: &str, answer: &Answer) {
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED", "{text}");
    assert!(
        answer
            .json
            .get("data")
            .is_none_or(serde_json::Value::is_null)
    );
    let message = answer.json["errors"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("Introspection is off"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn introspection_that_is_off_says_so_by_every_way_over_http() {
    let app = TestApp::with(&[OFF, ROUTER]).await;
    let strict = "application/graphql-response+json";
    let clients = [
        app.anonymous(),
        app.anonymous().with("idgate-router-secret", SECRET),
    ];
    for text in WAYS {
        for client in &clients {
            let answer = client.send(&body(text)).await;
            assert_says_so(text, &answer);
            assert_eq!(answer.status, 200, "{text}");
            let answer = client
                .clone()
                .with("accept", strict)
                .send(&body(text))
                .await;
            assert_says_so(text, &answer);
            assert_eq!(answer.status, 400, "{text}");
        }
        let mut parameters = url::form_urlencoded::Serializer::new(String::new());
        parameters.append_pair("query", text);
        let answer = app.get(&format!("/graphql?{}", parameters.finish())).await;
        assert_says_so(text, &answer);
        let request = app
            .request(Method::POST, "/graphql/stream")
            .json(&body(text));
        let answer = Answer::of(request.header("accept", "text/event-stream")).await;
        assert_says_so(text, &answer);
        assert_eq!(answer.status, 400, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn introspection_that_is_off_says_so_over_a_websocket() {
    let app = TestApp::with(&[OFF]).await;
    let ada = app.register("ada@example.com").await;
    let mut socket = ada.socket().await;
    for text in WAYS {
        socket.ask("a", text, json!({})).await;
        let Received::Message(message) = socket.receive().await else {
            panic!("{text} ends the connection")
        };
        let error = &message["payload"][0];
        assert_eq!(error["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("Introspection is off"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_of_types_are_told_whether_or_not_the_schema_is() {
    for settings in [&[][..], &[OFF]] {
        let app = TestApp::with(settings).await;
        let text = "{ __typename authConfig { name: __typename } }";
        let answer = app.anonymous().ask(text, json!({})).await;
        assert_eq!(answer.root("__typename"), "Query");
        assert_eq!(answer.root("authConfig")["name"], "AuthConfig");
    }
}

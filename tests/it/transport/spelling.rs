//! Documents in the spelling of September 2025, which the engine's parser does not read.

use serde_json::json;

use crate::harness::{TestApp, document_id};

const DESCRIBED: &str = r#"
"""
Changes what people read. "Quotes" and {brackets} are text.
"""
mutation Change("the text" $city: String = "\u{1F3D9}") {
  updateProfile(input: { bio: "\ud83d\ude00 \u{1F600}\u{22}", city: $city, state: """a \""" b""" }) {
    __typename
  }
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn escapes_and_descriptions_of_the_specification_reach_the_resolver() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let answer = ada.ask(DESCRIBED, json!({})).await;
    assert!(answer.json["errors"].is_null(), "{}", answer.text);
    let query =
        r#""what it is" query Read { ...f } "of me" fragment f on Query { me { bio city state } }"#;
    let me = ada.ask(query, json!({})).await;
    let expected = json!({ "bio": "😀 😀\"", "city": "🏙", "state": "a \"\"\" b" });
    assert_eq!(*me.root("me"), expected);
}

/// The digest covers the bytes received, not the parsed document.
#[tokio::test(flavor = "multi_thread")]
async fn a_digest_is_that_of_the_text_as_it_came() {
    let app = TestApp::spawn().await;
    let text = r#""what it is" query Ask { __typename }"#;
    for (digested, code) in [(text, ""), ("query Ask { __typename }", "BAD_USER_INPUT")] {
        let id = document_id(digested);
        let digest = id.strip_prefix("sha256:").unwrap();
        let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": digest } });
        let body = json!({ "query": text, "extensions": extensions });
        let answer = app.anonymous().send(&body).await;
        assert_eq!(answer.code(), code, "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn escapes_of_no_character_are_refused_and_hide_nothing() {
    let app = TestApp::spawn().await;
    let client = app.anonymous();
    let brackets = "[".repeat(60_000);
    let many = "a ".repeat(6_000);
    for (text, code) in [
        (
            r#"{ user(id: "\ud83d") { id } }"#.to_owned(),
            "GRAPHQL_PARSE_FAILED",
        ),
        (
            r#"{ user(id: "\u{110000}") { id } }"#.to_owned(),
            "GRAPHQL_PARSE_FAILED",
        ),
        (
            r#""\udead" query { __typename }"#.to_owned(),
            "GRAPHQL_PARSE_FAILED",
        ),
        (
            r#"{ user(id: "\u{0}") { id } }"#.to_owned(),
            "BAD_USER_INPUT",
        ),
        (
            r#""\u{000}" query { __typename }"#.to_owned(),
            "BAD_USER_INPUT",
        ),
        // The parser reads on after the second quote.
        (
            format!("{{ a(b: [\"\"\"c\", {brackets}"),
            "GRAPHQL_PARSE_FAILED",
        ),
        (
            format!("{{ a(b: [\"\"\"c\"]) {many} }}"),
            "GRAPHQL_PARSE_FAILED",
        ),
        (
            format!("\"\"\"d\"\"\" query {{ {many} }}"),
            "QUERY_TOO_EXPENSIVE",
        ),
    ] {
        let answer = client.ask(&text, json!({})).await;
        let shown: String = text.chars().take(50).collect();
        assert_eq!(answer.code(), code, "{shown}: {}", answer.text);
    }
    let answer = client
        .ask("{\n  me\n  a(b: \"é\\ud83d\") }", json!({}))
        .await;
    let message = answer.json["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("line 3, column 10:"), "{message}");
}

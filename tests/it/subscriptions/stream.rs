//! Live events as an event stream.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::harness::{Answer, TestApp, queries};

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_what_happens_and_ends_with_the_session() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let mut stream = ada.stream("SessionEvents").await;
    let laptop = app.login("ada@example.com").await;
    let (event, data) = stream.next().await.unwrap();
    assert_eq!(event, "next");
    let event = &data["data"]["sessionEvents"];
    assert_eq!(event["session"]["id"], laptop.session_id().await);

    let id = ada.session_id().await;
    let revoked = json!({ "input": { "sessionId": id } });
    laptop.run("RevokeSession", revoked).await;
    let (event, data) = stream.next().await.unwrap();
    assert_eq!(event, "next");
    assert_eq!(data["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    assert_eq!(
        stream.next().await,
        Some(("complete".to_owned(), Value::Null))
    );
    assert_eq!(stream.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_subscription_is_answered_in_the_stream() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let mut stream = ada.stream("AuditStream").await;
    let (event, data) = stream.next().await.unwrap();
    assert_eq!(event, "next");
    assert_eq!(data["errors"][0]["extensions"]["code"], "FORBIDDEN");
    assert!(!data["errors"][0]["extensions"]["requestId"].is_null());
    assert_eq!(
        stream.next().await,
        Some(("complete".to_owned(), Value::Null))
    );
    assert_eq!(stream.next().await, None);

    let body = json!({ "query": queries::text("SessionEvents") });
    let anonymous = app.request(Method::POST, "/graphql/stream").json(&body);
    let answer = Answer::of(anonymous).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        "text/event-stream; charset=utf-8"
    );
    assert!(
        answer.text.starts_with("event: next\ndata: {"),
        "{}",
        answer.text
    );
    assert!(answer.text.contains("UNAUTHENTICATED"), "{}", answer.text);
    assert!(
        answer.text.ends_with("\n\nevent: complete\ndata:\n\n"),
        "{}",
        answer.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_operations_and_simple_requests_start_no_stream() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let authorization = format!("Bearer {}", ada.access_token);
    let post = |media: &str, accept: &str, query: &str| {
        let body = json!({ "query": query }).to_string();
        let request = app.request(Method::POST, "/graphql/stream").body(body);
        let request = request
            .header("content-type", media)
            .header("accept", accept);
        Answer::of(request.header("authorization", &authorization))
    };
    let events = "text/event-stream";
    let json = "application/json";
    let fine = queries::text("SessionEvents");
    let refused = post("text/plain", events, fine).await;
    refused.assert_refusal(415, "UNSUPPORTED_MEDIA_TYPE");
    post(json, json, fine)
        .await
        .assert_refusal(406, "NOT_ACCEPTABLE");
    for (query, code) in [
        ("{ me { id } }", "BAD_USER_INPUT"),
        ("mutation { logout { __typename } }", "BAD_USER_INPUT"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { __typename }", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        post(json, events, query).await.assert_refusal(400, code);
    }
    let answer = app.get("/graphql/stream?query=subscription").await;
    answer.assert_refusal(405, "METHOD_NOT_ALLOWED");
    assert_eq!(answer.header("allow"), "POST");
    assert!(ada.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_named_origins_may_read_a_stream() {
    let named = [("IDGATE_SERVER__CORS_ORIGINS", "https://app.example.com")];
    let app = TestApp::with(&named).await;
    for (origin, allowed) in [
        ("https://app.example.com", "https://app.example.com"),
        ("https://evil.example.com", ""),
    ] {
        let request = app.request(Method::OPTIONS, "/graphql/stream");
        let asked = "authorization,content-type";
        let request = request
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", asked);
        let answer = Answer::of(request).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        let headers = answer.header("access-control-allow-headers");
        assert!(headers.contains("authorization") && headers.contains("content-type"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_given_back_when_its_reader_leaves() {
    let app = TestApp::with(&[("IDGATE_SUBSCRIPTIONS__MAX_CONNECTIONS", "1")]).await;
    let ada = app.register("ada@example.com").await;
    let stream = ada.stream("SessionEvents").await;
    drop(stream);
    app.until("idgate_subscription_connections{over=\"stream\"} 0", || {})
        .await;
    let mut stream = ada.stream("SessionEvents").await;
    app.login("ada@example.com").await;
    assert!(stream.next().await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unread_stream_is_cut_off() {
    let strict = [
        ("IDGATE_SUBSCRIPTIONS__QUEUE", "10000"),
        ("IDGATE_SUBSCRIPTIONS__GATHER_MILLISECONDS", "0"),
        ("IDGATE_SUBSCRIPTIONS__WRITE_SECONDS", "1"),
        ("IDGATE_SERVER__IDLE_TIMEOUT_SECONDS", "1"),
    ];
    let app = TestApp::with(&strict).await;
    let root = app.appoint("root@example.com", "admin").await;
    let body = json!({ "query": super::long_events() }).to_string();
    let request = format!(
        "POST /graphql/stream HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        root.access_token,
        body.len(),
    );
    let mut connection = app.narrow_connection().await;
    connection.write_all(request.as_bytes()).await.unwrap();
    app.until("idgate_subscription_connections{over=\"stream\"} 1", || {})
        .await;
    let again: Vec<_> = app
        .audited()
        .await
        .into_iter()
        .cycle()
        .take(9_000)
        .collect();
    app.publish(&again);
    app.until("ended_total{why=\"slow\"} 1", || {}).await;
    // A disconnected client notices on its next write.
    let refused = async {
        while connection.write_all(b" ").await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    let limit = std::time::Duration::from_mins(1);
    assert!(tokio::time::timeout(limit, refused).await.is_ok());
}

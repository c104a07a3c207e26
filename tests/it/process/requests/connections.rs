//! Log lines of requests without a response: subscriptions, and clients that disconnect.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Logged, lines_of};
use crate::harness::{PASSWORD, Received, Socket, TestApp, queries};

fn subscribe(id: &str, document_id: &str) -> Value {
    let payload = json!({ "documentId": document_id });
    json!({ "type": "subscribe", "id": id, "payload": payload })
}

/// Outcome, operation, document, end reason and number of events.
fn summary(line: &Value) -> [String; 5] {
    ["outcome", "operation", "document", "ended", "events"].map(|field| match &line[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_leaves_a_line_when_it_ends() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    let program = Logged::start(&app, &[]);
    let ada = program.token("ada@example.com").await;
    let headers = [
        ("sec-websocket-protocol", "graphql-transport-ws"),
        ("x-request-id", "socket"),
    ];
    let address = program.address.parse().unwrap();
    let socket = Socket::open(address, "/graphql/ws", &headers).await;
    let Ok(mut socket) = socket else {
        panic!("{:?}", socket.err());
    };
    let authorization = format!("Bearer {ada}");
    let init = json!({ "type": "connection_init", "payload": { "Authorization": authorization } });
    socket.send(init).await;
    let acknowledged = Received::Message(json!({ "type": "connection_ack" }));
    assert_eq!(socket.receive().await, acknowledged);
    let events = queries::id("SessionEvents");
    for id in ["a", "b"] {
        socket.send(subscribe(id, &events)).await;
    }
    socket.settle().await;
    // One of them completes after an event; the other lasts until the gateway stops.
    program.token("ada@example.com").await;
    for _ in 0..2 {
        let Received::Message(message) = socket.receive().await else {
            panic!("the connection ended");
        };
        assert_eq!(message["type"], "next", "{message}");
    }
    socket.send(json!({ "type": "complete", "id": "a" })).await;
    socket.send(subscribe("c", "sha256:00")).await;
    let refusal = socket.refusal("c").await;
    assert_eq!(refusal, "PERSISTED_DOCUMENT_NOT_FOUND");
    let body = json!({ "documentId": events });
    let request = program.request(Method::POST, "/graphql/stream").json(&body);
    let request = request.header("x-request-id", "stream").bearer_auth(&ada);
    let stream = request.send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let log = program.stop();
    drop(stream);

    let lines = lines_of(&log, "socket");
    let mut ended: Vec<_> = lines
        .iter()
        .filter(|line| line["ended"].is_string())
        .collect();
    assert_eq!(lines.len(), ended.len() + 1, "{lines:?}");
    ended.sort_by_key(|line| line["ended"].to_string());
    let named = ["SessionEvents", events.as_str()];
    let expected = [
        ["OK", named[0], named[1], "completed", "1"],
        [
            "PERSISTED_DOCUMENT_NOT_FOUND",
            "other",
            "null",
            "refused",
            "0",
        ],
        ["OK", named[0], named[1], "stopping", "1"],
    ];
    assert_eq!(ended.into_iter().map(summary).collect::<Vec<_>>(), expected);
    let lines = lines_of(&log, "stream");
    let ended: Vec<_> = lines
        .iter()
        .filter(|line| line["ended"].is_string())
        .collect();
    let expected = [["OK", named[0], named[1], "stopping", "0"]];
    assert_eq!(ended.into_iter().map(summary).collect::<Vec<_>>(), expected);
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_before_the_answer_has_a_line() {
    let app = TestApp::spawn().await;
    // A service that never answers: that it is asked shows that the operation has begun.
    let breached = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/range/", breached.local_addr().unwrap());
    let settings = [
        ("IDGATE_BREACHED__URL", url.as_str()),
        ("IDGATE_BREACHED__TIMEOUT_MILLISECONDS", "10000"),
    ];
    let program = Logged::start(&app, &settings);
    let input = json!({ "email": "ada@example.com", "password": PASSWORD });
    let body = json!({ "documentId": queries::id("Register"), "variables": { "input": input } });
    let body = body.to_string();
    let length = body.len();
    let mut client = TcpStream::connect(&program.address).unwrap();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nx-request-id: left\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    client.write_all(request.as_bytes()).unwrap();
    let asked = tokio::task::spawn_blocking(move || breached.accept().unwrap());
    let _unanswered = asked.await.unwrap();
    drop(client);
    let counted = "idgate_operations_total{operation=\"Register\",code=\"CANCELLED\"} 1";
    let deadline = Instant::now() + Duration::from_mins(1);
    while !program.metrics().await.contains(counted) {
        assert!(Instant::now() < deadline, "{}", program.metrics().await);
    }
    let log = program.stop();
    let lines = lines_of(&log, "left");
    let [line] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!(line["outcome"], "CANCELLED", "{line}");
    assert_eq!(line["operation"], "Register", "{line}");
    assert_eq!(line["request_bytes"], length, "{line}");
    assert!(line["http.status"].is_null() && line["response_bytes"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_a_front_end_are_named_in_lines_and_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let text = "query Methods { authConfig { methods } }";
    std::fs::write(folder.path().join("methods.graphql"), text).unwrap();
    let app = TestApp::spawn().await;
    let place = folder.path().display().to_string();
    let program = Logged::start(&app, &[("IDGATE_GRAPHQL__DOCUMENTS", &place)]);
    let id = format!("sha256:{}", hex::encode(Sha256::digest(text)));
    let post = |body: Value| program.request(Method::POST, "/graphql").json(&body);
    program
        .send("named", post(json!({ "documentId": id })))
        .await;
    // The same text sent by a caller who may send any text is not labelled as the front end's.
    program.send("text", post(json!({ "query": text }))).await;
    let page = program.metrics().await;
    let log = program.stop();
    for (request, operation, document) in [
        ("named", "Methods", json!(id)),
        ("text", "authConfig", Value::Null),
    ] {
        let line = &lines_of(&log, request)[0];
        assert_eq!(line["operation"], operation, "{line}");
        assert_eq!(line["document"], document, "{line}");
        let counted = format!("operation=\"{operation}\",code=\"OK\"}} 1");
        assert!(page.contains(&counted), "{page}");
    }
}

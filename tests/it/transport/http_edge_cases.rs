//! GraphQL over HTTP as clients, gateways and proxies really send it, and malformed requests.

use std::io::Write as _;

use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, TestApp};

const QUESTION: &str = "{\"query\":\"{ __typename }\"}";

#[tokio::test(flavor = "multi_thread")]
async fn responses_have_the_accepted_media_type() {
    let app = TestApp::spawn().await;
    let json = "application/json; charset=utf-8";
    let strict = "application/graphql-response+json; charset=utf-8";
    for (accept, kind) in [
        ("*/*", json),
        ("", json),
        ("application/json", json),
        ("Application/JSON", json),
        ("application/*", json),
        (
            "application/graphql-response+json, application/json, multipart/mixed",
            strict,
        ),
        (
            "application/graphql-response+json,application/json;q=0.9",
            strict,
        ),
        (
            "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed",
            strict,
        ),
        ("text/event-stream, application/json", json),
        (
            "multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json;q=0.9",
            strict,
        ),
        ("text/html, */*;q=0.1", json),
    ] {
        let answer = app
            .anonymous()
            .with("accept", accept)
            .ask("{ __typename }", json!({}))
            .await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, kind),
            "{accept}"
        );
        assert!(answer.header("vary").to_lowercase().contains("accept"));
    }
    for accept in [
        "text/event-stream",
        "multipart/mixed",
        "text/html",
        "application/xml",
        "application/json;q=0",
        "application/json; charset=utf-16",
    ] {
        let answer = app
            .anonymous()
            .with("accept", accept)
            .ask("{ __typename }", json!({}))
            .await;
        answer.assert_refusal(406, "NOT_ACCEPTABLE");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_json_in_whatever_case_and_with_a_charset() {
    let app = TestApp::spawn().await;
    for kind in [
        "application/json",
        "Application/Json",
        "application/json;charset=utf-8",
        "application/json; charset=\"UTF-8\"",
        "application/json; profile=x; Charset=utf-8",
    ] {
        let request = app
            .request(Method::POST, "/graphql")
            .header("content-type", kind);
        let answer = Answer::of(request.body(QUESTION)).await;
        assert_eq!(answer.root("__typename"), "Query", "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_requests_are_refused() {
    let app = TestApp::spawn().await;
    for body in [
        "{\"query\":\"{ __typename }\",\"query\":\"{ me { id } }\"}",
        "{\"variables\":{},\"query\":\"{ __typename }\",\"variables\":null}",
        "\u{feff}{\"query\":\"{ __typename }\"}",
        "{\"query\":\"{ __typename }\"}{}",
        "{\"query\":\"{ __typename }\",}",
        "{'query':'{ __typename }'}",
    ] {
        app.post(body).await.assert_refusal(400, "BAD_USER_INPUT");
    }
    for path in [
        "/graphql?query=%7B__typename%7D&query=%7Bme%7Bid%7D%7D",
        "/graphql?query=%7B__typename%7D%ff",
        "/graphql?query=%7B__typename%7D&variables=%7B",
        "/graphql?query=%7B__typename%7D&variables=%5B%5D",
        "/graphql?variables=%7B%7D",
    ] {
        app.get(path).await.assert_refusal(400, "BAD_USER_INPUT");
    }
    // A byte order mark inside the document is white space (GraphQL specification §2.1.1).
    let answer = app
        .anonymous()
        .ask("\u{feff}{ __typename }", json!({}))
        .await;
    assert_eq!(answer.root("__typename"), "Query");
    let answer = app
        .get("/graphql?query=+%7B__typename%7D+&operationName=&extensions=%7B%22jwt%22:1%7D&x=1")
        .await;
    assert_eq!(answer.root("__typename"), "Query");
    let body = "{\"query\":\"{ __typename }\",\"extensions\":{\"jwt\":{\"sub\":\"x\"}},\"id\":7}";
    assert_eq!(app.post(body).await.root("__typename"), "Query");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_refused_with_the_accepted_encodings() {
    let app = TestApp::spawn().await;
    for coding in ["gzip", "br", "deflate", "gzip, identity", "x"] {
        let request = app
            .request(Method::POST, "/graphql")
            .header("content-type", "application/json");
        let answer = Answer::of(request.header("content-encoding", coding).body(QUESTION)).await;
        answer.assert_refusal(415, "UNSUPPORTED_MEDIA_TYPE");
        assert_eq!(answer.header("accept-encoding"), "identity");
    }
    let request = app
        .request(Method::POST, "/graphql")
        .header("content-type", "application/json");
    let answer = Answer::of(
        request
            .header("content-encoding", "identity")
            .body(QUESTION),
    )
    .await;
    assert_eq!(answer.root("__typename"), "Query");
}

#[tokio::test(flavor = "multi_thread")]
async fn head_and_options_run_nothing() {
    let app = TestApp::spawn().await;
    let path = "/graphql?query=%7B__typename%7D";
    let head = Answer::of(app.request(Method::HEAD, path)).await;
    assert_eq!((head.status, head.header("allow")), (405, "GET, POST"));
    let options = Answer::of(app.request(Method::OPTIONS, path)).await;
    assert!(!options.text.contains("Query"), "{}", options.text);
    for name in [
        "access-control-allow-origin",
        "access-control-allow-credentials",
    ] {
        assert_eq!(options.header(name), "", "{name}");
    }
    for method in ["TRACE", "CONNECT", "QUERY", "post", "PURGE"] {
        let text = app.exchange(|connection| {
            let head =
                format!("{method} /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
            connection.write_all(head.as_bytes())?;
            let length = QUESTION.len();
            connection.write_all(
                format!(
                    "content-type: application/json\r\ncontent-length: {length}\r\n\r\n{QUESTION}"
                )
                .as_bytes(),
            )
        });
        assert!(text.starts_with("HTTP/1.1 40"), "{method}: {text}");
        assert!(!text.contains("\"data\""), "{method}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_may_be_long_but_not_endless() {
    let app = TestApp::spawn().await;
    let path = |length: usize| format!("/graphql?query=%7B__typename%7D&x={}", "x".repeat(length));
    assert_eq!(app.get(&path(8_000)).await.root("__typename"), "Query");
    let text = app.exchange(|connection| {
        let head = format!(
            "GET {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
            path(100_000)
        );
        connection.write_all(head.as_bytes())
    });
    // The address is part of a head that is too large (RFC 6585 §5).
    assert!(text.starts_with("HTTP/1.1 431 "), "{text}");
    assert_eq!(app.get(&path(1)).await.root("__typename"), "Query");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_come_in_chunks_of_one_byte() {
    let app = TestApp::spawn().await;
    let text = app.exchange(|connection| {
        connection.write_all(
            b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
              transfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        )?;
        for byte in QUESTION.bytes() {
            connection.write_all(b"1\r\n")?;
            connection.write_all(&[byte])?;
            connection.write_all(b"\r\n")?;
        }
        connection.write_all(b"0\r\n\r\n")
    });
    assert!(
        text.starts_with("HTTP/1.1 200 ") && text.contains("Query"),
        "{text}"
    );
    // Two `Content-Length`s: request smuggling.
    let text = app.exchange(|connection| {
        connection.write_all(
            b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
              content-length: 5\r\ncontent-length: 6\r\nconnection: close\r\n\r\n{\"query",
        )
    });
    assert!(text.starts_with("HTTP/1.1 400 "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_carries_operations_and_refusals_alike() {
    let app = TestApp::spawn().await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let post = |body: &'static str| {
        let request = client.post(app.url("/graphql"));
        Answer::of(
            request
                .header("content-type", "application/json")
                .body(body),
        )
    };
    assert_eq!(post(QUESTION).await.root("__typename"), "Query");
    post("[]")
        .await
        .assert_refusal(400, "BATCHING_NOT_SUPPORTED");
    let answer = Answer::of(client.put(app.url("/graphql"))).await;
    answer.assert_refusal(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_tells_browsers_to_keep_to_it() {
    let app = TestApp::spawn().await;
    for path in [
        "/graphql",
        "/graphiql",
        "/health/ready",
        "/.well-known/jwks.json",
        "/dev/mailbox",
        "/nothing",
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(
            answer.header("cross-origin-resource-policy"),
            "same-origin",
            "{path}"
        );
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert_eq!(answer.header("server"), "", "{path}");
    }
}

/// Given two tokens, a proxy may have checked one and the gateway the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_two_tokens_is_unauthenticated() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let good = format!("Bearer {}", ada.access_token);
    for tokens in [
        [&good, "Bearer junk"],
        ["Basic eDp5", &good],
        [&good, &good],
    ] {
        let mut request = app.request(Method::POST, "/graphql");
        for token in tokens {
            request = request.header("authorization", token);
        }
        let answer = Answer::of(request.json(&json!({ "query": "{ me { id } }" }))).await;
        assert_eq!(answer.code(), "UNAUTHENTICATED", "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_headers_are_written_as_http_1_servers_always_have() {
    let app = TestApp::spawn().await;
    let plain = "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let upgrade = "GET /graphql/ws HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";
    for (request, expected) in [
        (plain, &["Content-Type: ", "X-Request-Id: "][..]),
        (upgrade, &["Upgrade: websocket", "Connection: "]),
    ] {
        let mut connection = app.connect();
        std::io::Write::write_all(&mut connection, request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            std::io::Read::read_exact(&mut connection, &mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        for header in expected {
            assert!(head.contains(header), "{header} in {head}");
        }
        for line in head.lines().skip(1).filter(|line| !line.is_empty()) {
            assert!(
                line.starts_with(|it: char| it.is_ascii_uppercase()),
                "{line}"
            );
        }
    }
}

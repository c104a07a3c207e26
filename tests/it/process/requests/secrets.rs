//! What is never logged.

use reqwest::Method;
use serde_json::json;

use super::{Logged, MARK, lines_of};
use crate::harness::{TestApp, queries};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_client_wrote_is_in_the_log() {
    let app = TestApp::spawn().await;
    app.register(&format!("{MARK}@example.com")).await;
    let all = [
        ("IDGATE_TELEMETRY__LOG", "info,idgate=debug"),
        ("IDGATE_TELEMETRY__SLOW_MS", "0"),
    ];
    let program = Logged::start(&app, &all);
    let ada = program.token(&format!("{MARK}@example.com")).await;
    let text = format!("query {MARK}Name($a: String) {{ {MARK}: me {{ id {MARK}Field }} }}");
    let input = json!({ "emailOrPhone": format!("{MARK}@example.com"), "password": MARK });
    let bodies = [
        json!({ "query": text, "operationName": format!("{MARK}Name"), "variables": { MARK: MARK } }),
        json!({ "query": "{ me { id } }", "operationName": MARK, "extensions": { MARK: MARK } }),
        json!({ "query": format!("query {MARK} {{ me {{ id }} }}"), "variables": { "a": MARK } }),
        json!({ "query": MARK }),
        json!({ "documentId": MARK }),
        json!({ "documentId": queries::id("Me"), "operationName": MARK, MARK: MARK }),
        json!({ "documentId": queries::id("Login"), "variables": { "input": input } }),
        json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": MARK } } }),
        json!([MARK]),
        json!(MARK),
    ];
    let marked = |request: reqwest::RequestBuilder| {
        let names = [
            "authorization",
            "cookie",
            "origin",
            "user-agent",
            "x-forwarded-for",
            "referer",
        ];
        let names = names
            .iter()
            .chain(&["idgate-device", "traceparent", "accept-language"]);
        names.fold(request, |request, name| {
            request.header(*name, format!("{MARK}={MARK}"))
        })
    };
    let mut sent = 0;
    for path in [
        "/graphql",
        "/graphql/stream",
        &format!("/{MARK}?{MARK}={MARK}"),
    ] {
        for body in &bodies {
            let plain = program.request(Method::POST, path).json(body);
            let signed_in = program.request(Method::POST, path).json(body);
            for request in [marked(plain), signed_in.bearer_auth(&ada)] {
                program.send(&format!("marked-{sent}"), request).await;
                sent += 1;
            }
        }
    }
    for path in [
        format!("/{MARK}"),
        format!("/graphql/{MARK}"),
        format!("/links/{MARK}?token={MARK}"),
        format!("/graphql?query={MARK}&variables={MARK}"),
        format!("/graphql?query=%7Bme%7Bid%7D%7D&operationName={MARK}"),
        format!("/graphql/ws?{MARK}"),
    ] {
        for method in [
            Method::GET,
            Method::from_bytes(MARK.to_uppercase().as_bytes()).unwrap(),
        ] {
            program
                .send(
                    &format!("marked-{sent}"),
                    marked(program.request(method, &path)),
                )
                .await;
            sent += 1;
        }
    }
    // What does not fit a request id is none.
    let request = program.request(Method::GET, "/");
    program.send(&format!("{MARK} {MARK}"), request).await;
    let log = program.stop();
    for number in 0..sent {
        assert_eq!(
            lines_of(&log, &format!("marked-{number}")).len(),
            1,
            "marked-{number}"
        );
    }
    for line in &log {
        let lower = line.to_lowercase();
        assert!(!lower.contains(MARK), "{line}");
        let of_request = line.contains("\"idgate::request\"");
        assert!(!(of_request && lower.contains("127.0.0.1")), "{line}");
    }
}

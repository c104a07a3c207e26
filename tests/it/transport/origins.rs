//! Pages of other origins: who may read answers, use a cookie, open a socket. All three ask one
//! list, and each is tested here with every origin.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, PASSWORD, TestApp};

/// Origins of websites, of shells around them on phones and desktops, and of extensions.
const NAMED: [&str; 7] = [
    "https://app.example.com",
    "https://other.example.com:8443",
    "https://[2001:db8::1]:8443",
    "capacitor://localhost",
    "tauri://localhost",
    "app://.",
    "chrome-extension://aaaabbbbccccddddeeeeffffgggghhhh",
];

/// Origins that are not listed, most of them near misses.
const OTHERS: [&str; 26] = [
    "",
    "*",
    "null",
    "https://",
    "https://evil.test",
    "http://app.example.com",
    "https://example.com",
    "https://sub.app.example.com",
    "https://evilapp.example.com",
    "https://app.example.com.evil.test",
    "https://app.example.com.",
    "https://app.example.com:8443",
    "https://other.example.com",
    "https://app.example.com/",
    "https://app.example.com@evil.test",
    "https://app.example.com https://evil.test",
    "https://app.example.com,https://evil.test",
    "https://[2001:db8::1]",
    "http://localhost",
    "https://localhost",
    "ionic://localhost",
    "capacitor://localhost:8080",
    "capacitor://localhost.evil.test",
    "app://..",
    "chrome-extension://aaaabbbbccccddddeeeeffffgggghhhi",
    "moz-extension://aaaabbbbccccddddeeeeffffgggghhhh",
];

async fn gateway() -> TestApp {
    TestApp::with(&[("IDGATE_SERVER__CORS_ORIGINS", &NAMED.join(","))]).await
}

/// Every origin, with whether it is listed.
fn all_origins() -> impl Iterator<Item = (&'static str, bool)> {
    let named = NAMED.into_iter().map(|origin| (origin, true));
    named.chain(OTHERS.into_iter().map(|origin| (origin, false)))
}

async fn preflight(app: &TestApp, path: &str, origin: &str, headers: &str) -> Answer {
    let request = app
        .request(Method::OPTIONS, path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", headers);
    Answer::of(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_read_by_pages_of_named_origins_alone() {
    let app = gateway().await;
    for (origin, named) in all_origins() {
        let request = app.request(Method::POST, "/graphql");
        let request = request
            .header("origin", origin)
            .json(&json!({ "query": "{ __typename }" }));
        let answers = [
            Answer::of(request).await,
            preflight(&app, "/graphql", origin, "content-type").await,
            preflight(&app, "/graphql/stream", origin, "content-type").await,
        ];
        let allowed = if named { origin } else { "" };
        for answer in answers {
            assert_eq!(answer.header("access-control-allow-origin"), allowed);
            assert!(answer.header("vary").to_lowercase().contains("origin"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_act_for_pages_of_named_origins_alone() {
    let app = gateway().await;
    app.register("ada@example.com").await;
    for (origin, named) in all_origins() {
        let client = app.anonymous().with("idgate-delivery", "cookie");
        let signed_in = client.login("ada@example.com", PASSWORD).await;
        let cookie = signed_in.header("set-cookie").split(';').next().unwrap();
        let page = client.with("cookie", cookie).with("idgate-csrf", "1");
        let page = page.with("origin", origin);
        let answer = page.run("RefreshSession", json!({ "input": {} })).await;
        if named {
            assert_eq!(answer.typename("refreshSession"), "SignedIn", "{origin}");
        } else {
            assert_eq!(answer.code(), "CSRF_PREVENTION_FAILED", "{origin}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_open_for_pages_of_named_origins_alone() {
    let app = gateway().await;
    let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
    for (origin, named) in all_origins() {
        let opened = app.handshake(&[protocol, ("origin", origin)]).await;
        assert_eq!(opened.err(), (!named).then_some(403), "{origin}");
    }
    // Two `Origin` headers are no browser's request.
    let both = "GET /graphql/ws HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: graphql-transport-ws\r\nOrigin: https://app.example.com\r\n\
        Origin: https://evil.test\r\n\r\n";
    let mut connection = app.connect();
    std::io::Write::write_all(&mut connection, both.as_bytes()).unwrap();
    let mut first = [0; 12];
    std::io::Read::read_exact(&mut connection, &mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 403");
}

/// `Access-Control-Request-Headers` of known clients, as their sources write them.
const CLIENTS: [(&str, &str); 12] = [
    (
        "Apollo Client for the web",
        "apollographql-client-name,apollographql-client-version,authorization,content-type",
    ),
    (
        "Apollo Client, queries by GET",
        "apollo-require-preflight,content-type,x-apollo-operation-name",
    ),
    (
        "Apollo Kotlin in a browser",
        "accept,content-type,x-apollo-operation-id,x-apollo-operation-name",
    ),
    ("urql", "authorization,content-type,x-graphql-client-name"),
    ("Relay, graphql-request", "authorization,content-type"),
    (
        "Hive's usage reporting",
        "content-type,graphql-client-name,graphql-client-version",
    ),
    (
        "axios, Angular",
        "authorization,content-type,x-requested-with,x-xsrf-token",
    ),
    ("Sentry", "baggage,content-type,sentry-trace"),
    (
        "OpenTelemetry, in every format",
        "b3,baggage,content-type,traceparent,tracestate,x-b3-parentspanid,x-b3-sampled,x-b3-spanid,x-b3-traceid",
    ),
    (
        "Datadog RUM",
        "traceparent,tracestate,x-datadog-origin,x-datadog-parent-id,x-datadog-sampling-priority,x-datadog-trace-id",
    ),
    (
        "graphql-sse",
        "authorization,cache-control,content-type,last-event-id",
    ),
    (
        "our own headers",
        "authorization,content-type,idgate-csrf,idgate-delivery,x-request-id",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn preflights_of_known_clients_pass() {
    let app = gateway().await;
    for (client, headers) in CLIENTS {
        for path in ["/graphql", "/graphql/stream"] {
            let answer = preflight(&app, path, NAMED[0], headers).await;
            assert_eq!(answer.status, 200, "{client}");
            let allowed = answer.header("access-control-allow-headers").to_lowercase();
            let allowed: Vec<&str> = allowed.split(',').map(str::trim).collect();
            for header in headers.split(',') {
                assert!(allowed.contains(&header), "{client}: {header}");
            }
            assert_eq!(answer.header("access-control-max-age"), "86400");
            assert_eq!(answer.header("access-control-allow-credentials"), "true");
            assert_eq!(answer.header("access-control-allow-methods"), "GET,POST");
        }
    }
    let request = app
        .request(Method::POST, "/graphql")
        .header("origin", NAMED[0]);
    let answer = Answer::of(request.json(&json!({ "query": "{ __typename }" }))).await;
    let exposed = answer.header("access-control-expose-headers");
    assert_eq!(exposed, "x-request-id,retry-after");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_ones_own_are_added_to_the_usual_ones() {
    let app = TestApp::with(&[
        ("IDGATE_SERVER__CORS_ORIGINS", NAMED[0]),
        ("IDGATE_SERVER__CORS_HEADERS", "X-Acme-Tenant, x-acme-build"),
    ])
    .await;
    let allowed = async |name: &str| {
        let answer = preflight(&app, "/graphql", NAMED[0], name).await;
        let allowed = answer.header("access-control-allow-headers").to_owned();
        allowed.split(',').any(|header| header.trim() == name)
    };
    for name in [
        "x-acme-tenant",
        "x-acme-build",
        "content-type",
        "traceparent",
    ] {
        assert!(allowed(name).await, "{name}");
    }
    for name in ["x-acme-other", "cookie", "idgate-router-secret", "*"] {
        assert!(!allowed(name).await, "{name}");
    }
}

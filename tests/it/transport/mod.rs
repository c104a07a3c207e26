//! HTTP: malformed requests are answered in GraphQL's error shape.

mod connections;
mod contract;
mod documents;
mod health;
mod http_edge_cases;
mod introspection;
mod limits;
mod origins;
mod pages;
mod pressure;
mod spelling;
mod staff;

use std::io::Write as _;

use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, TestApp};

async fn assert_still_serves(app: &TestApp) {
    let answer = app.anonymous().ask("{ __typename }", json!({})).await;
    assert_eq!(answer.root("__typename"), "Query");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_request_is_refused_in_the_shape_of_graphql() {
    let app = TestApp::spawn().await;
    let bodies: [(&[u8], &str); 13] = [
        (b"", "BAD_USER_INPUT"),
        (b"{", "BAD_USER_INPUT"),
        (b"{\"query\":\"{ me { id } }\",}", "BAD_USER_INPUT"),
        (b"\"{ me { id } }\"", "BAD_USER_INPUT"),
        (b"null", "BAD_USER_INPUT"),
        (b"{}", "BAD_USER_INPUT"),
        (b"{\"query\":1}", "BAD_USER_INPUT"),
        (
            b"{\"query\":\"{ me { id } }\",\"variables\":[]}",
            "BAD_USER_INPUT",
        ),
        (
            b"{\"query\":\"{ me { id } }\",\"operationName\":{}}",
            "BAD_USER_INPUT",
        ),
        (b"{\"query\":\"\xff\xfe{ me { id } }\"}", "BAD_USER_INPUT"),
        (b"\xff\xfe\x00{", "BAD_USER_INPUT"),
        (
            b"{\"query\":\"{ me { id } }\",\"extensions\":{\"persistedQuery\":1}}",
            "BAD_USER_INPUT",
        ),
        (b"[{\"query\":\"{ me { id } }\"}]", "BATCHING_NOT_SUPPORTED"),
    ];
    for (body, code) in bodies {
        app.post(body).await.assert_refusal(400, code);
    }
    for (levels, code) in [(10_000, "BAD_USER_INPUT"), (100_000, "QUERY_TOO_EXPENSIVE")] {
        let open = "[".repeat(levels);
        let nested = format!("{{\"query\":\"{{me{{id}}}}\",\"variables\":{open}");
        app.post(nested).await.assert_refusal(400, code);
    }
    assert_still_serves(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_does_not_fit_is_refused_with_its_own_code() {
    let app = TestApp::spawn().await;
    let documents = [
        ("{ me {", "GRAPHQL_PARSE_FAILED"),
        ("\u{0}", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        (&"{ me ".repeat(30), "GRAPHQL_PARSE_FAILED"),
        ("{ me { passwordHash } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ users { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ user(id: {}) { id } }", "BAD_USER_INPUT"),
        (
            "query Q($id: ID!) { user(id: $id) { id } }",
            "BAD_USER_INPUT",
        ),
        (
            "query A { me { id } } query B { me { id } }",
            "BAD_USER_INPUT",
        ),
    ];
    for (document, code) in documents {
        let answer = app.anonymous().ask(document, json!({})).await;
        assert_eq!(answer.code(), code, "{document}: {}", answer.text);
        assert!(answer.json["data"].is_null(), "{document}: {}", answer.text);
        // With this media type the status says whether anything ran.
        let client = app
            .anonymous()
            .with("accept", "application/graphql-response+json");
        let answer = client.ask(document, json!({})).await;
        answer.assert_refusal(400, code);
        assert!(
            answer
                .header("content-type")
                .starts_with("application/graphql-response+json")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_of_the_wrong_type_are_bad_input() {
    let app = TestApp::spawn().await;
    let inputs = [
        json!({ "emailOrPhone": 1, "password": "x" }),
        json!({ "emailOrPhone": "ada@example.com" }),
        json!({ "emailOrPhone": "ada@example.com", "password": null }),
        json!({ "emailOrPhone": "ada@example.com", "password": ["x"] }),
        json!({ "emailOrPhone": "ada@example.com", "password": "x", "otp": "123456" }),
        json!("ada@example.com"),
        json!(null),
    ];
    for input in inputs {
        let answer = app
            .anonymous()
            .run("Login", json!({ "input": input }))
            .await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{input}: {}", answer.text);
    }
    assert_eq!(app.number("SELECT COUNT(*) FROM audit_events").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_are_refused_whatever_the_client_says_the_length_is() {
    let app = TestApp::spawn().await;
    let large = format!("{{\"query\":\"{}\"}}", "x".repeat(10 * 1024 * 1024));
    app.post(large.clone())
        .await
        .assert_refusal(413, "PAYLOAD_TOO_LARGE");
    let answer = app.exchange(|connection| {
        connection.write_all(
            b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
              transfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        )?;
        for _ in 0..160 {
            connection.write_all(b"10000\r\n")?;
            connection.write_all(&vec![b'x'; 0x10000])?;
            connection.write_all(b"\r\n")?;
        }
        connection.write_all(b"0\r\n\r\n")
    });
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.contains("PAYLOAD_TOO_LARGE"),
        "{answer}"
    );
    assert_still_serves(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_costs_too_much_is_refused_before_it_runs() {
    let app = TestApp::spawn().await;
    let alias = |number: usize| format!("a{number}: __typename");
    let aliases = (0..10_000).map(alias).collect::<Vec<_>>().join(" ");
    let fields = (0..40).map(alias).collect::<Vec<_>>().join(" ");
    let doubling: Vec<String> = (1..=40)
        .map(|next| {
            format!(
                "fragment f{} on Query {{ ...f{next} ...f{next} }}",
                next - 1
            )
        })
        .collect();
    let doubling = format!(
        "{{ ...f0 }} {} fragment f40 on Query {{ me {{ id }} }}",
        doubling.join(" ")
    );
    let deep = format!("{{ me {}", "{ sessions { nodes ".repeat(8));
    let deep = format!("{deep} {{ id }} {}", "} }".repeat(8));
    let documents = [
        format!("{{ {aliases} }}"),
        format!("{{ {fields} }}"),
        doubling,
        deep + "}",
        format!("{{ me {{ id {} }} }}", "@include(if: true) ".repeat(30)),
        format!("{{ user(id: \"x\") {{ id }} # {}", "( ".repeat(10)) + &"\n[".repeat(6_000),
    ];
    for document in &documents {
        let answer = app.anonymous().ask(document, json!({})).await;
        answer.assert_refusal(400, "QUERY_TOO_EXPENSIVE");
    }
    let (_, work) = app
        .work_of(app.anonymous().ask(&documents[0], json!({})))
        .await;
    assert_eq!(work.statements, 0);
    assert_still_serves(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_with_cyclic_fragments_is_refused() {
    let app = TestApp::spawn().await;
    let circle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
    let answer = app.anonymous().ask(circle, json!({})).await;
    assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
    assert_still_serves(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_other_than_get_and_post_are_refused() {
    let app = TestApp::spawn().await;
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = Answer::of(app.request(method, "/graphql")).await;
        answer.assert_refusal(405, "METHOD_NOT_ALLOWED");
        assert!(
            answer.header("allow") == "GET, POST",
            "{:?}",
            answer.headers
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_runs_queries_alone() {
    let app = TestApp::spawn().await;
    let get = async |query: &str, variables: &str| {
        let mut parameters = url::form_urlencoded::Serializer::new(String::new());
        parameters
            .append_pair("query", query)
            .append_pair("variables", variables);
        app.get(&format!("/graphql?{}", parameters.finish())).await
    };
    assert_eq!(
        get("{ __typename }", "{}").await.root("__typename"),
        "Query"
    );
    let mutation = "mutation { register(input: { email: \"ada@example.com\", \
                    password: \"correct horse battery\" }) { __typename } }";
    let answer = get(mutation, "{}").await;
    answer.assert_refusal(405, "METHOD_NOT_ALLOWED");
    assert_eq!(answer.header("allow"), "POST");
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 0);
    get("{ __typename }", "{")
        .await
        .assert_refusal(400, "BAD_USER_INPUT");
    app.get("/graphql")
        .await
        .assert_refusal(400, "BAD_USER_INPUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_type_is_refused() {
    let app = TestApp::spawn().await;
    let types = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=utf-16",
        "application/jsonp",
    ];
    for kind in types {
        let request = app
            .request(Method::POST, "/graphql")
            .header("content-type", kind);
        let answer = Answer::of(request.body(r#"{"query":"{ __typename }"}"#)).await;
        answer.assert_refusal(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let untyped = app
        .request(Method::POST, "/graphql")
        .body(r#"{"query":"{ __typename }"}"#);
    Answer::of(untyped)
        .await
        .assert_refusal(415, "UNSUPPORTED_MEDIA_TYPE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_no_json_is_told_so() {
    let app = TestApp::spawn().await;
    for accept in ["text/html", "image/*", "application/json;q=0"] {
        let answer = app
            .anonymous()
            .with("accept", accept)
            .ask("{ __typename }", json!({}))
            .await;
        answer.assert_refusal(406, "NOT_ACCEPTABLE");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_id_of_a_client_comes_back_unless_it_could_do_harm() {
    let app = TestApp::spawn().await;
    let ask = |id: &str| {
        let client = app.anonymous().with("x-request-id", id);
        async move { client.ask("{ nothing }", json!({})).await }
    };
    let answer = ask("trace-0123456789").await;
    assert_eq!(answer.header("x-request-id"), "trace-0123456789");
    assert_eq!(
        answer.json["errors"][0]["extensions"]["requestId"],
        "trace-0123456789"
    );
    for harmful in ["<script>alert(1)</script>", "a b", &"x".repeat(4000)] {
        let answer = ask(harmful).await;
        assert_ne!(answer.header("x-request-id"), harmful);
        assert!(!answer.header("x-request-id").is_empty());
    }
    let first = app.get("/health/live").await;
    let second = app.get("/health/live").await;
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_reads_answers_only_where_it_is_named() {
    let app = TestApp::with(&[("IDGATE_SERVER__CORS_ORIGINS", "https://app.example.com")]).await;
    let named = preflight(&app, "https://app.example.com").await;
    assert_eq!(
        named.header("access-control-allow-origin"),
        "https://app.example.com"
    );
    assert_eq!(named.header("access-control-allow-credentials"), "true");
    for origin in [
        "https://evil.test",
        "https://app.example.com.evil.test",
        "https://evilapp.example.com",
        "https://app.example.com:8443",
        "http://app.example.com",
        "https://APP.example.com@evil.test",
        "https://example.com",
        "https://app.example.com/",
        "*",
        "null",
        "",
    ] {
        let asked = preflight(&app, origin).await;
        let request = app
            .request(Method::POST, "/graphql")
            .header("origin", origin);
        let request = request.header("content-type", "application/json");
        let answered = Answer::of(request.body(r#"{"query":"{ __typename }"}"#)).await;
        for answer in [asked, answered] {
            assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
        }
    }
    // Without a configured origin there are no CORS headers.
    let closed = TestApp::spawn().await;
    let asked = preflight(&closed, "https://app.example.com").await;
    assert_eq!(asked.header("access-control-allow-origin"), "");
    assert_eq!(asked.header("access-control-allow-credentials"), "");
}

async fn preflight(app: &TestApp, origin: &str) -> Answer {
    let request = app
        .request(Method::OPTIONS, "/graphql")
        .header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    Answer::of(request.header(
        "access-control-request-headers",
        "content-type,authorization,idgate-csrf",
    ))
    .await
}

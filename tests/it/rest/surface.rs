//! The edge of every operation: methods, media types, bodies, tokens and cookies.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, assert_envelope, assert_refused};
use crate::harness::{Answer, PASSWORD, TestApp};

/// An operation with the status of an empty body from an anonymous client, and the fields it misses.
struct Row(&'static str, &'static str, u16, &'static [&'static str]);

const ROWS: [Row; 13] = [
    Row("POST", "register", 400, &["email", "password"]),
    Row("POST", "login", 400, &["email_or_phone", "password"]),
    Row("POST", "refresh", 400, &["refresh"]),
    Row("POST", "logout", 401, &[]),
    Row("POST", "google", 400, &["id_token"]),
    Row("POST", "otp/request", 400, &["email_or_phone"]),
    Row("POST", "otp/verify", 400, &["email_or_phone", "otp"]),
    Row("POST", "password/reset", 400, &["email_or_phone"]),
    Row("POST", "password/confirm", 400, &["new_password"]),
    Row("POST", "password/change", 401, &[]),
    Row("GET", "profile", 401, &[]),
    Row("PATCH", "profile", 401, &[]),
    Row("PUT", "profile", 401, &[]),
];

impl Row {
    fn method(&self) -> Method {
        self.0.parse().unwrap()
    }

    fn has_body(&self) -> bool {
        self.0 != "GET"
    }
}

fn name(row: &Row) -> String {
    format!("{} {}", row.0, row.1)
}

#[test]
fn every_operation_has_a_row() {
    let rows: Vec<_> = ROWS
        .iter()
        .map(|row| format!("{} /api/v1/auth/{}", row.0, row.1))
        .collect();
    let operations = idgate::rest::operation::Operation::ALL.iter();
    let served: Vec<_> = operations
        .map(|operation| format!("{} {}", operation.method().as_str(), operation.path()))
        .collect();
    assert_eq!(rows, served);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_body_misses_fields_and_a_slash_at_the_end_changes_nothing() {
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    for row in &ROWS {
        for path in [row.1.to_owned(), format!("{}/", row.1)] {
            let sent = client.send(row.method(), &path, &json!({})).await;
            let bare = Answer::of(client.request(row.method(), &path)).await;
            assert_envelope(&bare);
            for answer in [sent, bare] {
                assert_eq!(answer.status, row.2, "{}: {}", name(row), answer.text);
                if row.2 == 400 {
                    let errors = answer.json["error"].as_object().unwrap();
                    let fields: Vec<_> = errors.keys().collect();
                    assert_eq!(fields, row.3, "{}", name(row));
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_valid_is_told_where_one_is_needed_and_ignored_elsewhere() {
    let app = TestApp::spawn().await;
    let expired = app.register("ada@example.com").await.access_token;
    app.advance(3600);
    for token in ["junk".to_owned(), String::new(), expired] {
        let client = Client::of(&app).with_token(token);
        for row in &ROWS {
            let answer = client.send(row.method(), row.1, &json!({})).await;
            assert_eq!(answer.status, row.2, "{}: {}", name(row), answer.text);
            if row.2 == 401 {
                assert_eq!(
                    answer.json["error"]["code"],
                    "token_not_valid",
                    "{}",
                    name(row)
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_told_which_there_are() {
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    for row in &ROWS {
        let allowed: Vec<&str> = ROWS
            .iter()
            .filter(|other| other.1 == row.1)
            .map(|row| row.0)
            .collect();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
            if allowed.contains(&method) {
                continue;
            }
            let request = client
                .request(method.parse().unwrap(), row.1)
                .json(&json!({}));
            let answer = Answer::of(request).await;
            assert_envelope(&answer);
            assert_refused(&answer, 405, "METHOD_NOT_ALLOWED");
            let told: Vec<_> = answer
                .header("allow")
                .split(", ")
                .filter(|name| *name != "HEAD")
                .collect();
            assert_eq!(told, allowed);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_json_is_read_and_written() {
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    for row in &ROWS {
        let request = client.request(row.method(), row.1).json(&json!({}));
        let answer = Answer::of(request.header("accept", "text/html")).await;
        assert_envelope(&answer);
        assert_refused(&answer, 406, "NOT_ACCEPTABLE");
        let axios = "application/json, text/plain, */*";
        let request = client.request(row.method(), row.1).header("accept", axios);
        assert_eq!(Answer::of(request).await.status, row.2, "{}", name(row));
        if !row.has_body() {
            continue;
        }
        for (media, body) in [
            ("text/plain", "{}"),
            (
                "application/x-www-form-urlencoded",
                "email_or_phone=a&password=b",
            ),
            ("multipart/form-data; boundary=x", "--x--"),
            ("application/json; charset=utf-16", "{}"),
            ("application/merge-patch+json", "{}"),
            ("", "{}"),
        ] {
            let request = client.request(row.method(), row.1).body(body);
            let answer = Answer::of(request.header("content-type", media)).await;
            assert_envelope(&answer);
            assert_refused(&answer, 415, "UNSUPPORTED_MEDIA_TYPE");
        }
        let request = client.request(row.method(), row.1).json(&json!({}));
        let answer = Answer::of(request.header("content-encoding", "gzip")).await;
        assert_refused(&answer, 415, "UNSUPPORTED_MEDIA_TYPE");
        assert_eq!(answer.header("accept-encoding"), "identity");
        let unnamed = client.request(row.method(), row.1).body("{}");
        assert_refused(&Answer::of(unnamed).await, 415, "UNSUPPORTED_MEDIA_TYPE");
    }
}

/// Bodies that are no object of fields that are given once.
fn unreadable() -> Vec<Vec<u8>> {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(300), "]".repeat(300));
    let many = format!("{{\"a\":[{}0]}}", "0,".repeat(20_000));
    let texts = [
        "{",
        "[]",
        "null",
        "\"\"",
        "1",
        "{}{}",
        "{\"a\":1,\"a\":2}",
        "\u{feff}{}",
        &deep,
        &many,
    ];
    let mut bodies: Vec<_> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    bodies.push(b"{\"a\":\"\xff\"}".to_vec());
    bodies.push(b"{\"a\":\"\\ud800\"}".to_vec());
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_cannot_be_read_is_told_so() {
    let app = TestApp::spawn().await;
    let ada = Client::signed_in(&app, &Client::of(&app).register("ada@example.com").await);
    for row in ROWS.iter().filter(|row| row.has_body()) {
        for body in unreadable() {
            let text = String::from_utf8_lossy(&body[..body.len().min(20)]).into_owned();
            let request = ada.request(row.method(), row.1).body(body);
            let answer = Answer::of(request.header("content-type", "application/json")).await;
            assert_envelope(&answer);
            assert_eq!(answer.status, 400, "{} {text}: {}", name(row), answer.text);
            assert!(
                answer.json["error"]["detail"].is_string(),
                "{}",
                answer.text
            );
        }
        let body = vec![b' '; 1_048_577];
        let request = ada.request(row.method(), row.1).body(body);
        let answer = Answer::of(request.header("content-type", "application/json")).await;
        assert_envelope(&answer);
        assert_refused(&answer, 413, "PAYLOAD_TOO_LARGE");
    }
    assert_eq!(ada.get("profile").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_another_type_is_named() {
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    for row in ROWS
        .iter()
        .filter(|row| row.2 == 400 && row.1 != "register")
    {
        for (value, rule) in [
            (json!(1), "INVALID_FORMAT"),
            (json!(["a"]), "INVALID_FORMAT"),
            (json!({ "a": "b" }), "INVALID_FORMAT"),
            (Value::Null, "REQUIRED"),
        ] {
            let fields = row
                .3
                .iter()
                .map(|field| ((*field).to_owned(), value.clone()));
            let body = Value::Object(fields.collect());
            let answer = client.send(row.method(), row.1, &body).await;
            assert_refused(&answer, 400, "INPUT_INVALID");
            for violation in answer.json["violations"].as_array().unwrap() {
                assert_eq!(violation["rule"], rule, "{} {}", name(row), answer.text);
            }
        }
    }
}

/// A browser sends its cookies by itself, so they must not sign in here.
#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_neither_read_nor_set() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    let browser = app.anonymous().with("idgate-delivery", "cookie");
    let answer = browser.login("ada@example.com", PASSWORD).await;
    let cookie = answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    assert!(cookie.starts_with("idgate_refresh="), "{}", answer.text);
    let client = Client::of(&app);
    let with_cookie = |row: &Row| {
        let request = client.request(row.method(), row.1).json(&json!({}));
        let request = request.header("cookie", &cookie).header("idgate-csrf", "1");
        request.header("idgate-delivery", "cookie")
    };
    for row in &ROWS {
        let answer = Answer::of(with_cookie(row)).await;
        assert_envelope(&answer);
        assert_eq!(answer.status, row.2, "{} {}", name(row), answer.text);
    }
    let login = json!({ "email_or_phone": "ada@example.com", "password": PASSWORD });
    let answer = Answer::of(with_cookie(&ROWS[1]).json(&login)).await;
    assert_envelope(&answer);
    assert!(
        answer.json["data"]["refresh"].is_string(),
        "{}",
        answer.text
    );
    // The session of the cookie lives.
    let browser = app
        .anonymous()
        .with("cookie", cookie)
        .with("idgate-csrf", "1");
    let refreshed = browser.run("RefreshSession", json!({ "input": {} })).await;
    assert_eq!(refreshed.typename("refreshSession"), "SignedIn");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_origin_may_use_it_from_a_page() {
    let origin = "https://app.example.com";
    let app = TestApp::with(&[("IDGATE_SERVER__CORS_ORIGINS", origin)]).await;
    let client = Client::of(&app);
    let preflight = |origin: &str| {
        let request = client
            .request(Method::OPTIONS, "profile")
            .header("origin", origin);
        let request = request.header("access-control-request-method", "PATCH");
        Answer::of(request.header(
            "access-control-request-headers",
            "authorization,content-type",
        ))
    };
    let answer = preflight(origin).await;
    assert_eq!(answer.header("access-control-allow-origin"), origin);
    assert!(
        answer
            .header("access-control-allow-methods")
            .contains("PATCH")
    );
    let foreign = preflight("https://evil.example").await;
    assert_eq!(foreign.header("access-control-allow-origin"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_served_to_the_public_unless_it_is_disabled() {
    let app = TestApp::spawn().await;
    assert_refused(
        &Client::of(&app).get("nothing").await,
        404,
        "BAD_USER_INPUT",
    );
    let without = app.over(&[("IDGATE_REST__ENABLED", "false")]).await;
    let staff = app.staff().await;
    for other in [&without, &staff] {
        for path in ["/api/v1/auth/profile", "/api/v1/openapi.json", "/api/v1/x"] {
            other.get(path).await.assert_refusal(404, "BAD_USER_INPUT");
        }
    }
    // The policy of trusted documents is that of GraphQL.
    let strict = app
        .over(&[("IDGATE_GRAPHQL__TRUSTED_DOCUMENTS", "required")])
        .await;
    assert_eq!(
        Client::of(&strict).register("ada@example.com").await.status,
        201
    );
}

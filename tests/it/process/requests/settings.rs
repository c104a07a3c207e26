//! Which requests are logged, what a slow one shows, and which labels metrics have.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Logged, MARK, lines_of};
use crate::harness::{EventStream, PASSWORD, Socket, TestApp, queries};

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_request_logs_what_it_waited_for() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    let program = Logged::start(&app, &[("IDGATE_TELEMETRY__SLOW_MS", "0")]);
    let input = json!({ "emailOrPhone": "ada@example.com", "password": PASSWORD });
    let body = json!({ "documentId": queries::id("Login"), "variables": { "input": input } });
    let post = |body: &Value| program.request(Method::POST, "/graphql").json(body);
    program.send("slow", post(&body)).await;
    program
        .send(
            "idle",
            post(&json!({ "documentId": queries::id("AuthConfig") })),
        )
        .await;
    let log = program.stop();
    let line = &lines_of(&log, "slow")[0];
    assert_eq!(line["level"], "WARN");
    let number = |field: &str| line[field].as_f64().unwrap_or_default();
    assert!(
        number("hashes") >= 1.0 && number("hashing_ms") > 0.0,
        "{line}"
    );
    assert!(
        number("statements") >= 3.0 && number("database_ms") > 0.0,
        "{line}"
    );
    assert!(line["pool_ms"].is_number(), "{line}");
    assert_eq!(
        line["shared_store_ms"].is_number(),
        TestApp::redis_url().is_some(),
        "{line}"
    );
    assert!(line["provider_ms"].is_null(), "{line}");
    let line = &lines_of(&log, "idle")[0];
    assert_eq!(
        (&line["level"], &line["hashing_ms"]),
        (&json!("WARN"), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn logged_requests_are_configurable_and_failures_are_always_logged() {
    let app = TestApp::spawn().await;
    let sign_in = json!({ "emailOrPhone": "nobody@example.com", "password": PASSWORD });
    let sign_in = json!({ "documentId": queries::id("Login"), "variables": { "input": sign_in } });
    for (log, sample, ordinary) in [
        ("off", "1", 0),
        ("errors", "1", 0),
        ("slow", "1", 0),
        ("all", "1", 8),
        ("all", "0", 0),
    ] {
        let program = Logged::start(
            &app,
            &[
                ("IDGATE_TELEMETRY__REQUEST_LOG", log),
                ("IDGATE_TELEMETRY__REQUEST_SAMPLE", sample),
            ],
        );
        for _ in 0..8 {
            program
                .send("ordinary", program.request(Method::GET, "/"))
                .await;
        }
        program
            .send("probe", program.request(Method::GET, "/health/live"))
            .await;
        app.execute("ALTER TABLE passwords RENAME TO passwords_elsewhere")
            .await;
        program
            .send(
                "failed",
                program.request(Method::POST, "/graphql").json(&sign_in),
            )
            .await;
        app.execute("ALTER TABLE passwords_elsewhere RENAME TO passwords")
            .await;
        let log_lines = program.stop();
        assert_eq!(
            lines_of(&log_lines, "ordinary").len(),
            ordinary,
            "{log} {sample}"
        );
        assert_eq!(lines_of(&log_lines, "probe").len(), 0, "{log}");
        let failed = lines_of(&log_lines, "failed");
        assert_eq!(failed.len(), usize::from(log != "off"), "{log}");
        for line in failed {
            assert_eq!(
                (&line["level"], &line["outcome"]),
                (&json!("WARN"), &json!("INTERNAL_SERVER_ERROR"))
            );
        }
    }
}

/// The time limit is for this request alone: on a busy machine any other may need as long.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_ran_into_the_time_limit_is_logged_as_such() {
    let app = TestApp::spawn().await;
    let limits = [
        ("IDGATE_TELEMETRY__REQUEST_LOG", "errors"),
        ("IDGATE_SERVER__REQUEST_TIMEOUT_SECONDS", "1"),
    ];
    let program = Logged::start(&app, &limits);
    let mut connection = TcpStream::connect(&program.address).unwrap();
    let head = "POST /graphql HTTP/1.1\r\nhost: localhost\r\nx-request-id: failed\r\n\
                content-type: application/json\r\ncontent-length: 9\r\n\r\n";
    connection.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 503");
    drop(connection);
    let log = program.stop();
    let line = &lines_of(&log, "failed")[0];
    assert_eq!(
        (&line["level"], &line["outcome"]),
        (&json!("WARN"), &json!("REQUEST_TIMEOUT"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_names_add_no_label() {
    let app = TestApp::spawn().await;
    let program = Logged::start(&app, &[]);
    let post = |body: Value| program.request(Method::POST, "/graphql").json(&body);
    for number in 0..1000 {
        let name = format!("MadeUp{number}");
        let field = format!("madeUp{number}");
        let body = match number % 4 {
            0 => json!({ "query": format!("query {name} {{ authConfig {{ __typename }} }}") }),
            1 => json!({ "query": format!("query {name} {{ {field} }}") }),
            2 => {
                json!({ "query": format!("mutation {name} {{ {field}: logout {{ __typename }} }}") })
            }
            _ => json!({ "documentId": queries::id("AuthConfig"), "operationName": name }),
        };
        program.send("many", post(body)).await;
    }
    let page = program.metrics().await;
    assert!(!page.to_lowercase().contains("madeup"), "{page}");
    let mut names: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("idgate_operation"))
        .filter_map(|line| line.split_once("operation=\"")?.1.split('"').next())
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names, ["authConfig", "logout", "other"]);
    let count = |labels: &str| {
        let name = format!("idgate_operation_duration_seconds_count{{{labels}}} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&name));
        line.unwrap_or_else(|| panic!("no {labels} in {page}"))
            .to_owned()
    };
    assert_eq!(count("operation=\"authConfig\",outcome=\"ok\""), "250");
    assert_eq!(count("operation=\"other\",outcome=\"refused\""), "500");
    for border in ["0.001", "0.25", "10", "+Inf"] {
        let label = format!("outcome=\"ok\",le=\"{border}\"");
        assert!(page.contains(&label), "{label}");
    }
    program.stop();
}

/// The credentials of a router and of the user behind it are never logged, at any level.
#[tokio::test(flavor = "multi_thread")]
async fn no_log_level_shows_the_credentials_of_live_events() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    let secret = format!("{MARK} is a secret that only the router has");
    let program = Logged::start(
        &app,
        &[
            ("IDGATE_TELEMETRY__LOG", "trace"),
            ("IDGATE_ROUTER__SECRET", &secret),
        ],
    );
    let token = program.token("ada@example.com").await;
    let bearer = format!("Bearer {token}");
    let address = program.address.parse().unwrap();
    let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
    let query = queries::text("SessionEvents");
    for (shown, is_right) in [(secret.clone(), true), (secret.to_uppercase(), false)] {
        let proof = ("idgate-router-secret", shown.as_str());
        for authorization in [bearer.as_str(), &format!("Bearer {MARK}")] {
            let headers = [protocol, proof, ("authorization", authorization)];
            let opened = Socket::open(address, "/graphql", &headers).await;
            assert_eq!(opened.is_ok(), is_right);
            if let Ok(mut socket) = opened {
                let payload = json!({ "authorization": authorization, "token": authorization });
                let init = json!({ "type": "connection_init", "payload": payload });
                socket.send(init).await;
                socket.receive().await;
            }
            for path in ["/graphql", "/graphql/stream"] {
                let request = program.request(Method::POST, path);
                let request = request.header("accept", "text/event-stream");
                let request = request.header(proof.0, proof.1);
                let request = request.header("authorization", authorization);
                let response = request.json(&json!({ "query": query })).send().await;
                drop(EventStream::of(response.unwrap()));
            }
        }
    }
    let signature = token.rsplit('.').next().unwrap().to_lowercase();
    let log = program.stop();
    assert!(log.iter().any(|line| line.contains("\"TRACE\"")));
    for line in log {
        let lower = line.to_lowercase();
        assert!(
            !lower.contains(MARK) && !lower.contains(&signature),
            "{line}"
        );
    }
}

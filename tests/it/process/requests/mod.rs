//! The line that each request leaves in the log, and what `/metrics` says of operations.
//!
//! The program runs as a process; its log is read after it has stopped.

mod connections;
mod secrets;
mod settings;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::thread::JoinHandle;

use reqwest::{Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::idgate;
use crate::harness::{PASSWORD, TestApp, free_address, http, queries};

const MARK: &str = "m4rk3rz";
const SECRET: &str = "a secret that only the router has 0123456789";

/// A gateway over a test's stores, with its log.
pub(super) struct Logged {
    child: Child,
    address: String,
    operations: String,
    log: JoinHandle<Vec<String>>,
}

impl Logged {
    pub(super) fn start(app: &TestApp, changes: &[(&str, &str)]) -> Self {
        let (address, operations) = (free_address(), free_address());
        let own = [
            ("IDGATE_SERVER__LISTEN", address.as_str()),
            ("IDGATE_SERVER__OPS_LISTEN", operations.as_str()),
            ("IDGATE_TELEMETRY__FORMAT", "json"),
            // On a busy machine any request may be slow, which its line would say.
            ("IDGATE_TELEMETRY__SLOW_MS", "86400000"),
        ];
        let changes: Vec<(&str, &str)> = own.iter().chain(changes).copied().collect();
        let mut settings = app.settings().to_vec();
        settings.retain(|(name, _)| !changes.iter().any(|(other, _)| name == other));
        let changes = changes.iter();
        settings.extend(changes.map(|(name, value)| ((*name).into(), (*value).into())));
        let mut child = idgate(&[], settings)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut begun = Vec::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            let listens = line.contains(&address);
            begun.push(line);
            if listens {
                break;
            }
        }
        let log = std::thread::spawn(move || {
            begun.extend(lines.map(Result::unwrap));
            begun
        });
        Self {
            child,
            address,
            operations,
            log,
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        http().request(method, format!("http://{}{path}", self.address))
    }

    /// Sends a request under this id; the status, and the length of the body.
    async fn send(&self, id: &str, request: reqwest::RequestBuilder) -> (u16, u64) {
        let answer = request.header("x-request-id", id).send().await.unwrap();
        let status = answer.status();
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return (status.as_u16(), 0);
        }
        (status.as_u16(), answer.bytes().await.unwrap().len() as u64)
    }

    /// Signs in: the program has its own clock, so a token from the test would be expired.
    async fn token(&self, email: &str) -> String {
        let input = json!({ "emailOrPhone": email, "password": PASSWORD });
        let body = json!({ "documentId": queries::id("Login"), "variables": { "input": input } });
        let answer = self.request(Method::POST, "/graphql").json(&body).send();
        let text = answer.await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        let token = &answer["data"]["login"]["accessToken"];
        token
            .as_str()
            .unwrap_or_else(|| panic!("{text}"))
            .to_owned()
    }

    async fn metrics(&self) -> String {
        self.page("metrics").await
    }

    /// Readiness, from the operators' listener.
    pub(super) async fn readiness(&self) -> Value {
        serde_json::from_str(&self.page("health/ready").await).unwrap()
    }

    async fn page(&self, name: &str) -> String {
        let page = http().get(format!("http://{}/{name}", self.operations));
        page.send().await.unwrap().text().await.unwrap()
    }

    /// Stops the gateway and returns its log.
    pub(super) fn stop(mut self) -> Vec<String> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        self.log.join().unwrap()
    }
}

/// The lines of requests under this id.
fn lines_of(log: &[String], id: &str) -> Vec<Value> {
    let lines = log
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok());
    let is_of = |line: &Value| {
        line["target"] == "idgate::request" && line["span"]["request.id"].as_str() == Some(id)
    };
    lines.filter(is_of).collect()
}

fn query(text: &str) -> Value {
    json!({ "query": text })
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "most of it is the table of cases")]
async fn every_request_is_one_line_of_the_log() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    app.appoint("sam@example.com", "staff support").await;
    app.appoint("eve@example.com", "admin").await;
    let program = Logged::start(&app, &[("IDGATE_ROUTER__SECRET", SECRET)]);
    let ada = program.token("ada@example.com").await;
    let staff = program.token("sam@example.com").await;
    let admin = program.token("eve@example.com").await;
    let post = |body: &Value| program.request(Method::POST, "/graphql").json(body);
    let me = json!({ "documentId": queries::id("Me") });
    let login = |password: &str| {
        let input = json!({ "emailOrPhone": "ada@example.com", "password": password });
        json!({ "documentId": queries::id("Login"), "variables": { "input": input } })
    };
    let raw = |body: &str| {
        let request = program.request(Method::POST, "/graphql");
        request
            .header("content-type", "application/json")
            .body(body.to_owned())
    };
    let upgrade = |path: &str| {
        let request = program.request(Method::GET, path);
        let request = request
            .header("connection", "upgrade")
            .header("upgrade", "websocket");
        request
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    let stream = |body: &Value| program.request(Method::POST, "/graphql/stream").json(body);
    let session_events = json!({ "documentId": queries::id("SessionEvents") });
    let routed = |request: reqwest::RequestBuilder| request.header("idgate-router-secret", SECRET);
    let events = post(&session_events).header("accept", "text/event-stream");
    // The request; then outcome, operation, kind, caller, surface.
    let cases = [
        (post(&me).bearer_auth(&ada), "OK Me query user public"),
        (post(&me).bearer_auth(&staff), "OK Me query staff public"),
        (post(&me).bearer_auth(&admin), "OK Me query admin public"),
        (post(&me), "OK Me query anonymous public"),
        (
            post(&me).bearer_auth("no token"),
            "UNAUTHENTICATED Me query rejected public",
        ),
        (
            routed(post(&me).bearer_auth(&ada)),
            "OK Me query user router",
        ),
        (routed(upgrade("/graphql/ws")), "OK - - - router"),
        (routed(upgrade("/graphql")), "OK - - - router"),
        (
            routed(events.bearer_auth("no token")),
            "UNAUTHENTICATED SessionEvents subscription - router",
        ),
        (
            post(&me).header("idgate-router-secret", "wrong"),
            "FORBIDDEN - - - public",
        ),
        (
            program
                .request(Method::GET, "/graphql?query=%7Bme%7Bid%7D%7D")
                .bearer_auth(&ada),
            "OK me query user public",
        ),
        (
            post(&query("{ authConfig { __typename } }")),
            "OK authConfig query anonymous public",
        ),
        (
            post(&query("query Me { a: __typename b: __typename }")),
            "OK other query anonymous public",
        ),
        (
            post(&query("query Me { nonsense }")),
            "GRAPHQL_VALIDATION_FAILED other query anonymous public",
        ),
        (post(&query("{")), "GRAPHQL_PARSE_FAILED - - - public"),
        (post(&login(PASSWORD)), "OK Login mutation anonymous public"),
        (
            post(&login("wrong")),
            "INVALID_CREDENTIALS Login mutation anonymous public",
        ),
        (
            post(&json!({ "documentId": "sha256:00" })),
            "PERSISTED_DOCUMENT_NOT_FOUND - - - public",
        ),
        (
            raw("[{\"query\":\"{me{id}}\"}]"),
            "BATCHING_NOT_SUPPORTED - - - public",
        ),
        (raw("no JSON"), "BAD_USER_INPUT - - - public"),
        (
            program.request(Method::POST, "/graphql").body("text"),
            "UNSUPPORTED_MEDIA_TYPE - - - public",
        ),
        (
            program.request(Method::PUT, "/graphql"),
            "METHOD_NOT_ALLOWED - - - public",
        ),
        (
            program.request(
                Method::GET,
                "/graphql?query=mutation%7Blogout%7B__typename%7D%7D",
            ),
            "METHOD_NOT_ALLOWED logout mutation - public",
        ),
        (
            post(&me).header("accept", "image/png"),
            "NOT_ACCEPTABLE - - - public",
        ),
        (
            raw(&" ".repeat(2 * 1024 * 1024)),
            "PAYLOAD_TOO_LARGE - - - public",
        ),
        (
            program.request(Method::GET, "/nowhere"),
            "BAD_USER_INPUT - - - public",
        ),
        (
            program.request(Method::GET, "/.well-known/jwks.json"),
            "OK - - - public",
        ),
        (upgrade("/graphql/ws"), "OK - - - public"),
        (
            upgrade("/graphql/ws").header("origin", "https://evil.example"),
            "FORBIDDEN - - - public",
        ),
        (
            program.request(Method::GET, "/graphql/ws"),
            "BAD_USER_INPUT - - - public",
        ),
        (
            stream(&session_events).bearer_auth("no token"),
            "UNAUTHENTICATED SessionEvents subscription - public",
        ),
        (
            stream(&query("{ me { id } }")),
            "BAD_USER_INPUT me query - public",
        ),
    ];
    let mut expected = Vec::new();
    for (number, (request, line)) in cases.into_iter().enumerate() {
        let id = format!("case-{number}");
        let (status, length) = program.send(&id, request).await;
        expected.push((id, status, length, line));
    }
    let log = program.stop();
    for (id, status, length, line) in expected {
        let found = lines_of(&log, &id);
        let [found] = found.as_slice() else {
            panic!("{line}: {} lines", found.len());
        };
        let text = |field: &str| found[field].as_str().unwrap_or("-").to_owned();
        let fields = ["outcome", "operation", "kind", "caller", "surface"];
        assert_eq!(fields.map(text).join(" "), line, "{found}");
        assert_eq!(found["http.status"], status, "{found}");
        assert_eq!(
            found["response_bytes"].as_u64().unwrap_or(0),
            length,
            "{found}"
        );
        assert!(
            found["duration_ms"]
                .as_f64()
                .is_some_and(|duration| duration > 0.0),
            "{found}"
        );
        assert_eq!(found["level"], "INFO", "{found}");
        let document = match text("operation").as_str() {
            name @ ("Me" | "Login" | "SessionEvents") => queries::id(name),
            _ => "-".to_owned(),
        };
        assert_eq!(text("document"), document, "{found}");
    }
}

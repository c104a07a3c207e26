//! A running gateway: first start, graceful shutdown, and that a crash loses nothing that was
//! acknowledged.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Outcome, Program, idgate, log_until};
use crate::harness::{Answer, PASSWORD, free_address, http};

#[tokio::test(flavor = "multi_thread")]
async fn a_sudden_end_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Program::start(&data);
    let input = json!({ "email": "ada@example.com", "password": PASSWORD });
    let answer = first.run("Register", json!({ "input": input })).await;
    assert_eq!(answer.typename("register"), "SignedIn");
    let mut token = answer.root("register")["refreshToken"].clone();
    let mut program = first;
    for _ in 0..3 {
        drop(program);
        program = Program::start(&data);
        let input = json!({ "refreshToken": token });
        let answer = program
            .run("RefreshSession", json!({ "input": input }))
            .await;
        assert_eq!(answer.typename("refreshSession"), "SignedIn");
        token = answer.root("refreshSession")["refreshToken"].clone();
    }
    let input = json!({ "emailOrPhone": "ada@example.com", "password": PASSWORD });
    let answer = program.run("Login", json!({ "input": input })).await;
    assert_eq!(answer.typename("login"), "SignedIn");
}

#[test]
fn a_stop_lets_the_request_in_flight_finish() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path());
    let body = json!({ "query": "{ __typename }" }).to_string();
    let mut connection = TcpStream::connect(&program.address).unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).unwrap();
    // The interim answer shows that the request is being handled.
    let mut interim = [0; 25];
    connection.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    program.terminate();
    connection.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(program.child.wait().unwrap().success());
}

/// Asks until the answer is as wanted.
async fn until(url: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let started = Instant::now();
    loop {
        let answer = Answer::of(http().get(url)).await;
        if wanted(&answer) {
            return answer;
        }
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "{}",
            answer.text
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_fails_before_requests_are_refused_on_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let notice = [("IDGATE_SERVER__DRAIN_NOTICE_SECONDS", "100")];
    let mut program = Program::with(folder.path(), &notice);
    let ready = format!("http://{}/health/ready", program.address);
    assert_eq!(Answer::of(http().get(&ready)).await.status, 200);
    program.terminate();
    let draining = until(&ready, |answer| answer.status == 503).await;
    assert_eq!(draining.json["status"], "draining");
    // Clients that have not noticed yet are still served, on new connections.
    let input = json!({ "email": "ada@example.com", "password": PASSWORD });
    let answer = program.run("Register", json!({ "input": input })).await;
    assert_eq!(answer.typename("register"), "SignedIn");
    // The second signal ends the wait.
    program.terminate();
    assert!(program.child.wait().unwrap().success());
    assert!(TcpStream::connect(&program.address).is_err());
}

#[test]
fn a_connection_that_says_nothing_does_not_hold_up_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let limits = [
        ("IDGATE_SERVER__HEAD_TIMEOUT_SECONDS", "1"),
        ("IDGATE_SERVER__DRAIN_SECONDS", "120"),
    ];
    let mut program = Program::with(folder.path(), &limits);
    let mut slow = TcpStream::connect(&program.address).unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nx-a: ").unwrap();
    let started = Instant::now();
    program.terminate();
    assert!(program.child.wait().unwrap().success());
    // Requests in flight get two minutes.
    assert!(started.elapsed() < Duration::from_secs(100));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_listener_serves_its_own_audience() {
    let folder = tempfile::tempdir().unwrap();
    let (staff, operations) = (free_address(), free_address());
    let settings = [
        ("IDGATE_SERVER__STAFF_LISTEN", staff.as_str()),
        ("IDGATE_SERVER__OPS_LISTEN", &operations),
        ("IDGATE_GRAPHQL__INTROSPECTION", "false"),
        ("IDGATE_GRAPHQL__GRAPHIQL", "false"),
        ("IDGATE_GRAPHQL__TRUSTED_DOCUMENTS", "required"),
    ];
    let mut program = Program::with(folder.path(), &settings);
    let body = json!({ "query": "{ __schema { queryType { name } } }" });
    let ask = |address: &str| http().post(format!("http://{address}/graphql")).json(&body);
    let get = |address: &str, path: &str| http().get(format!("http://{address}{path}"));

    assert_ne!(Answer::of(ask(&program.address)).await.code(), "");
    let public = Answer::of(get(&program.address, "/graphiql")).await;
    assert_eq!(public.status, 404);
    let schema = Answer::of(ask(&staff)).await;
    assert_eq!(schema.root("__schema")["queryType"]["name"], "Query");
    assert_eq!(Answer::of(get(&staff, "/graphiql")).await.status, 200);

    let ready = Answer::of(get(&operations, "/health/ready")).await;
    assert_eq!(ready.json["database"]["status"], "up");
    assert!(ready.json["database"]["since"].is_string());
    assert_eq!(Answer::of(ask(&operations)).await.status, 404);
    program.terminate();
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn every_listener_is_announced_with_its_address() {
    let announcement = "metrics at http://127.0.0.1:";
    let log = log_until(
        announcement,
        &[("IDGATE_SERVER__OPS_LISTEN", "127.0.0.1:0")],
    );
    let announced = log.last().unwrap();
    assert!(announced.contains(announcement), "{log:?}");
    assert!(!announced.contains(":0/metrics"), "{announced}");
}

#[test]
fn an_address_in_use_is_named_with_the_setting_it_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for setting in ["listen", "staff_listen", "ops_listen"] {
        let name = format!("IDGATE_SERVER__{}", setting.to_uppercase());
        let settings = [
            ("IDGATE_DATA_DIR", data.as_str()),
            ("IDGATE_SERVER__LISTEN", "127.0.0.1:0"),
            ("RUST_LOG", "off"),
            (&name, &address),
        ];
        let refusal = Outcome::of(idgate(&["serve"], settings)).refusal(1);
        let named = format!("server.{setting}: cannot listen on {address}");
        assert!(refusal.contains(&named), "{refusal}");
        assert!(refusal.contains("choose another address"), "{refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_starts_with_its_defaults_and_shows_no_pages() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        ("IDGATE_ENV", "production"),
        ("IDGATE_SERVER__PUBLIC_URL", "https://id.example.com"),
        ("IDGATE_SERVER__DRAIN_NOTICE_SECONDS", "0"),
        ("IDGATE_REDIS__ALLOW_IN_PROCESS", "true"),
        (
            "IDGATE_KEYS__MASTER",
            "4zMDzBzCz0RMAGXwVwL1OYG7x7dLwIWD7qXsC4gV3o8=",
        ),
        ("IDGATE_HASHING__MEMORY_KIB", "19456"),
    ];
    let mut program = Program::with(folder.path(), &settings);
    for (path, status) in [
        ("/health/ready", 200),
        ("/graphiql", 404),
        ("/dev/mailbox", 404),
    ] {
        let url = format!("http://{}{path}", program.address);
        assert_eq!(Answer::of(http().get(url)).await.status, status, "{path}");
    }
    program.terminate();
    assert!(program.child.wait().unwrap().success());
    assert!(!folder.path().join("master.key").exists());
}

#[test]
fn production_does_not_start_on_development_defaults() {
    let settings = [("IDGATE_ENV", "production")];
    let refusal = Outcome::of(idgate(&["serve"], settings)).refusal(2);
    for key in ["keys.master", "redis.url", "server.public_url"] {
        assert!(refusal.contains(key), "{refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_has_a_listener_of_its_own_and_its_secret_is_in_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let secret = "a secret that is long enough to be one 0123";
    let mut program = Program::with(
        folder.path(),
        &[
            ("IDGATE_SERVER__ROUTER_LISTEN", address.as_str()),
            ("IDGATE_ROUTER__SECRET", secret),
            (
                "RUST_LOG",
                "info,idgate=trace,hyper_util=trace,tower_http=trace",
            ),
        ],
    );
    let mut log = program.child.stderr.take().unwrap();
    let written = std::thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        text
    });
    until(&format!("http://{address}/health/ready"), |answer| {
        answer.status == 200
    })
    .await;
    let wrong = format!("{secret}4");
    for (at, given, status) in [
        (&address, secret, 200),
        (&address, wrong.as_str(), 403),
        (&program.address, secret, 403),
    ] {
        let request = http().post(format!("http://{at}/graphql"));
        let request = request.header("idgate-router-secret", given);
        let body = json!({ "query": "{ _service { sdl } }" });
        let answer = Answer::of(request.json(&body)).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(!answer.text.contains(secret), "{}", answer.text);
    }
    program.terminate();
    assert!(program.child.wait().unwrap().success());
    let written = written.join().unwrap();
    assert!(!written.contains(secret), "{written}");
    assert!(written.contains("request"), "{written}");
}

#[test]
fn certificates_that_cannot_be_used_are_refused_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none.pem").display().to_string();
    let settings = [
        ("IDGATE_SERVER__ROUTER_LISTEN", "127.0.0.1:0"),
        ("IDGATE_ROUTER__CERTIFICATE_FILE", &file),
        ("IDGATE_ROUTER__KEY_FILE", &file),
        ("IDGATE_ROUTER__CLIENT_CA_FILE", &file),
    ];
    for command in [&["serve"][..], &["config", "check"]] {
        let mut command = idgate(command, settings);
        let refusal = Outcome::given(command.stdin(Stdio::null()), "").refusal(2);
        assert!(refusal.contains("router.client_ca_file"), "{refusal}");
        assert!(refusal.contains(&file), "{refusal}");
    }
}

/// All clients behind an unconfigured proxy share one address.
#[tokio::test(flavor = "multi_thread")]
async fn openwork_4197_an_unconfigured_proxy_is_warned_of_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path());
    for header in ["x-forwarded-for", "forwarded", "x-real-ip"] {
        let url = format!("http://{}/graphql", program.address);
        let body = json!({ "query": "{ me { id } }" });
        let request = http().post(url).header(header, "203.0.113.9").json(&body);
        assert_eq!(Answer::of(request).await.status, 200);
    }
    program.terminate();
    let mut logged = String::new();
    let log = program.child.stderr.as_mut().unwrap();
    std::io::Read::read_to_string(log, &mut logged).unwrap();
    let warnings = logged.lines().filter(|line| line.contains("\"WARN\""));
    let warnings: Vec<&str> = warnings
        .filter(|line| line.contains("server.trusted_proxies"))
        .collect();
    assert_eq!(warnings.len(), 1, "{logged}");
    assert!(warnings[0].contains("127.0.0.1"), "{logged}");
}

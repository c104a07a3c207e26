//! Connection timeouts: unused connections are closed, used ones are kept.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::TestApp;

/// The limit for closing a connection that should be closed after a second.
const DEADLINE: Duration = Duration::from_mins(1);
const SHORT: [(&str, &str); 2] = [
    ("IDGATE_SERVER__HEAD_TIMEOUT_SECONDS", "1"),
    ("IDGATE_SERVER__IDLE_TIMEOUT_SECONDS", "1"),
];
const REQUEST: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// The bytes received within `moment`; `None` if there were none.
fn read_response(connection: &mut TcpStream, moment: Duration) -> Option<Vec<u8>> {
    connection.set_read_timeout(Some(moment)).unwrap();
    let mut bytes = vec![0; 4096];
    match connection.read(&mut bytes) {
        Ok(count) => Some(bytes[..count].to_vec()),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
        Err(_) => Some(Vec::new()),
    }
}

/// A connection on which these bytes were answered so. A busy machine may reach a time limit before the
/// bytes are there.
fn answered(app: &TestApp, bytes: &[u8], start: &[u8]) -> TcpStream {
    for _ in 0..20 {
        let mut connection = app.connect();
        // The gateway may have closed it already.
        let _ = connection.write_all(bytes);
        let answer = read_response(&mut connection, DEADLINE).unwrap();
        if !answer.is_empty() {
            assert!(answer.starts_with(start), "{answer:?}");
            return connection;
        }
    }
    panic!("no connection is answered");
}

/// Sends one more byte of `drip` every now and then until the gateway has closed the connection.
fn drips_until_closed(mut connection: TcpStream, drip: &[u8]) -> bool {
    let started = Instant::now();
    let mut rest = drip.iter();
    while started.elapsed() < DEADLINE {
        if let Some(byte) = rest.next() {
            // A failed write is ignored: the read below notices the close.
            let _ = connection.write_all(&[*byte]);
        }
        match read_response(&mut connection, Duration::from_millis(100)) {
            Some(bytes) if bytes.is_empty() => return true,
            _ => {}
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_end_is_cut_off() {
    let app = TestApp::with(&SHORT).await;
    let endless = format!("GET / HTTP/1.1\r\nx-a: {}", "a".repeat(1_000));
    let slow: [(&str, &[u8]); 4] = [
        ("", b""),
        ("", endless.as_bytes()),
        // The beginning of HTTP/2, which could still become HTTP/1.
        ("PRI * HTTP/2", b""),
        // HTTP/2 with settings and without a request.
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", b""),
    ];
    std::thread::scope(|scope| {
        for (at_once, drip) in slow {
            let mut connection = app.connect();
            connection.write_all(at_once.as_bytes()).unwrap();
            scope.spawn(move || {
                assert!(drips_until_closed(connection, drip), "{at_once:?} stays");
            });
        }
    });
}

/// Parsing headers (`Accept`, `Cookie`, `X-Forwarded-For`, addresses) takes time for each byte.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_as_large_as_programs_send_them() {
    let app = TestApp::spawn().await;
    let head = |target: &str, header: &str, length: usize, times: usize| {
        let header = format!("{header}: {}\r\n", ",".repeat(length)).repeat(times);
        format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n{header}\r\n")
    };
    let live = "/health/live";
    let long = format!("{live}?a={}", "a".repeat(60_000));
    let endless = format!("{live}?a={}", "a".repeat(100_000));
    for (head, status) in [
        (head(live, "accept", 60_000, 1), "200"),
        (head(live, "cookie", 600, 90), "200"),
        (head(&long, "x-a", 1, 1), "200"),
        (head(live, "accept", 100_000, 1), "431"),
        (head(live, "x-forwarded-for", 1_100, 90), "431"),
        (head(live, "x-a", 1, 101), "431"),
        (head(&endless, "x-a", 1, 1), "431"),
    ] {
        let mut connection = app.connect();
        // The gateway may close the connection before all of it was sent.
        let _ = connection.write_all(head.as_bytes());
        let answer = read_response(&mut connection, DEADLINE).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{status}, not {answer}");
    }
    let client = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge();
    let client = client.build().unwrap();
    for (length, status) in [(30_000, 200), (100_000, 431)] {
        let asked = client
            .get(app.url(live))
            .header("accept", ",".repeat(length));
        assert_eq!(asked.send().await.unwrap().status(), status, "{length}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_without_a_next_request_is_closed() {
    let app = TestApp::with(&SHORT).await;
    for next in [b"".as_slice(), &REQUEST[..20]] {
        let connection = answered(&app, REQUEST, b"HTTP/1.1 200 ");
        assert!(drips_until_closed(connection, next));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_not_cut_off() {
    let app = TestApp::with(&SHORT).await;
    let head = b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                 content-length: 25\r\nexpect: 100-continue\r\n\r\n";
    let mut connection = answered(&app, head, b"HTTP/1.1 100 Continue\r\n\r\n");
    // Longer than the idle timeout.
    assert_eq!(
        read_response(&mut connection, Duration::from_millis(2_500)),
        None
    );
    connection
        .write_all(b"{\"query\":\"{__typename}\"} ")
        .unwrap();
    let answer = read_response(&mut connection, DEADLINE).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_served_with_prior_knowledge() {
    let app = TestApp::spawn().await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let ask = || client.get(app.url("/health/live")).send();
    let answers = futures_util::future::join_all((0..50).map(|_| ask())).await;
    for answer in answers {
        let answer = answer.unwrap();
        assert_eq!(answer.version(), reqwest::Version::HTTP_2);
        assert_eq!(answer.status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_wait_until_one_ends() {
    let app = TestApp::with(&[("IDGATE_SERVER__MAX_CONNECTIONS", "16")]).await;
    let mut kept: Vec<TcpStream> = (0..16).map(|_| app.connect()).collect();
    for connection in &mut kept {
        connection.write_all(REQUEST).unwrap();
        assert!(read_response(connection, DEADLINE).is_some());
    }
    let mut waiting = app.connect();
    waiting.write_all(REQUEST).unwrap();
    assert_eq!(
        read_response(&mut waiting, Duration::from_millis(300)),
        None
    );
    kept.pop();
    let answer = read_response(&mut waiting, DEADLINE).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_end_is_given_up_with_an_answer() {
    let app = TestApp::with(&[("IDGATE_SERVER__REQUEST_TIMEOUT_SECONDS", "1")]).await;
    let mut connection = app.connect();
    let head = b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                 content-length: 1000\r\n\r\n{";
    connection.write_all(head).unwrap();
    let answer = read_response(&mut connection, DEADLINE).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("REQUEST_TIMEOUT"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_waits_too_long_is_given_up_and_changes_nothing() {
    let app = TestApp::spawn().await;
    let limit = [("IDGATE_GRAPHQL__TIMEOUT_SECONDS", "1")];
    let hasty = app.over(&limit).await;
    let ada = app.register("ada@example.com").await;
    let lock = if app.is_sqlite() {
        "BEGIN IMMEDIATE"
    } else {
        "BEGIN; LOCK TABLE users, sessions IN EXCLUSIVE MODE"
    };
    app.execute(lock).await;
    let input = serde_json::json!({ "input": { "city": "London" } });
    let answer = ada.at(&hasty).run("UpdateProfile", input).await;
    assert_eq!(answer.code(), "REQUEST_TIMEOUT", "{}", answer.text);
    app.execute("ROLLBACK").await;
    assert!(ada.is_signed_in().await);
    let changed = "SELECT COUNT(*) FROM users WHERE city = 'London'";
    assert_eq!(app.number(changed).await, 0);
}

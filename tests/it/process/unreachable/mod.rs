//! Unusable servers: one message says which, why, and what to do.
//!
//! This file covers the database, `services` Redis, mail and outages.

mod services;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use url::Url;

use super::{Outcome, idgate};
use crate::harness::{PATIENT, TestApp, free_address};

const PASSWORD: &str = "s3same";
const MASTER: &str = "q83vEjRWeJCrze8SNFZ4kBHhE7p2r0yPo6bWkJ1x5Hc=";

/// A listener that accepts connections and never answers.
fn mute() -> (TcpListener, String) {
    // The kernel completes the handshake.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// A server that answers the first bytes it receives with these and closes the connection.
fn saying(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut head = [0; 4096];
            // A client may leave at any moment.
            let _ = connection.read(&mut head);
            let _ = connection.write_all(&answer);
            let _ = connection.shutdown(std::net::Shutdown::Write);
            let _ = connection.read(&mut head);
        }
    });
    address
}

/// An error with which Postgres ends a connection (PostgreSQL, §55.7, `ErrorResponse`).
fn postgres_error(code: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{PASSWORD}\nnot to be repeated\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap();
    [b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat()
}

/// Host and port of a server that runs for the tests.
fn place(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())
}

/// Every command that opens the database.
const COMMANDS: [&[&str]; 9] = [
    &["serve"],
    &["migrate"],
    &["keys", "list"],
    &["keys", "rotate"],
    &[
        "admin",
        "create",
        "--email",
        "ada@example.com",
        "--password-stdin",
    ],
    &["audit", "verify"],
    &["audit", "anchor"],
    &["outbox", "list"],
    &["outbox", "retry", "--all"],
];

/// The error of a command that must fail for this server: one line, not repeated, with
/// no password.
fn complaint(arguments: &[&str], setting: &str, url: &str) -> String {
    complaint_with(&PATIENT, arguments, setting, url)
}

/// The same for a server that says nothing, with the default time limits.
fn complaint_of_silence(arguments: &[&str], setting: &str, url: &str) -> String {
    complaint_with(&[], arguments, setting, url)
}

fn complaint_with(limits: &[(&str, &str)], arguments: &[&str], setting: &str, url: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let settings = [
        ("IDGATE_DATA_DIR", data.as_str()),
        ("IDGATE_KEYS__MASTER", MASTER),
        ("IDGATE_SERVER__LISTEN", "127.0.0.1:0"),
        ("IDGATE_TELEMETRY__LOG", "warn"),
        ("IDGATE_SMTP__FROM", "no-reply@example.com"),
        (setting, url),
    ];
    let started = Instant::now();
    let password = "correct horse battery staple";
    let settings = limits.iter().chain(&settings).copied();
    let complaint = Outcome::given(&mut idgate(arguments, settings), password).refusal(1);
    assert!(started.elapsed() < Duration::from_secs(55), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    for hidden in [PASSWORD, "pool", "://ada"] {
        assert!(!complaint.contains(hidden), "{complaint}");
    }
    complaint
}

fn expect(complaint: &str, service: &str, place: &str, words: &str) {
    let start = format!("idgate: {service} at {place}: {words}");
    assert!(complaint.starts_with(&start), "{start}\n{complaint}");
    let (_, remedy) = complaint.split_once("; ").unwrap();
    assert!(remedy.len() > 10, "{complaint}");
}

#[test]
fn every_command_says_why_postgres_cannot_be_used() {
    let closed = free_address();
    let (_mute, silent) = mute();
    for command in COMMANDS {
        let url = format!("postgres://ada:{PASSWORD}@{closed}/idgate");
        let stderr = complaint(command, "IDGATE_DATABASE__URL", &url);
        expect(&stderr, "Postgres", &closed, "connection refused");
    }
    let url = format!("postgres://ada:{PASSWORD}@{silent}/idgate");
    let stderr = complaint_of_silence(&["migrate"], "DATABASE_URL", &url);
    expect(&stderr, "Postgres", &silent, "no answer within");
}

#[test]
fn each_reason_why_postgres_refuses_has_its_words() {
    let plain = "sslmode=disable";
    let cases = [
        (
            saying(postgres_error("28P01")),
            plain,
            "wrong user name or password",
        ),
        (
            saying(postgres_error("3D000")),
            plain,
            "there is no database \"idgate\"",
        ),
        (
            saying(postgres_error("28000")),
            plain,
            "the server does not let this user in",
        ),
        (
            saying(postgres_error("53300")),
            plain,
            "the server has no connection left",
        ),
        (
            saying(postgres_error("57P03")),
            plain,
            "the server is starting",
        ),
        (
            saying(postgres_error("XX000")),
            plain,
            "the server refused with SQLSTATE XX000",
        ),
        (saying(b"N".to_vec()), "sslmode=require", "TLS is demanded"),
        (
            saying(b"N".to_vec()),
            "sslmode=verify-full",
            "TLS is demanded",
        ),
        (
            saying(b"SHTTP/1.1 400".to_vec()),
            "sslmode=require",
            "TLS is demanded",
        ),
        (
            saying(b"HTTP/1.1 400 Bad\r\n\r\n".to_vec()),
            "",
            "what answers there is not Postgres",
        ),
        (saying(Vec::new()), plain, "the connection was closed"),
    ];
    for (address, query, words) in cases {
        let url = format!("postgres://ada:{PASSWORD}@{address}/idgate?{query}");
        let stderr = complaint(&["keys", "list"], "IDGATE_DATABASE__URL", &url);
        expect(&stderr, "Postgres", &address, words);
    }
    let url = format!("postgres://ada:{PASSWORD}@nonexistent.invalid/idgate");
    let stderr = complaint(&["migrate"], "IDGATE_DATABASE__URL", &url);
    expect(
        &stderr,
        "Postgres",
        "nonexistent.invalid:5432",
        "unknown host",
    );
    let url = format!("postgres:///idgate?host=/nonexistent&password={PASSWORD}");
    let stderr = complaint(&["migrate"], "IDGATE_DATABASE__URL", &url);
    expect(
        &stderr,
        "Postgres",
        "/nonexistent/.s.PGSQL.5432",
        "there is no such socket",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_postgres_reports_wrong_settings() {
    let app = TestApp::spawn().await;
    let Some(url) = app.server_url() else {
        return;
    };
    let mut url = Url::parse(url).unwrap();
    let place = place(&url);
    url.set_password(Some(PASSWORD)).unwrap();
    let with = |change: &dyn Fn(&mut Url)| {
        let mut url = url.clone();
        change(&mut url);
        url
    };
    // `scripts/services` requires a password of members of this role.
    let role = format!("{}_by_password", url.path().trim_start_matches('/'));
    let group = "DO $$ BEGIN CREATE ROLE by_password; EXCEPTION WHEN OTHERS THEN NULL; END $$";
    app.execute(group).await;
    let create = format!("CREATE ROLE {role} LOGIN PASSWORD 'right' IN ROLE by_password");
    app.execute(&create).await;
    let mut cases = vec![
        (
            with(&|url| url.set_path("nowhere")),
            "there is no database \"nowhere\"",
        ),
        (
            with(&|url| url.set_username("nobody_of_this_name").unwrap()),
            "the server does not let this user in",
        ),
    ];
    let wrong = with(&|url| url.set_username(&role).unwrap());
    // A server not started by `scripts/services` may trust every role.
    if sea_orm::Database::connect(wrong.as_str()).await.is_err() {
        cases.push((wrong, "wrong user name or password"));
    }
    if app.text("SHOW ssl").await == "off" {
        let query = with(&|url| url.set_query(Some("sslmode=require")));
        cases.push((query, "TLS is demanded"));
    }
    for (url, words) in cases {
        let stderr = complaint(&["serve"], "IDGATE_DATABASE__URL", url.as_str());
        expect(&stderr, "Postgres", &place, words);
    }
    app.execute(&format!("DROP ROLE {role}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_tables_is_told_from_one_that_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.sqlite3");
    std::fs::write(&file, "").unwrap();
    let stderr = complaint(
        &["outbox", "list"],
        "IDGATE_DATABASE__URL",
        &format!("sqlite:{}", file.display()),
    );
    assert!(
        stderr.contains("has no tables yet; run `idgate migrate`"),
        "{stderr}"
    );
    let missing = folder.path().join("nowhere/idgate.sqlite3");
    let stderr = complaint(
        &["migrate"],
        "IDGATE_DATABASE__URL",
        &format!("sqlite:{}", missing.display()),
    );
    assert!(stderr.contains(&missing.display().to_string()), "{stderr}");
    let app = TestApp::spawn().await;
    if let Some(url) = app.server_url() {
        app.execute("DROP TABLE seaql_migrations").await;
        let stderr = complaint(&["keys", "list"], "IDGATE_DATABASE__URL", url);
        assert!(
            stderr.contains("has no tables yet; run `idgate migrate`"),
            "{stderr}"
        );
    }
}

//! Redis and the mail server, without which a gateway starts, and what is logged during outages.

use std::time::{Duration, Instant};

use serde_json::Value;
use url::Url;

use super::super::requests::Logged;
use super::super::{Outcome, idgate, log_until};
use super::{PASSWORD, complaint, complaint_of_silence, expect, mute, place, saying};
use crate::harness::{Relay, SmtpBehaviour, SmtpServer, TestApp, free_address};

const CHECK: &[&str] = &["config", "check", "--connect"];

/// Only a server that says nothing is given up by a time limit.
fn complaint_by(words: &str) -> fn(&[&str], &str, &str) -> String {
    if words == "no answer within" {
        complaint_of_silence
    } else {
        complaint
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_the_connections_says_why_redis_cannot_be_used() {
    let (_mute, silent) = mute();
    let closed = free_address();
    let redis = |answer: &str| saying(answer.repeat(4).into_bytes());
    let cases = [
        (closed.clone(), "redis", "", "connection refused"),
        (silent.clone(), "redis", "", "no answer within"),
        (silent.clone(), "rediss", "", "no answer within"),
        (
            "nonexistent.invalid:6379".to_owned(),
            "redis",
            "",
            "unknown host",
        ),
        (saying(Vec::new()), "redis", "", "the connection was closed"),
        (
            saying(b"HTTP/1.1 400 Bad\r\n\r\n".to_vec()),
            "rediss",
            "",
            "TLS is demanded",
        ),
        (
            redis("-WRONGPASS s3same\r\n"),
            "redis",
            "",
            "wrong user name or password",
        ),
        (
            saying(b"+OK\r\n-ERR DB index is out of range\r\n+OK\r\n+OK\r\n".to_vec()),
            "redis",
            "/99",
            "there is no database 99",
        ),
    ];
    for (address, scheme, path, words) in cases {
        let url = format!("{scheme}://:{PASSWORD}@{address}{path}");
        let complaint = complaint_by(words);
        let stderr = complaint(CHECK, "IDGATE_REDIS__URL", &url);
        expect(&stderr, "Redis", &address, words);
    }
    if let Some(url) = TestApp::redis_url() {
        let mut url = Url::parse(&url).unwrap();
        let place = place(&url);
        let mut numbered = url.clone();
        numbered.set_path("99999");
        let stderr = complaint(CHECK, "IDGATE_REDIS__URL", numbered.as_str());
        expect(&stderr, "Redis", &place, "there is no database 99999");
        url.set_password(Some(PASSWORD)).unwrap();
        let stderr = complaint(CHECK, "IDGATE_REDIS__URL", url.as_str());
        expect(&stderr, "Redis", &place, "wrong user name or password");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_the_connections_says_why_no_mail_would_leave() {
    let (_mute, silent) = mute();
    let closed = free_address();
    let mail = |address: &str, scheme: &str, query: &str| {
        format!("{scheme}://ada:{PASSWORD}@{address}{query}")
    };
    let unknown = "nonexistent.invalid:25";
    let http = saying(b"HTTP/1.1 400 Bad\r\n\r\n".to_vec());
    for (address, scheme, query, words) in [
        (&closed, "smtp", "", "connection refused"),
        (&silent, "smtp", "", "no answer within"),
        (&silent, "smtps", "", "no answer within"),
        (&unknown.to_owned(), "smtp", "", "unknown host"),
        (&http, "smtps", "", "TLS is demanded"),
    ] {
        let complaint = complaint_by(words);
        let stderr = complaint(CHECK, "IDGATE_SMTP__URL", &mail(address, scheme, query));
        expect(&stderr, "the mail server", address, words);
    }
    let server = SmtpServer::start().await;
    for (mood, query, words) in [
        (
            SmtpBehaviour::RejectsLogin("535 5.7.8 s3same"),
            "",
            "wrong user name or password",
        ),
        (
            SmtpBehaviour::RejectsLogin("530 5.7.0 s3same"),
            "",
            "the server requires TLS",
        ),
        (
            SmtpBehaviour::RejectsLogin("454 4.7.0 s3same"),
            "",
            "the server refused with 454 4.7.0",
        ),
        (SmtpBehaviour::Normal, "?tls=required", "TLS is demanded"),
        (
            SmtpBehaviour::SelfSigned,
            "?tls=required",
            "the certificate is not trusted",
        ),
        (SmtpBehaviour::Down, "", "the connection was closed"),
    ] {
        server.behave(mood);
        let url = server.url(query);
        let place = url
            .split_once('@')
            .unwrap()
            .1
            .split('?')
            .next()
            .unwrap()
            .to_owned();
        let url = url.replace("p%40ss", PASSWORD);
        let stderr = complaint(CHECK, "IDGATE_SMTP__URL", &url);
        expect(&stderr, "the mail server", &place, words);
    }
    assert!(server.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn usable_services_pass_the_connection_check() {
    let app = TestApp::spawn().await;
    let server = SmtpServer::start().await;
    let url = server.url("");
    let mut settings = app.settings().to_vec();
    settings.push(("IDGATE_SMTP__URL".to_owned(), url));
    settings.push((
        "IDGATE_SMTP__FROM".to_owned(),
        "no-reply@example.com".to_owned(),
    ));
    let answer = Outcome::of(idgate(&["config", "check", "--connect"], settings)).answer();
    assert!(
        answer.ends_with("so can the servers that it names.\n"),
        "{answer}"
    );
    assert!(
        server
            .plaintext()
            .iter()
            .any(|line| line.starts_with("AUTH"))
    );
    assert!(server.mails().is_empty());
}

/// A gateway starts without Redis and mail; it logs once what is missing.
#[test]
fn a_gateway_says_once_why_redis_and_mail_cannot_be_used() {
    let (redis, mail) = (free_address(), free_address());
    let urls = [
        ("IDGATE_REDIS__URL", format!("redis://:{PASSWORD}@{redis}")),
        ("IDGATE_SMTP__URL", format!("smtp://ada:{PASSWORD}@{mail}")),
        ("IDGATE_SMTP__FROM", "no-reply@example.com".to_owned()),
    ];
    let changes: Vec<(&str, &str)> = urls.iter().map(|(name, url)| (*name, &**url)).collect();
    let log = log_until(&format!("the mail server at {mail}: "), &changes);
    for place in [redis, mail] {
        let lines: Vec<&String> = log.iter().filter(|line| line.contains(&place)).collect();
        let [line] = lines.as_slice() else {
            panic!("{place}: {log:#?}");
        };
        assert!(
            line.contains("WARN") && line.contains("connection refused"),
            "{line}"
        );
    }
    assert!(log.iter().all(|line| !line.contains(PASSWORD)), "{log:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_logged_and_answered_with_host_and_reason() {
    let app = TestApp::spawn().await;
    let (Some(postgres), Some(redis)) = (app.server_url(), TestApp::redis_url()) else {
        return;
    };
    let (rows, store) = (Relay::to(postgres).await, Relay::to(&redis).await);
    let (postgres, redis) = (rows.through(postgres), store.through(&redis));
    let place = |url: &str| place(&Url::parse(url).unwrap());
    let program = Logged::start(
        &app,
        &[
            ("IDGATE_DATABASE__URL", postgres.as_str()),
            ("IDGATE_REDIS__URL", redis.as_str()),
        ],
    );
    rows.set_whole(false);
    store.set_whole(false);
    let missing = [
        ("database", format!("Postgres at {}: ", place(&postgres))),
        ("volatile", format!("Redis at {}: ", place(&redis))),
    ];
    let is_told = |page: &Value| {
        missing.iter().all(|(name, start)| {
            let reason = page[name]["reason"].as_str().unwrap_or_default();
            page[name]["status"] == "down" && reason.starts_with(start.as_str())
        })
    };
    // Readiness is cached for a second.
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let page = program.readiness().await;
        if is_told(&page) {
            break;
        }
        assert!(Instant::now() < deadline, "{page}");
    }
    rows.set_whole(true);
    store.set_whole(true);
    loop {
        let page = program.readiness().await;
        if page["status"] == "ok" {
            assert_eq!(page["database"].get("reason"), None, "{page}");
            assert_eq!(page["volatile"].get("reason"), None, "{page}");
            break;
        }
        assert!(Instant::now() < deadline, "{page}");
    }
    let log = program.stop();
    for (_, start) in missing {
        let lines = log.iter().filter(|line| line.contains(&start)).count();
        assert_eq!(lines, 1, "{log:#?}");
    }
}

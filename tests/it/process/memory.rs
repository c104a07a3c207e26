//! A Redis with limited memory: the warnings at start, and that a full one counts as
//! unavailable.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::json;

use super::{Program, log_until};
use crate::harness::{Answer, PASSWORD, http};

/// A server with this `maxmemory` configuration that answers every script with an error.
fn full_redis(section: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://user:sesame@{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A disconnected client ends its thread.
            std::thread::spawn(move || stream.and_then(|stream| serve(stream, section)));
        }
    });
    url
}

fn serve(mut stream: TcpStream, section: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(count) = read_count(&mut reader)? {
        let mut words = Vec::new();
        for _ in 0..count {
            let length = read_count(&mut reader)?.unwrap_or_default();
            let mut word = vec![0; length + 2];
            reader.read_exact(&mut word)?;
            words.push(String::from_utf8_lossy(&word).trim().to_owned());
        }
        match words.first().map(String::as_str) {
            Some("INFO") => write!(stream, "${}\r\n{section}\r\n", section.len())?,
            Some("EVALSHA") => write!(
                stream,
                "-OOM command not allowed when used memory > 'maxmemory'.\r\n"
            )?,
            _ => write!(stream, "+OK\r\n")?,
        }
    }
    Ok(())
}

/// The number in a line like `*3` or `$7`; none at the end.
fn read_count(reader: &mut impl BufRead) -> std::io::Result<Option<usize>> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    Ok(line.trim().get(1..).and_then(|count| count.parse().ok()))
}

#[test]
fn a_redis_that_may_forget_or_grow_is_warned_of_at_start() {
    for (section, wanted) in [
        (
            "maxmemory:268435456\r\nmaxmemory_policy:noeviction\r\n",
            &[][..],
        ),
        (
            "maxmemory:0\r\nmaxmemory_policy:noeviction\r\n",
            &["set its `maxmemory`"],
        ),
        (
            "maxmemory:0\r\nmaxmemory_policy:volatile-lru\r\n",
            &[
                "set its `maxmemory`",
                "set its `maxmemory-policy noeviction`",
            ],
        ),
    ] {
        let url = full_redis(section);
        let settings = [("IDGATE_REDIS__URL", url.as_str())];
        let log = log_until("/graphql", &settings);
        let about_memory = log
            .iter()
            .filter(|line| line.contains("set its `maxmemory"));
        let warnings: Vec<&String> = about_memory.collect();
        assert_eq!(warnings.len(), wanted.len(), "{section}: {log:?}");
        for (warning, wanted) in warnings.iter().zip(wanted) {
            assert!(
                warning.contains("WARN") && warning.contains(wanted),
                "{warning}"
            );
        }
        assert!(!log.concat().contains("sesame"), "{log:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_whose_memory_is_full_counts_as_away() {
    let folder = tempfile::tempdir().unwrap();
    let url = full_redis("");
    let settings = [
        ("IDGATE_REDIS__URL", url.as_str()),
        ("IDGATE_THROTTLE__LOGIN_IDENTIFIER", "2/600"),
    ];
    let program = Program::with(folder.path(), &settings);
    let input = json!({ "email": "ada@example.com", "password": PASSWORD });
    let answer = program.run("Register", json!({ "input": input })).await;
    assert_eq!(answer.typename("register"), "SignedIn", "{}", answer.text);

    let mut outcomes = Vec::new();
    for _ in 0..3 {
        let input = json!({ "emailOrPhone": "ada@example.com", "password": "guess" });
        let answer = program.run("Login", json!({ "input": input })).await;
        outcomes.push(answer.typename("login").to_owned());
    }
    let expected = ["InvalidCredentials", "InvalidCredentials", "RateLimited"];
    assert_eq!(outcomes, expected, "budgets are kept locally");

    let input = json!({ "emailOrPhone": "ada@example.com", "purpose": "LOGIN" });
    let answer = program.run("RequestOtp", json!({ "input": input })).await;
    assert_eq!(answer.code(), "SERVICE_UNAVAILABLE", "{}", answer.text);
    let ready = format!("http://{}/health/ready", program.address);
    let ready = Answer::of(http().get(ready)).await;
    assert_eq!(
        (ready.status, &ready.json["status"]),
        (200, &json!("degraded"))
    );
}

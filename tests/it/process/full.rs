//! A gateway whose disk is full, and has room again.
//!
//! A limit on the size of files stands for the disk: it needs no privileges, and can be lifted.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;
use std::thread::JoinHandle;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseBackend, DatabaseConnection, Statement};
use serde_json::{Value, json};

use super::{Outcome, Program, idgate};
use crate::harness::{Answer, PASSWORD, http};

/// Limits the files of a running program to this many bytes, or to none.
fn limit(program: &Program, bytes: Option<u64>) {
    let pid = Pid::from_child(&program.child);
    let limit = Rlimit {
        current: bytes,
        maximum: None,
    };
    prlimit(Some(pid), Resource::Fsize, limit).unwrap();
}

/// Everything the program logs from now on, available once it has ended.
fn log(program: &mut Program) -> JoinHandle<String> {
    let mut log = program.child.stderr.take().unwrap();
    std::thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        text
    })
}

/// What was acknowledged: users, with their refresh tokens.
#[derive(Default)]
struct Acknowledged(HashMap<String, Value>);

impl Acknowledged {
    /// Records a `SignedIn`; any other response must be an availability error.
    fn note(&mut self, email: &str, answer: &Answer, field: &str) -> bool {
        if answer.status == 503 {
            answer.assert_refusal(503, "SERVICE_UNAVAILABLE");
            assert_eq!(answer.header("retry-after"), "1", "{}", answer.text);
            return false;
        }
        assert_eq!(answer.typename(field), "SignedIn", "{}", answer.text);
        let token = answer.root(field)["refreshToken"].clone();
        self.0.insert(email.to_owned(), token);
        true
    }

    async fn register(&mut self, program: &Program, email: &str) -> bool {
        let input = json!({ "email": email, "password": PASSWORD });
        let answer = program.run("Register", json!({ "input": input })).await;
        self.note(email, &answer, "register")
    }

    async fn login(&mut self, program: &Program, email: &str) -> bool {
        let input = json!({ "emailOrPhone": email, "password": PASSWORD });
        let answer = program.run("Login", json!({ "input": input })).await;
        self.note(email, &answer, "login")
    }

    async fn refresh(&mut self, program: &Program, email: &str) -> bool {
        let input = json!({ "refreshToken": self.0[email] });
        let variables = json!({ "input": input });
        let answer = program.run("RefreshSession", variables).await;
        self.note(email, &answer, "refreshSession")
    }
}

async fn ready(program: &Program) -> Answer {
    let url = format!("http://{}/health/ready", program.address);
    Answer::of(http().get(url)).await
}

async fn rows(data: &Path) -> DatabaseConnection {
    let file = idgate::app::sqlite_file(data);
    let mut options = ConnectOptions::new(format!("sqlite://{}", file.display()));
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.unwrap()
}

async fn has_account(rows: &DatabaseConnection, email: &str) -> bool {
    let count = format!("SELECT COUNT(*) FROM users WHERE email = '{email}'");
    let count = Statement::from_string(DatabaseBackend::Sqlite, count);
    let row = rows.query_one_raw(count).await.unwrap().unwrap();
    row.try_get_by_index::<i64>(0).unwrap() == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_acknowledged_and_heals_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let settings = [("IDGATE_THROTTLE__SCALE", "1000")];
    let mut program = Program::with(data, &settings);
    let written = log(&mut program);
    let mut acknowledged = Acknowledged::default();
    for number in 0..5 {
        let email = format!("before{number}@example.com");
        assert!(acknowledged.register(&program, &email).await);
    }
    assert_eq!(ready(&program).await.status, 200);

    for round in 0..3 {
        let journal = format!("{}-wal", idgate::app::sqlite_file(data).display());
        let size = std::fs::metadata(&journal).unwrap().len();
        limit(&program, Some(size + 150_000));
        let mut refused = 0;
        for number in 0..200 {
            let email = format!("full{round}-{number}@example.com");
            refused += u32::from(!acknowledged.register(&program, &email).await);
            if refused == 10 {
                break;
            }
        }
        assert_eq!(refused, 10, "the disk was never full");
        let old = "before0@example.com";
        // Smaller writes still succeed for a while.
        while acknowledged.login(&program, old).await {}
        while acknowledged.refresh(&program, old).await {}
        let answer = ready(&program).await;
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert_eq!(answer.json["database"]["status"], "down", "{}", answer.text);
        // Writers that still have room are not locked out of the file.
        let directory = data.display().to_string();
        let others = [("IDGATE_DATA_DIR", directory.as_str())];
        Outcome::of(idgate(&["keys", "rotate"], others)).answer();

        limit(&program, None);
        assert!(acknowledged.login(&program, old).await, "at once");
        assert!(acknowledged.refresh(&program, old).await);
        let email = format!("after{round}@example.com");
        assert!(acknowledged.register(&program, &email).await);
        // Readiness is cached for a second, not longer.
        let recovered = async { while ready(&program).await.status != 200 {} };
        let limit = std::time::Duration::from_mins(1);
        let recovered = tokio::time::timeout(limit, recovered).await;
        assert!(recovered.is_ok(), "it stays unavailable");
    }

    program.terminate();
    assert!(program.child.wait().unwrap().success());
    drop(program);
    let rows = rows(data).await;
    for email in acknowledged.0.keys() {
        assert!(has_account(&rows, email).await, "{email} is lost");
    }
    rows.close().await.unwrap();
    let program = Program::with(data, &settings);
    let people: Vec<String> = acknowledged.0.keys().cloned().collect();
    for email in people {
        assert!(acknowledged.refresh(&program, &email).await, "{email}");
    }
    let written = written.join().unwrap();
    // The line of each request is not counted here.
    let of_request = "\"target\":\"idgate::request\"";
    let lines = |level: &str| {
        let level = format!("\"level\":\"{level}\"");
        let others = written.lines().filter(|line| !line.contains(of_request));
        others.filter(|line| line.contains(&level)).count()
    };
    assert_eq!(lines("ERROR"), 0, "{written}");
    // Per outage: one line from the requests, one from the database, one from each loop.
    assert!((1..=3 * 8).contains(&lines("WARN")), "{written}");
    assert!(written.contains("takes writes again"), "{written}");
}

//! The program itself, on the embedded default: it starts from nothing, stops politely, and a
//! sudden end costs nobody what they were told they have.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, http, queries};

/// A running gateway.
struct Program {
    child: Child,
    address: String,
}

impl Program {
    /// Starts over this data directory and waits until it listens.
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_idgate"))
            .env_clear()
            .env("IDGATE_DATA_DIR", data)
            .env("IDGATE_SERVER__LISTEN", "127.0.0.1:0")
            .env("IDGATE_SERVER__PUBLIC_URL", "http://127.0.0.1:8080")
            .env("IDGATE_HASHING__MEMORY_KIB", "64")
            .env("IDGATE_TELEMETRY__FORMAT", "json")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = child.stderr.as_mut().unwrap();
        let mut lines = BufReader::new(log).lines().map(Result::unwrap);
        let address = lines.find_map(|line| {
            let event: Value = serde_json::from_str(&line).ok()?;
            ["/fields/address", "/address"]
                .iter()
                .find_map(|place| event.pointer(place)?.as_str().map(str::to_owned))
        });
        let address = address.expect("the program says where it listens");
        Self { child, address }
    }

    async fn run(&self, document: &str, variables: Value) -> Answer {
        let url = format!("http://{}/graphql", self.address);
        let body = json!({ "query": queries::text(document), "variables": variables });
        Answer::of(http().post(url).json(&body)).await
    }

    fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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

//! The program as a process: its output and its exit status.
//!
//! `serving` is a gateway that runs, `full` one whose disk is full, `killed` one that is killed, `together` several of them,
//! `documents` those of front ends, `offline` the commands that need no stores, `commands` those
//! that work on a database beside a running gateway, `requests` what each request leaves in the
//! log, `unreachable` the errors for unusable servers.

mod addresses;
mod audit;
mod commands;
mod documents;
mod full;
mod killed;
mod markers;
mod memory;
mod offline;
mod requests;
mod retention;
mod serving;
mod together;
mod unreachable;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::{Answer, PATIENT, http, queries};

/// The program with these settings and no others.
pub(crate) fn idgate<N: AsRef<str>, V: AsRef<str>>(
    arguments: &[&str],
    settings: impl IntoIterator<Item = (N, V)>,
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_idgate"));
    command.args(arguments).env_clear();
    // Coverage data goes here; by default it would be written beside the sources.
    if let Some(place) = measurements() {
        command.env("LLVM_PROFILE_FILE", place);
    }
    for (name, value) in settings {
        command.env(name.as_ref(), value.as_ref());
    }
    command
}

#[expect(
    clippy::disallowed_methods,
    reason = "how tests are measured is no setting of idgate"
)]
fn measurements() -> Option<std::ffi::OsString> {
    std::env::var_os("LLVM_PROFILE_FILE")
}

/// How a command ended.
pub(crate) struct Outcome {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Outcome {
    pub(crate) fn of(mut command: Command) -> Self {
        Self::given(&mut command, "")
    }

    /// Runs a command with this on its standard input.
    pub(crate) fn given(command: &mut Command, input: &str) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that refuses before it reads has closed the pipe.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Self {
            status: output.status.code().expect("an end of its own"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The output of a command that must succeed.
    pub(crate) fn answer(self) -> String {
        assert_eq!(self.status, 0, "{}", self.stderr);
        self.stdout
    }

    /// The output of a command that must say no, by exit status 1.
    pub(crate) fn negative(self) -> String {
        assert_eq!(self.status, 1, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// The error output of a command that must exit with this status.
    pub(crate) fn refusal(self, status: i32) -> String {
        assert_eq!(self.status, status, "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "", "a refusal is no answer");
        self.stderr
    }
}

/// The log of a gateway from its start to the first line that contains this.
fn log_until(last: &str, changes: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let settings = [
        ("IDGATE_DATA_DIR", data.as_str()),
        ("IDGATE_SERVER__LISTEN", "127.0.0.1:0"),
        ("IDGATE_SERVER__PUBLIC_URL", "http://127.0.0.1:8080"),
        ("IDGATE_TELEMETRY__FORMAT", "json"),
    ];
    let settings = PATIENT.iter().chain(&settings).chain(changes);
    let mut child = idgate(&[], settings.copied())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        log.push(line.unwrap());
        if log.last().is_some_and(|line| line.contains(last)) {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    log
}

/// A running gateway.
struct Program {
    child: Child,
    address: String,
}

impl Program {
    /// Starts with this data directory and waits until it listens.
    fn start(data: &Path) -> Self {
        Self::with(data, &[])
    }

    /// The same with some more settings.
    fn with(data: &Path, changes: &[(&str, &str)]) -> Self {
        let data = data.display().to_string();
        let settings = [
            ("IDGATE_DATA_DIR", data.as_str()),
            ("IDGATE_SERVER__LISTEN", "127.0.0.1:0"),
            ("IDGATE_SERVER__PUBLIC_URL", "http://127.0.0.1:8080"),
            ("IDGATE_HASHING__MEMORY_KIB", "64"),
            ("IDGATE_TELEMETRY__FORMAT", "json"),
        ];
        let settings = PATIENT.iter().chain(&settings).chain(changes);
        let mut child = idgate(&[], settings.copied())
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

//! Trusted documents of a front end: checked, served beside those of the binary, and read again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Outcome, Program, idgate};
use crate::harness::{Answer, http};

const NOTHING: [(&str, &str); 0] = [];
const METHODS: &str = "query Methods { authConfig { methods } }";
const LENGTH: &str = "query Length { authConfig { passwordMinLength } }";
const EVENTS: &str = "subscription Mine { sessionEvents { kind } }";

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, text).unwrap();
    file
}

fn check(place: &Path) -> Outcome {
    Outcome::of(idgate(
        &["documents", "check", place.to_str().unwrap()],
        NOTHING,
    ))
}

/// Every kind of invalid document, beside a valid one.
#[test]
fn documents_are_checked_against_the_schema_and_its_limits() {
    let folder = tempfile::tempdir().unwrap();
    let deep = format!("{{ {}id{} }}", "me { ".repeat(20), " }".repeat(20));
    let wide = format!("{{ {} }}", "a: authConfig { methods } ".repeat(30));
    for (name, text, reason) in [
        ("syntax", "{ me {", "Syntax error at line 1"),
        (
            "field",
            "{\n  me { nmae }\n}",
            "line 2, column 8: Unknown field \"nmae\"",
        ),
        ("argument", "{ user(pid: 3) { id } }", "argument"),
        (
            "fragment",
            "{ me { ...Card } }",
            "Unknown fragment: \"Card\"",
        ),
        (
            "variable",
            "query A { user(id: $id) { id } }",
            "is not defined",
        ),
        (
            "second",
            "query A { me { id } } query B { me { nmae } }",
            "Unknown field \"nmae\"",
        ),
        (
            "mutation",
            "mutation { loginn { x } }",
            "Unknown field \"loginn\"",
        ),
        (
            "subscription",
            "subscription { none { kind } }",
            "Unknown field \"none\"",
        ),
        ("deep", deep.as_str(), "nested too deeply"),
        ("wide", wide.as_str(), ""),
        ("nothing", "# only a comment", "Syntax error"),
    ] {
        let file = write(folder.path(), &format!("{name}.graphql"), text);
        let refusal = check(&file).refusal(1);
        assert!(refusal.contains(&format!("{name}.graphql: ")), "{refusal}");
        assert!(refusal.contains(reason), "{name}: {refusal}");
    }
    let all = check(folder.path()).refusal(1);
    assert!(all.lines().count() >= 11, "all are told at once: {all}");

    let good = tempfile::tempdir().unwrap();
    for (name, text) in [("a", METHODS), ("b", LENGTH), ("c", EVENTS)] {
        write(good.path(), &format!("{name}.graphql"), text);
    }
    let output = check(good.path()).answer();
    assert_eq!(output, "3 documents can be run.\n");
    let arguments = [
        "documents",
        "check",
        "--json",
        good.path().to_str().unwrap(),
    ];
    let output = Outcome::of(idgate(&arguments, NOTHING)).answer();
    let report: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(report["problems"], json!([]));
    assert_eq!(
        report["documents"][2]["id"],
        format!("sha256:{}", digest(EVENTS))
    );

    let arguments = [
        "documents",
        "check",
        "--json",
        folder.path().to_str().unwrap(),
    ];
    let outcome = Outcome::of(idgate(&arguments, NOTHING));
    assert_eq!(outcome.status, 1);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert!(report["problems"].as_array().unwrap().len() >= 11);
    let refusal = Outcome::of(idgate(&["documents", "check"], NOTHING)).refusal(2);
    assert!(refusal.contains("graphql.documents"), "{refusal}");
}

#[test]
fn a_gateway_does_not_start_with_documents_that_cannot_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(
        folder.path(),
        "mine.json",
        &json!({ "a": "{ nothing }" }).to_string(),
    );
    let data = folder.path().join("data");
    let settings = [
        ("IDGATE_DATA_DIR", data.to_str().unwrap()),
        ("IDGATE_GRAPHQL__DOCUMENTS", file.to_str().unwrap()),
    ];
    for command in [
        &["serve"][..],
        &["config", "check"],
        &["documents", "check"],
    ] {
        let outcome = Outcome::of(idgate(command, settings));
        let output = &outcome.stderr;
        assert_ne!(outcome.status, 0, "{output}");
        assert!(output.contains("mine.json: a: "), "{output}");
        let is_of_setting = output.contains("graphql.documents: ");
        assert_eq!(is_of_setting, command[0] != "documents", "{output}");
        assert!(output.contains("Unknown field \"nothing\""), "{output}");
        assert!(!data.exists(), "nothing is made");
    }
}

/// Commands that rotate keys or retry messages serve no document.
#[tokio::test(flavor = "multi_thread")]
async fn commands_that_serve_nothing_need_no_documents() {
    let folder = tempfile::tempdir().unwrap();
    drop(Program::start(folder.path()));
    let settings = [
        ("IDGATE_DATA_DIR", folder.path().to_str().unwrap()),
        ("IDGATE_GRAPHQL__DOCUMENTS", "/nonexistent/mine.json"),
    ];
    for command in [["keys", "list"], ["outbox", "list"], ["audit", "verify"]] {
        Outcome::of(idgate(&command, settings)).answer();
    }
    let refusal = Outcome::of(idgate(&["serve"], settings)).refusal(2);
    assert!(
        refusal.contains("/nonexistent/mine.json: No such file"),
        "{refusal}"
    );
}

/// The response to a document with this id.
async fn by_id(program: &Program, body: &Value) -> Value {
    let url = format!("http://{}/graphql", program.address);
    Answer::of(http().post(url).json(body)).await.json
}

fn in_apollos_form(id: &str) -> Value {
    json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": id } } })
}

/// Reads the log up to this message.
fn read_until(log: &mut impl BufRead, message: &str) {
    let mut lines = log.lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains(message)), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_end_runs_its_own_documents_and_changes_them_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = write(
        folder.path(),
        "mine.json",
        &json!({ "m-1": METHODS }).to_string(),
    );
    let mut program = Program::with(
        &folder.path().join("data"),
        &[
            ("IDGATE_GRAPHQL__DOCUMENTS", manifest.to_str().unwrap()),
            ("IDGATE_GRAPHQL__TRUSTED_DOCUMENTS", "required"),
        ],
    );
    let mut log = BufReader::new(program.child.stderr.take().unwrap());
    let hang_up = || kill_process(Pid::from_child(&program.child), Signal::HUP).unwrap();

    let methods = digest(METHODS);
    for body in [
        json!({ "documentId": "m-1" }),
        json!({ "documentId": methods }),
        json!({ "documentId": format!("sha256:{methods}") }),
        in_apollos_form("m-1"),
        in_apollos_form(&methods),
    ] {
        let answer = by_id(&program, &body).await;
        assert!(
            answer["data"]["authConfig"]["methods"].is_array(),
            "{answer}"
        );
    }
    let length = json!({ "documentId": digest(LENGTH) });
    let code = "/errors/0/extensions/code";
    let answer = by_id(&program, &length).await;
    assert_eq!(
        answer.pointer(code).unwrap(),
        "PERSISTED_DOCUMENT_NOT_FOUND"
    );
    let answer = by_id(&program, &json!({ "query": METHODS })).await;
    assert_eq!(answer.pointer(code).unwrap(), "PERSISTED_DOCUMENT_REQUIRED");

    write(
        folder.path(),
        "mine.json",
        &json!({ "m-2": LENGTH }).to_string(),
    );
    hang_up();
    read_until(&mut log, "the trusted documents were read again");
    let answer = by_id(&program, &length).await;
    assert_eq!(
        answer["data"]["authConfig"]["passwordMinLength"], 8,
        "{answer}"
    );
    let answer = by_id(&program, &json!({ "documentId": "m-1" })).await;
    assert_eq!(
        answer.pointer(code).unwrap(),
        "PERSISTED_DOCUMENT_NOT_FOUND"
    );

    for broken in ["{", "{\"m-3\": \"{ nothing }\"}"] {
        write(folder.path(), "mine.json", broken);
        hang_up();
        read_until(&mut log, "the trusted documents stay as they were");
        let answer = by_id(&program, &length).await;
        assert_eq!(
            answer["data"]["authConfig"]["passwordMinLength"], 8,
            "{answer}"
        );
    }
}

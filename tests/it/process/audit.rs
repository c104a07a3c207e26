//! `idgate audit verify`: every kind of tampering is reported with its row.

use std::path::Path;
use std::time::{Duration, Instant};

use idgate::services::operator::audit_retention;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{Outcome, Program, idgate};
use crate::harness::TestApp;

fn verify(app: &TestApp, arguments: &[&str]) -> Outcome {
    let settings = app.settings().iter().map(|(name, value)| (name, value));
    Outcome::of(idgate(
        &[&["audit", "verify"], arguments].concat(),
        settings,
    ))
}

fn as_json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).expect(&outcome.stderr)
}

async fn sealed(app: &TestApp) {
    idgate::services::operator::audit_linking::link_waiting(&app.app)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intact_log_is_counted() {
    let app = TestApp::spawn().await;
    let answer = verify(&app, &[]).answer();
    assert_eq!(
        answer,
        "The audit log holds: 0 events, 0 of them linked, 0 checkpoints.\n\
         No event waits for its link.\nThe chain has no link yet.\n"
    );
    for number in 0..3 {
        app.register(&format!("p{number}@example.com")).await;
    }
    sealed(&app).await;
    app.login("p0@example.com").await;
    let answer = verify(&app, &[]).answer();
    assert!(answer.contains("4 events, 3 of them linked"), "{answer}");
    assert!(answer.contains("1 event waits for its link"), "{answer}");
    assert!(
        answer.contains("The chain ends at position 3 with "),
        "{answer}"
    );
    let outcome = verify(&app, &["--json"]);
    let report = as_json(&outcome);
    assert_eq!(
        (outcome.status, &report["holds"]),
        (0, &json!(true)),
        "{report}"
    );
    assert_eq!(
        (&report["links"], &report["unsealed"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(report["broken"], Value::Null);
    let hash = report["hash"].as_str().unwrap();
    assert!(answer.contains(hash), "{answer}");
}

/// SQL of either database that flips one bit of a column.
fn flipped(app: &TestApp, column: &str) -> String {
    if app.is_sqlite() {
        let last = format!("substr({column}, -1)");
        let other = format!("CASE hex({last}) WHEN '00' THEN x'01' ELSE x'00' END");
        format!("CAST(substr({column}, 1, length({column}) - 1) || {other} AS BLOB)")
    } else {
        let last = format!("octet_length({column}) - 1");
        format!("set_byte({column}, {last}, get_byte({column}, {last}) # 1)")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_flipped_byte_is_named_with_its_row() {
    for column in ["sealed_details", "mac", "address_index"] {
        let app = TestApp::spawn().await;
        for number in 0..3 {
            app.register(&format!("p{number}@example.com")).await;
        }
        sealed(&app).await;
        let on = if app.is_sqlite() {
            ""
        } else {
            " ON audit_events"
        };
        app.execute(&format!("DROP TRIGGER audit_events_update{on}"))
            .await;
        let flip = flipped(&app, column);
        let second = "SELECT audit_id FROM audit_links WHERE position = 2";
        let change = format!("UPDATE audit_events SET {column} = {flip} WHERE id = ({second})");
        app.execute(&change).await;
        let complaint = verify(&app, &[]).refusal(1);
        assert!(
            complaint.contains("at position 2 was changed"),
            "{column}: {complaint}"
        );
        let outcome = verify(&app, &["--json"]);
        let report = as_json(&outcome);
        assert_eq!(outcome.status, 1);
        assert_eq!(report["holds"], false);
        assert_eq!(report["links"], 1);
        let broken = &report["broken"];
        assert_eq!(
            (&broken["flaw"], &broken["position"]),
            (&json!("event_changed"), &json!(2))
        );
        let named = broken["event"].as_str().unwrap();
        assert!(complaint.contains(named), "{complaint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_master_key_is_asked_for() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    sealed(&app).await;
    let rekeyed = app.rekeyed().await;
    rekeyed.login("ada@example.com").await;
    sealed(&rekeyed).await;
    let answer = verify(&rekeyed, &[]).answer();
    assert!(answer.contains("2 events, 2 of them linked"), "{answer}");
    // The old key cannot verify what the new one wrote.
    let complaint = verify(&app, &[]).refusal(1);
    assert!(
        complaint.starts_with(
            "idgate: the audit log cannot be checked: the end of the chain (the row of \
             audit_chain) has a code that names no master key known here"
        ),
        "{complaint}"
    );
    assert!(
        complaint.contains("IDGATE_KEYS__MASTER_PREVIOUS"),
        "{complaint}"
    );
    let settings = app.settings().iter().map(|(name, value)| (name, value));
    let complaint = Outcome::of(idgate(&["audit", "anchor"], settings)).refusal(1);
    assert!(
        complaint.contains("no master key known here"),
        "{complaint}"
    );
}

/// What `idgate audit anchor` prints.
fn anchor(app: &TestApp) -> String {
    let settings = app.settings().iter().map(|(name, value)| (name, value));
    let outcome = Outcome::of(idgate(&["audit", "anchor"], settings));
    outcome.answer().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_tells_an_earlier_copy_and_another_history() {
    let app = TestApp::spawn().await;
    let settings = app.settings().iter().map(|(name, value)| (name, value));
    let early = Outcome::of(idgate(&["audit", "anchor"], settings)).refusal(1);
    assert!(early.contains("nothing to anchor yet"), "{early}");
    verify(&app, &["--anchor", "0:"]).answer();
    app.register("ada@example.com").await;
    sealed(&app).await;
    let first = anchor(&app);
    assert!(first.starts_with("1:"), "{first}");
    app.register("grace@example.com").await;
    sealed(&app).await;
    let second = anchor(&app);
    let answer = verify(&app, &["--anchor", &first, "--anchor", &second]).answer();
    assert!(answer.contains("2 anchors are part of it"), "{answer}");

    let (_, hash) = second.split_once(':').unwrap();
    for (wrong, flaw, words) in [
        (format!("3:{hash}"), "ends_before_anchor", "an earlier copy"),
        (format!("1:{hash}"), "anchor_differs", "written anew"),
        (
            format!("1:{}", "0a".repeat(hash.len() / 2)),
            "anchor_differs",
            "written anew",
        ),
    ] {
        let complaint = verify(&app, &["--anchor", &wrong]).refusal(1);
        assert!(complaint.contains(words), "{complaint}");
        let outcome = verify(&app, &["--json", "--anchor", &wrong]);
        assert_eq!(outcome.status, 1);
        let broken = &as_json(&outcome)["broken"];
        let position: i64 = wrong.split(':').next().unwrap().parse().unwrap();
        assert_eq!(
            (&broken["flaw"], &broken["position"]),
            (&json!(flaw), &json!(position))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn anchors_are_read_from_files_and_invalid_ones_are_reported() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    sealed(&app).await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let settings = || app.settings().iter().map(|(name, value)| (name, value));
    let printed = Outcome::of(idgate(&["audit", "anchor", "--json"], settings())).answer();
    let kept = file(
        "kept",
        &format!("# every night\n{}\n\n{printed}", anchor(&app)),
    );
    let outcome = verify(&app, &["--json", "--anchor", &kept]);
    assert_eq!(as_json(&outcome)["anchors"], 2, "{}", outcome.stderr);
    let kept_before = anchor(&app);
    let whole = kept_before.strip_prefix("1:").unwrap();
    for (given, words) in [
        (
            file("wrong", &format!("1:{whole}\nyesterday\n")),
            "line 2 is not an anchor",
        ),
        (
            file("cut", &format!("1:{whole}\n2:{}\n", &whole[1..])),
            "line 2 is not a whole anchor: its hash has ",
        ),
        (
            file("cut.json", "{\"position\":1,\"hash\":\"00\"}\n"),
            "line 1 is not a whole anchor: its hash has 2 digits",
        ),
        (
            "1:00".to_owned(),
            "not a whole anchor: its hash has 2 digits",
        ),
        ("1:".to_owned(), "not a whole anchor: its hash has 0 digits"),
        (file("empty", "\n"), "no anchor in the file"),
        (
            folder.path().join("none").display().to_string(),
            "nor a file",
        ),
        ("1:xyz".to_owned(), "neither POSITION:HASH"),
    ] {
        let complaint = verify(&app, &["--anchor", &given]).refusal(2);
        assert!(complaint.contains(words), "{complaint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_that_retention_has_outlived_says_nothing() {
    let app = TestApp::with(&[("IDGATE_RETENTION__AUDIT_EVENTS_DAYS", "7")]).await;
    app.register("ada@example.com").await;
    sealed(&app).await;
    let old = anchor(&app);
    app.login("ada@example.com").await;
    sealed(&app).await;
    let last_of_the_day = anchor(&app);
    app.advance(30 * 86_400);
    sealed(&app).await;
    let mut report = |_| ();
    let removing = audit_retention::remove_old(&app.app, 20, &mut report);
    removing.await.unwrap();
    app.login("ada@example.com").await;
    sealed(&app).await;
    let complaint = verify(&app, &["--anchor", &old]).refusal(2);
    assert!(complaint.contains("keep newer anchors"), "{complaint}");
    // A checkpoint is kept when its events go.
    let answer = verify(&app, &["--anchor", &last_of_the_day]).answer();
    assert!(answer.contains("1 anchor is part of it"), "{answer}");
    let answer = verify(&app, &["--anchor", &old, "--anchor", &anchor(&app)]).answer();
    assert!(answer.contains("1 anchor is older"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_chain_head_is_no_anchor() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    sealed(&app).await;
    app.execute("UPDATE audit_chain SET position = 7").await;
    let settings = app.settings().iter().map(|(name, value)| (name, value));
    let complaint = Outcome::of(idgate(&["audit", "anchor"], settings)).refusal(1);
    assert!(complaint.contains("is no anchor"), "{complaint}");
}

/// Fails to sign in and waits until the event is linked.
async fn linked(program: &Program, data: &Path, expected: u64) {
    let input = json!({ "emailOrPhone": "nobody@example.com", "password": "not the password" });
    program.run("Login", json!({ "input": input })).await;
    let started = Instant::now();
    loop {
        let data = data.display().to_string();
        let outcome = Outcome::of(idgate(
            &["audit", "verify", "--json"],
            [("IDGATE_DATA_DIR", &data)],
        ));
        let report = as_json(&outcome);
        assert_eq!(report["holds"], true, "{report}");
        if report["links"].as_u64().unwrap() >= expected {
            assert_eq!(report["unsealed"], 0);
            return;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_links_by_itself_and_so_does_the_next_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path());
    linked(&program, folder.path(), 1).await;
    kill_process(Pid::from_child(&program.child), Signal::KILL).unwrap();
    drop(program);
    let next = Program::start(folder.path());
    linked(&next, folder.path(), 2).await;
}

//! Commands beside a running gateway, on the same database.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use super::{Outcome, Program, idgate};
use crate::harness::{PASSWORD, TestApp, free_address};

fn run(app: &TestApp, arguments: &[&str]) -> Outcome {
    Outcome::of(on(app, arguments))
}

fn on(app: &TestApp, arguments: &[&str]) -> std::process::Command {
    let settings = app.settings().iter();
    idgate(arguments, settings.map(|(name, value)| (name, value)))
}

fn listed(app: &TestApp) -> Vec<Value> {
    let text = run(app, &["keys", "list", "--json"]).answer();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_listed_and_rotated_beside_a_running_gateway() {
    let app = TestApp::spawn().await;
    let first = listed(&app);
    assert_eq!((first.len(), &first[0]["signs"]), (1, &Value::Bool(true)));
    let kid = first[0]["kid"].as_str().unwrap();

    let answer = run(&app, &["keys", "rotate"]).answer();
    let keys = listed(&app);
    let new = keys.iter().find(|key| key["kid"] != kid).unwrap();
    assert_eq!((keys.len(), &new["signs"]), (2, &Value::Bool(false)));
    assert!(answer.starts_with(new["kid"].as_str().unwrap()), "{answer}");
    assert!(!answer.contains("withdrawn"), "{answer}");
    let lines = run(&app, &["keys", "list"]).answer();
    assert!(lines.contains(&format!("{kid}  ES256  signs")), "{lines}");
    assert!(lines.contains("ES256  published"), "{lines}");

    let answer = run(&app, &["keys", "rotate", "--compromised"]).answer();
    let keys = listed(&app);
    assert_eq!((keys.len(), &keys[0]["signs"]), (1, &Value::Bool(true)));
    assert!(answer.starts_with(keys[0]["kid"].as_str().unwrap()));
    for gone in [kid, new["kid"].as_str().unwrap()] {
        assert!(
            answer.contains(&format!("{gone} was withdrawn.")),
            "{answer}"
        );
    }
    assert!(answer.contains("300 seconds at most"), "{answer}");
    let linked = app.number("SELECT COUNT(*) FROM audit_links").await;
    let unlinked = app.number("SELECT COUNT(*) FROM audit_unlinked").await;
    assert_eq!((linked, unlinked), (2, 0), "a command links its events");
    // The gateway follows.
    app.app.load_signing_keys().await.unwrap();
    let published = app.get("/.well-known/jwks.json").await;
    assert_eq!(published.json["keys"][0]["kid"], keys[0]["kid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_may_be_no_key_yet() {
    let app = TestApp::spawn().await;
    app.execute("DELETE FROM signing_keys").await;
    let answer = run(&app, &["keys", "list"]).answer();
    assert!(answer.contains("the first `idgate serve` makes one"));
    assert_eq!(run(&app, &["keys", "list", "--json"]).answer(), "[]\n");
}

#[test]
fn a_missing_master_key_is_reported_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let settings = [("IDGATE_DATA_DIR", &data)];
    Outcome::of(idgate(&["migrate"], settings)).answer();
    let refusal = Outcome::of(idgate(&["keys", "list"], settings)).refusal(1);
    assert!(refusal.contains("there is no master key"), "{refusal}");
    assert!(refusal.contains("IDGATE_KEYS__MASTER"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_reports_what_it_did_and_is_idempotent() {
    let app = TestApp::spawn().await;
    let answer = run(&app, &["migrate"]).answer();
    assert_eq!(answer, "The database schema is up to date.\n");

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let settings = [("IDGATE_DATA_DIR", &data)];
    let answer = Outcome::of(idgate(&["migrate"], settings)).answer();
    assert!(answer.ends_with(" migrations were applied.\n"), "{answer}");
    let file = Path::new(&data).join("idgate.sqlite3");
    let expected = format!("There was no database: {} is new.\n", file.display());
    assert!(answer.starts_with(&expected), "{answer}");
    let answer = Outcome::of(idgate(&["migrate"], settings)).answer();
    assert_eq!(answer, "The database schema is up to date.\n");
    let made: Vec<_> = std::fs::read_dir(&data).unwrap().collect();
    assert!(!made.is_empty());
    assert!(
        !Path::new(&data).join("master.key").exists(),
        "migrating makes no key"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_is_made_and_can_sign_in() {
    let app = TestApp::spawn().await;
    let create = |email: &str, password: &str| {
        let arguments = ["admin", "create", "--email", email, "--password-stdin"];
        Outcome::given(&mut on(&app, &arguments), password)
    };
    let output = create("root@example.com", &format!("{PASSWORD}\nmore")).answer();
    assert!(output.contains("root@example.com is an administrator now"));
    assert!(!output.contains(PASSWORD));
    let root = app.login("root@example.com").await;
    let me = root.ask("{ me { role emailVerified } }", Value::Null).await;
    assert_eq!(me.root("me")["role"], "ADMIN");
    assert_eq!(me.root("me")["emailVerified"], true);
    let recorded = "SELECT COUNT(*) FROM audit_events WHERE action = 'admin.created'";
    assert_eq!(app.number(recorded).await, 1);

    let taken = create("Root@Example.com", PASSWORD).refusal(1);
    assert!(taken.contains("there is an account"), "{taken}");
    let refusals = [
        ("ada@example.com", "", "no password on standard input"),
        ("ada@example.com", "\n", "no password on standard input"),
        ("ada@example.com", "password", "password: "),
        ("ada@example.com", "short", "password: "),
        ("not an address", PASSWORD, "email: "),
    ];
    for (email, password, reason) in refusals {
        let refusal = create(email, password).refusal(2);
        assert!(refusal.contains(reason), "{refusal}");
    }
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 1);
}

#[test]
fn the_first_start_makes_a_private_data_directory() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("a/data");
    let place = data.display().to_string();
    drop(Program::start(&data));
    let create = |email: &str| {
        let arguments = ["admin", "create", "--email", email, "--password-stdin"];
        Outcome::given(
            &mut idgate(&arguments, [("IDGATE_DATA_DIR", &place)]),
            PASSWORD,
        )
        .answer()
    };
    let key = std::fs::read(data.join("master.key")).unwrap();
    create("root@example.com");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    // What is there is kept.
    create("second@example.com");
    assert_eq!(std::fs::read(data.join("master.key")).unwrap(), key);
}

#[test]
fn no_command_makes_an_installation_in_the_wrong_directory() {
    let commands: [&[&str]; 7] = [
        &[
            "admin",
            "create",
            "--email",
            "root@example.com",
            "--password-stdin",
        ],
        &["keys", "list"],
        &["keys", "rotate"],
        &["audit", "verify"],
        &["audit", "anchor"],
        &["outbox", "list"],
        &["outbox", "retry", "--all"],
    ];
    for command in commands {
        let folder = tempfile::tempdir().unwrap();
        let run = |settings: &[(&str, &str)]| {
            let mut command = idgate(command, settings.iter().copied());
            Outcome::given(command.current_dir(folder.path()), PASSWORD).refusal(1)
        };
        // The default `./data` is shown by its absolute path, once.
        let place = folder.path().canonicalize().unwrap().join("data");
        let place = place.display().to_string();
        let complaint = run(&[]);
        let expected = format!("there is no database in {place}: ");
        assert!(complaint.contains(&expected), "{command:?}: {complaint}");
        assert_eq!(complaint.matches(&place).count(), 1, "{complaint}");
        assert!(complaint.contains("IDGATE_DATA_DIR"), "{complaint}");
        assert!(!complaint.contains("unable to open"), "{complaint}");
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 0, "{command:?} made something");

        // A database whose key is elsewhere.
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("idgate.sqlite3"), "").unwrap();
        let complaint = run(&[]);
        assert!(
            complaint.contains("there is no master key in "),
            "{complaint}"
        );
        assert!(complaint.contains("IDGATE_KEYS__MASTER"), "{complaint}");
        // Something else in its place.
        std::fs::remove_file(data.join("idgate.sqlite3")).unwrap();
        std::fs::create_dir(data.join("idgate.sqlite3")).unwrap();
        assert!(run(&[]).contains("idgate.sqlite3 is not a file"));
        assert!(!data.join("master.key").exists());
    }
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let place = file.path().join("data").display().to_string();
    let refusal = Outcome::of(idgate(&["serve"], [("IDGATE_DATA_DIR", &place)])).refusal(1);
    let expected = format!("the data directory {place} cannot be made");
    assert!(refusal.contains(&expected), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_asks_the_running_gateway() {
    let app = TestApp::spawn().await;
    let answer: Value = serde_json::from_str(&run(&app, &["health"]).answer()).unwrap();
    assert_eq!(answer["status"], "ok");
    app.drain();
    let outcome = run(&app, &["health"]);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stdout.contains("draining"), "{}", outcome.stdout);

    let address = free_address();
    let (_, port) = address.split_once(':').unwrap();
    for host in ["127.0.0.1", "0.0.0.0", "[::]", "[::1]"] {
        let settings = [("IDGATE_SERVER__LISTEN", format!("{host}:{port}"))];
        let refusal = Outcome::of(idgate(&["health"], settings)).refusal(1);
        assert!(refusal.contains("nothing answers at"), "{refusal}");
        assert!(
            !refusal.contains("0.0.0.0") && !refusal.contains("[::]"),
            "{refusal}"
        );
    }
}

#[test]
fn health_does_not_wait_for_ever() {
    // The kernel completes the handshake for a listener that never accepts.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = mute.local_addr().unwrap().to_string();
    let settings = [("IDGATE_SERVER__LISTEN", &address)];
    let refusal = Outcome::of(idgate(&["health"], settings)).refusal(1);
    let expected = format!("{address} does not answer in time");
    assert!(refusal.contains(&expected), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_were_given_up_are_listed_and_sent_again() {
    let app = TestApp::spawn().await;
    assert_eq!(run(&app, &["outbox", "list", "--json"]).answer(), "[]\n");
    app.register("ada@example.com").await;
    app.execute("UPDATE outbox_messages SET dead_at = created_at, last_failure = 'status 550'")
        .await;
    let text = run(&app, &["outbox", "list", "--json"]).answer();
    let dead: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!((dead.len(), &dead[0]["kind"]), (1, &"verify_email".into()));
    let lines = run(&app, &["outbox", "list"]).answer();
    assert!(
        lines.contains("status 550") && !lines.contains("ada@"),
        "{lines}"
    );

    let unknown = "01900000-0000-7000-8000-000000000000";
    let outcome = run(&app, &["outbox", "retry", unknown]);
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    assert_eq!(run(&app, &["outbox", "retry"]).status, 2);
    let id = dead[0]["id"].as_str().unwrap();
    // The test clock is far behind the program's, by which the link has expired.
    app.execute("UPDATE outbox_messages SET expires_at = NULL")
        .await;
    run(&app, &["outbox", "retry", id]).answer();
    assert_eq!(run(&app, &["outbox", "list", "--json"]).answer(), "[]\n");
    run(&app, &["outbox", "retry", "--all"]).answer();
}

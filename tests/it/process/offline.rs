//! Commands that need no stores: the configuration, the schema, and the command line itself.

use std::path::Path;

use serde_json::Value;

use super::{Outcome, idgate};

const NOTHING: [(&str, &str); 0] = [];
/// Secrets of every kind; none may be shown.
const SECRETS: [(&str, &str); 4] = [
    (
        "DATABASE_URL",
        "postgres://idgate:hunter2hunter2@127.0.0.1/idgate",
    ),
    ("REDIS_URL", "redis://:hunter2hunter2@127.0.0.1"),
    (
        "IDGATE_KEYS__MASTER",
        "aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMmh1bnQ=",
    ),
    ("IDGATE_ROUTER__SECRET", "hunter2hunter2hunter2hunter2-0192"),
];

fn assert_hides_secrets(text: &str) {
    for secret in ["hunter2", "aHVudGVyM"] {
        assert!(!text.contains(secret), "a secret shows: {text}");
    }
}

#[test]
fn the_configuration_is_shown_without_its_secrets() {
    let lines = Outcome::of(idgate(&["config", "show"], SECRETS)).answer();
    assert_hides_secrets(&lines);
    assert!(lines.contains("keys.master = set (hidden)  # "), "{lines}");
    assert!(lines.contains("server.drain_seconds = 20  # built-in default"));

    let text = Outcome::of(idgate(&["config", "show", "--json"], SECRETS)).answer();
    assert_hides_secrets(&text);
    let settings: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(settings.len(), lines.lines().count());
    let value = |key: &str| {
        let found = settings.iter().find(|setting| setting["key"] == key);
        found.unwrap_or_else(|| panic!("there is no {key}"))["value"].clone()
    };
    assert_eq!(value("keys.master"), "set (hidden)");
    assert_eq!(value("server.drain_seconds"), 20);
    assert_eq!(value("server.drain_notice_seconds"), 0);
    assert_eq!(value("graphql.graphiql"), true);
    assert_eq!(value("links.hosted"), true);
    assert_eq!(value("server.trusted_proxies"), serde_json::json!([]));
    assert_eq!(value("server.listen"), "127.0.0.1:8080");
    assert_eq!(value("server.staff_listen"), "");
    // What a file would write is never inside a text.
    for setting in &settings {
        let text = setting["value"].as_str().unwrap_or_default();
        assert!(!text.starts_with(['"', '[', '{']), "{setting}");
        assert!(
            text.parse::<f64>().is_err() && text.parse::<bool>().is_err(),
            "{setting}"
        );
    }
}

#[test]
fn a_command_shows_every_way_to_use_it() {
    let refusal = Outcome::of(idgate(&["outbox", "retry"], NOTHING)).refusal(2);
    assert!(refusal.contains("<ID|--all>"), "{refusal}");
    let help = Outcome::of(idgate(&["outbox", "retry", "--help"], NOTHING)).answer();
    assert!(
        help.contains("<ID|--all>") && help.contains("All dead letters"),
        "{help}"
    );
}

#[test]
fn a_configuration_is_checked_without_starting_anything() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let mut settings = vec![("IDGATE_DATA_DIR", data.as_str())];
    let answer = Outcome::of(idgate(&["config", "check"], settings.clone())).answer();
    assert_eq!(answer, "The configuration can be used.\n");
    settings.push(("IDGATE_SERVER__LISTEN", "0.0.0.0:8080"));
    let answer = Outcome::of(idgate(&["config", "check"], settings)).answer();
    assert!(answer.starts_with("warning: server.listen"), "{answer}");
    assert!(!Path::new(&data).exists(), "a check makes nothing");

    let wrong = [
        ("IDGATE_SERVER__DRAIN_SECONDS", "soon"),
        ("IDGATE_SERVER__DRAIN_NOTICE_SECONDS", "later"),
        ("IDGATE_SERVRE__LISTEN", "127.0.0.1:1"),
    ];
    let refusal = Outcome::of(idgate(&["config", "check"], wrong)).refusal(2);
    for part in [
        "server.drain_seconds",
        "server.drain_notice_seconds",
        "IDGATE_SERVRE__LISTEN",
    ] {
        assert!(refusal.contains(part), "{part} is not in {refusal}");
    }
}

#[test]
fn a_configuration_file_that_is_not_there_is_named() {
    let arguments = ["config", "check", "--config", "/nonexistent/idgate.toml"];
    let refusal = Outcome::of(idgate(&arguments, NOTHING)).refusal(2);
    assert!(refusal.contains("/nonexistent/idgate.toml"), "{refusal}");
}

#[test]
fn usage_errors_exit_with_two_and_show_help() {
    let uses: [(&[&str], &str); 6] = [
        (&["serv"], "'serve'"),
        (&["keys"], "Usage:"),
        (&["keys", "rotate", "--comprimised"], "--compromised"),
        (&["schema", "--check", "--write"], "cannot be used with"),
        (&["admin", "create", "--email", "a@b.c"], "--password-stdin"),
        (&["--nonsense"], "--help"),
    ];
    for (arguments, advice) in uses {
        let refusal = Outcome::of(idgate(arguments, NOTHING)).refusal(2);
        assert!(refusal.contains(advice), "{arguments:?}: {refusal}");
    }
    let help = Outcome::of(idgate(&["--help"], NOTHING)).answer();
    for command in [
        "serve", "migrate", "schema", "config", "keys", "admin", "health",
    ] {
        assert!(help.contains(command), "{command} is not in {help}");
    }
    let version = Outcome::of(idgate(&["--version"], NOTHING)).answer();
    assert_eq!(
        version.trim(),
        concat!("idgate ", env!("CARGO_PKG_VERSION"))
    );
}

/// A project folder with the documents and without the generated files.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let documents = folder.path().join("queries/account");
    std::fs::create_dir_all(&documents).unwrap();
    std::fs::create_dir(folder.path().join("schema")).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/account/Me.graphql");
    std::fs::copy(source, documents.join("Me.graphql")).unwrap();
    folder
}

#[test]
fn the_schema_is_printed_written_and_checked() {
    let printed = Outcome::of(idgate(&["schema"], NOTHING)).answer();
    assert!(printed.contains("type Query"), "{printed}");
    let subgraph = Outcome::of(idgate(&["schema", "--subgraph"], NOTHING)).answer();
    assert!(subgraph.contains("@requiresScopes"), "{subgraph}");
    let silent = Outcome::of(idgate(&["schema", "--subgraph=silent"], NOTHING)).answer();
    assert!(silent.contains("@key") && !silent.contains("@requiresScopes"));
    let folder = project();
    let place = folder.path().display().to_string();
    let schema = |what| Outcome::of(idgate(&["schema", what, "--project", &place], NOTHING));

    let absent = schema("--check").refusal(1);
    assert!(absent.contains("schema.graphql"), "{absent}");
    schema("--write").answer();
    let written = std::fs::read_to_string(folder.path().join("schema/schema.graphql")).unwrap();
    assert_eq!(written, printed);
    let written = std::fs::read_to_string(folder.path().join("schema/subgraph.graphql")).unwrap();
    assert_eq!(written, subgraph);
    let openapi = Outcome::of(idgate(&["schema", "--openapi"], NOTHING)).answer();
    let written = std::fs::read_to_string(folder.path().join("schema/openapi.json")).unwrap();
    assert_eq!(written, openapi);
    let manifest = std::fs::read_to_string(folder.path().join("queries/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["documents"].as_object().unwrap().len(), 1);
    assert_eq!(schema("--check").answer().lines().count(), 4);

    std::fs::write(folder.path().join("schema/schema.graphql"), "type Query").unwrap();
    let outcome = schema("--check");
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains("idgate schema --write"));
}

#[test]
fn unusable_arguments_are_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let words = folder.path().join("words");
    std::fs::create_dir(&words).unwrap();
    std::fs::write(words.join("de.ftl"), "# Deutsch\nfoter = x\n").unwrap();
    let settings = [
        ("IDGATE_DATA_DIR", data.display().to_string()),
        (
            "IDGATE_MESSAGES__TEMPLATES_DIR",
            words.display().to_string(),
        ),
    ];
    for command in [&["serve"][..], &["config", "check"]] {
        let outcome = Outcome::of(idgate(command, settings.clone()));
        let stderr = &outcome.stderr;
        assert_eq!(outcome.status, 2, "{stderr}");
        let mistake = "de.ftl:2, foter: no message uses these words; did you mean footer?";
        assert!(stderr.contains(mistake), "{stderr}");
        assert!(!data.exists());
    }
}

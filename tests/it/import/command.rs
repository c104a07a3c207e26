//! The command itself: exit statuses, JSON and files.

use serde_json::Value;

use super::legacy::{Legacy, email};
use crate::harness::TestApp;
use crate::process::{Outcome, idgate};

pub(super) fn command(app: &TestApp, arguments: &[&str]) -> std::process::Command {
    let settings = app.settings().iter().map(|(name, value)| (name, value));
    idgate(arguments, settings)
}

pub(super) fn outcome(app: &TestApp, arguments: &[&str]) -> Outcome {
    Outcome::of(command(app, arguments))
}

fn last_line(text: &str) -> Value {
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_mapping_is_the_default() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    legacy.person(1, &email(1), "NULL").await;
    let example = outcome(&app, &["import", "django", "--mapping-example"]).answer();
    let file = app.app.config.data_dir.join("mapping.toml");
    std::fs::write(&file, &example).unwrap();
    let file = file.display().to_string();
    let arguments = [
        "import",
        "django",
        "--source",
        &legacy.url,
        "--json",
        "--mapping",
        &file,
    ];
    let report = last_line(&outcome(&app, &arguments).answer());
    assert_eq!(report["event"], "finished");
    assert_eq!(report["report"]["counts"]["created"], 1);
    assert_eq!(report["report"]["addsUp"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_use_exits_with_two() {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    let file = app.app.config.data_dir.join("mapping.toml");
    std::fs::write(
        &file,
        "[user]\ntable = \"people\"\n\n[fields]\nemial = \"user.email\"",
    )
    .unwrap();
    let wrong = file.display().to_string();
    let missing = app.app.config.data_dir.join("other.toml");
    std::fs::write(&missing, "[user]\ntable = \"people\"").unwrap();
    let missing = missing.display().to_string();
    let source = legacy.url.as_str();
    for (arguments, says) in [
        (vec!["--source", "oracle://x"], "--source is a URL"),
        (vec!["--source", source, "--batch", "0"], "--batch"),
        (
            vec!["--source", source, "--mapping", &wrong],
            "line 5: unknown field `emial`",
        ),
        (
            vec!["--source", source, "--mapping", &missing],
            "no table \"people\"",
        ),
        (
            vec!["--source", source, "--report", "x.pdf"],
            ".html or .json",
        ),
        (vec![], "--source"),
    ] {
        let arguments = [vec!["import", "django"], arguments].concat();
        let refusal = outcome(&app, &arguments).refusal(2);
        assert!(refusal.contains(says), "{says}: {refusal}");
    }
    let absent = ["import", "django", "--source", "sqlite:///no/such/file"];
    assert!(
        outcome(&app, &absent)
            .refusal(1)
            .contains("there is no file")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_written_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    legacy.person(1, &email(1), "'<script>'").await;
    let file = app.app.config.data_dir.join("report.html");
    let name = file.display().to_string();
    let arguments = [
        "import",
        "django",
        "--source",
        &legacy.url,
        "--report",
        &name,
    ];
    let text = outcome(&app, &arguments).answer();
    assert!(
        text.ends_with("Every row of the source is accounted for.\n"),
        "{text}"
    );
    let page = std::fs::read_to_string(&file).unwrap();
    assert!(
        page.contains("phone: The phone number does not exist"),
        "{page}"
    );
    for file in [file, app.app.config.data_dir.join("import/wallets.csv")] {
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

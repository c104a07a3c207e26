//! Several servers over the same stores.

use std::path::Path;

use super::{Outcome, Program, idgate};
use crate::harness::TestApp;

/// How a further server over this directory is refused.
fn refusal(data: &Path, more: &[(&str, &str)]) -> String {
    let data = data.display().to_string();
    let settings = [
        ("IDGATE_DATA_DIR", data.as_str()),
        ("IDGATE_SERVER__LISTEN", "127.0.0.1:0"),
        ("RUST_LOG", "off"),
    ];
    let command = idgate(&["serve"], settings.iter().chain(more).copied());
    Outcome::of(command).refusal(1)
}

#[test]
fn a_second_server_over_a_sqlite_directory_reports_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut first = Program::start(&data);
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&data, &link).unwrap();
    for directory in [&data, &link] {
        let refusal = refusal(directory, &[]);
        let real = std::fs::canonicalize(&data).unwrap();
        for part in [&*real.display().to_string(), "IDGATE_DATA_DIR", "stop it"] {
            assert!(refusal.contains(part), "{refusal}");
        }
    }
    // The same file under a directory of its own.
    let file = idgate::app::sqlite_file(&data).display().to_string();
    let url = format!("sqlite://{file}");
    let elsewhere = folder.path().join("elsewhere");
    let refused = refusal(&elsewhere, &[("IDGATE_DATABASE__URL", &url)]);
    assert!(refused.contains("another idgate serves"), "{refused}");

    // Commands go on working beside the server.
    let directory = data.display().to_string();
    let settings = [("IDGATE_DATA_DIR", directory.as_str())];
    for arguments in [
        &["migrate"][..],
        &["keys", "list"],
        &["keys", "rotate"],
        &["outbox", "list"],
        &["audit", "verify"],
    ] {
        Outcome::of(idgate(arguments, settings)).answer();
    }
    let mut command = idgate(
        &[
            "admin",
            "create",
            "--email",
            "root@example.com",
            "--password-stdin",
        ],
        settings,
    );
    Outcome::given(&mut command, "correct horse battery staple").answer();

    // Another directory is another gateway, and a crash leaves no lock behind.
    drop(Program::start(&folder.path().join("other")));
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    let mut second = Program::start(&data);
    second.terminate();
    assert!(second.child.wait().unwrap().success());
    drop(Program::start(&data));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_postgres_servers_may_share_their_data_directory() {
    let app = TestApp::spawn().await;
    if app.is_sqlite() {
        return;
    }
    let settings = [("IDGATE_DATABASE__URL", app.database_url())];
    let _first = Program::with(&app.app.config.data_dir, &settings);
    let _second = Program::with(&app.app.config.data_dir, &settings);
}

//! The command itself: what it refuses, what it leaves, and a full disk.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use super::{change_here, imported, place};
use crate::harness::TestApp;
use crate::process::{Outcome, idgate};

fn command(app: &TestApp, format: &str, out: &Path, more: &[&str]) -> std::process::Command {
    let settings = app.settings().iter().map(|(name, value)| (name, value));
    let out = out.display().to_string();
    let arguments = ["export", "django", "--format", format, "--out", &out];
    let arguments: Vec<&str> = arguments.into_iter().chain(more.iter().copied()).collect();
    idgate(&arguments, settings)
}

fn mode(place: &Path) -> u32 {
    std::fs::metadata(place).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_for_its_owner_and_is_not_replaced_unasked() {
    let (app, _django) = imported(2).await;
    change_here(&app, 1, "city = 'Accra'").await;
    let out = place(&app);
    let text = Outcome::of(command(&app, "postgres", &out, &[])).answer();
    assert!(
        text.contains("1  are rows with values that changed here"),
        "{text}"
    );
    assert_eq!(mode(&out), 0o600);
    let before = std::fs::read(&out).unwrap();
    let refusal = Outcome::of(command(&app, "mysql", &out, &[])).refusal(2);
    assert!(refusal.contains("is there already"), "{refusal}");
    assert_eq!(std::fs::read(&out).unwrap(), before);
    let json = Outcome::of(command(&app, "mysql", &out, &["--overwrite", "--json"])).answer();
    let last: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["addsUp"], &last["counts"]["changed"]),
        (&true.into(), &1.into())
    );
    assert!(
        std::fs::read_to_string(&out)
            .unwrap()
            .contains("START TRANSACTION")
    );
    let events = "SELECT COUNT(*) FROM audit_events WHERE action = 'export.finished'";
    assert_eq!(app.number(events).await, 2);
    for secret in ["pbkdf2_sha256", "argon2", "user1@example.com"] {
        assert!(!text.contains(secret) && !json.contains(secret), "{secret}");
    }
    let wrong = Outcome::of(command(&app, "oracle", &out, &[])).refusal(2);
    assert!(wrong.contains("--format"), "{wrong}");
    let nowhere = app.app.config.data_dir.join("no/such/folder/back.sql");
    assert!(
        Outcome::of(command(&app, "sqlite", &nowhere, &[]))
            .refusal(1)
            .contains("back.sql")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_keep_every_value_as_it_is() {
    let (app, _django) = imported(1).await;
    app.register("ada@example.com").await;
    app.execute(
        "UPDATE users SET first_name = '=1+1', bio = 'a \"b\", c\nd' WHERE legacy_id IS NULL",
    )
    .await;
    change_here(&app, 1, "phone = NULL, city = '@here'").await;
    let out = app.app.config.data_dir.join("back");
    Outcome::of(command(&app, "csv", &out, &[])).answer();
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let new = read("new.csv");
    assert!(
        new.contains("\"=1+1\"") && new.contains("\"a \"\"b\"\", c\nd\""),
        "{new}"
    );
    assert_eq!(
        read("changed.csv"),
        "\"id\",\"column\",\"value\"\r\n\"1\",\"user.phone\",\r\n\"1\",\"profile.city\",\"@here\"\r\n\
         \"1\",\"profile.phone\",\r\n"
    );
    assert_eq!((mode(&out), mode(&out.join("new.csv"))), (0o700, 0o600));
    let refusal = Outcome::of(command(&app, "csv", &out, &[])).refusal(2);
    assert!(refusal.contains("is there already"), "{refusal}");
    Outcome::of(command(&app, "csv", &out, &["--overwrite"])).answer();
    // A folder with anything else in it stays.
    std::fs::write(out.join("mine.txt"), "mine").unwrap();
    Outcome::of(command(&app, "csv", &out, &["--overwrite"])).refusal(1);
    assert_eq!(read("mine.txt"), "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_nothing() {
    let (app, _django) = imported(1).await;
    change_here(&app, 1, &format!("bio = '{}'", "x".repeat(2000))).await;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("back.sql");
    let full = |format: &str| {
        let command = command(&app, format, &out, &[]);
        // The limit is in blocks of 512 bytes. Without the signal a write fails, as on a full disk.
        let mut limited = std::process::Command::new("sh");
        limited.args(["-c", "trap '' XFSZ; ulimit -f 2; exec \"$0\" \"$@\""]);
        limited
            .arg(command.get_program())
            .args(command.get_args())
            .env_clear();
        limited.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        limited
    };
    for format in ["postgres", "mysql", "sqlite"] {
        let refusal = Outcome::of(full(format)).refusal(1);
        assert!(refusal.contains("back.sql"), "{refusal}");
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "nothing is left"
        );
    }
}

//! Secrets: never shown, read from files, warned of when those are world-readable.

use std::fmt::Write;

use idgate::config::Config;

use super::{MASTER, load, load_file, production, refused, setting, written};

#[test]
fn secrets_are_never_shown() {
    let config = production(&[
        ("IDGATE_REDIS__URL", "redis://:hunter2@cache"),
        ("IDGATE_KEYS__MASTER_PREVIOUS", MASTER),
        ("IDGATE_ROUTER__SECRET", "correct-horse-battery-staple-4711"),
        ("IDGATE_SMTP__URL", "smtps://ada:hunter2@mail"),
        ("IDGATE_SMS__URL", "https://ada:hunter2@sms.example.com/"),
        ("IDGATE_SMS__TOKEN", "hunter2"),
        ("IDGATE_SMS__WEBHOOK_SECRET", "hunter2"),
    ])
    .unwrap();
    let json = serde_json::to_string(config.describe()).unwrap();
    let mut lines = String::new();
    for setting in config.describe() {
        writeln!(lines, "{setting}").unwrap();
    }
    for printed in [format!("{config:?}"), json, lines] {
        for secret in ["Tr0ub4dor", "hunter2", MASTER, "correct-horse"] {
            assert!(!printed.contains(secret), "{secret} in {printed}");
        }
    }
    assert_eq!(setting(&config, "keys.master").0, "set (hidden)");
    let config = load(&[]).unwrap();
    assert_eq!(setting(&config, "keys.master").0, "not set");
    assert_eq!(setting(&config, "keys.master_previous").0, "not set");
    assert_eq!(setting(&config, "database.url").0, "not set");

    let (_directory, refused) = load_file("[keys]\nmaster = 123456\nmaster_previous = [424242]\n");
    let text = refused.unwrap_err().to_string();
    assert!(
        !text.contains("123456") && !text.contains("424242"),
        "{text}"
    );
    let (_directory, refused) = load_file("[router]\nsecret = \"hunter2\n");
    let text = refused.unwrap_err().to_string();
    assert!(
        text.contains("line 2") && !text.contains("hunter2"),
        "{text}"
    );
    let text = production(&[
        ("REDIS_URL", "http://u:hunter2@x"),
        ("DATABASE_URL", "hunter2"),
    ]);
    assert!(!text.unwrap_err().to_string().contains("hunter2"));
}

#[test]
fn world_readable_secrets_are_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    for (mode, warnings) in [(0o600, 0), (0o644, 1)] {
        let secret = written(directory.path(), "secret", MASTER, mode);
        let named = [("IDGATE_KEYS__MASTER_FILE", secret.to_str().unwrap())];
        assert_eq!(load(&named).unwrap().warnings().len(), warnings, "{mode:o}");
        let text = format!("[keys]\nmaster = \"{MASTER}\"\n");
        let file = written(directory.path(), "idgate.toml", text, mode);
        let config = Config::load(Some(file), vec![]).unwrap();
        assert_eq!(config.warnings().len(), warnings, "{mode:o}");
        let file = written(
            directory.path(),
            "plain.toml",
            "[outbox]\nconcurrency = 1\n",
            mode,
        );
        assert_eq!(
            Config::load(Some(file), vec![]).unwrap().warnings(),
            [],
            "{mode:o}"
        );
    }
}

#[test]
fn a_secret_file_must_hold_a_secret() {
    let directory = tempfile::tempdir().unwrap();
    for text in [b" \n".as_slice(), &[0xFF, 0xFE], &vec![b'a'; 2 << 20]] {
        let path = written(directory.path(), "secret", text, 0o600);
        let errors = refused(load(&[(
            "IDGATE_ROUTER__SECRET_FILE",
            path.to_str().unwrap(),
        )]));
        assert!(errors[0].starts_with("router.secret | file "), "{errors:?}");
    }
    let both = format!("{MASTER}\n{MASTER}\n");
    let path = written(directory.path(), "keys", both, 0o600);
    let named = [("IDGATE_KEYS__MASTER_PREVIOUS_FILE", path.to_str().unwrap())];
    assert_eq!(load(&named).unwrap().keys.master_previous().count(), 2);
}

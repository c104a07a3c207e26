//! Secrets in settings and arguments: valid or not, no output of the program repeats
//! them.

use std::io::Read as _;
use std::path::Path;

use idgate::config::{Config, ConfigErrors};
use serde_json::{Value, json};

use super::{Outcome, Program, idgate};
use crate::harness::{Answer, http};

const MARKER: &str = "m4rk3r";
const DEFAULT_TOML: &str = include_str!("../../../config/default.toml");

/// URLs with the marker wherever a URL can hold a secret, valid and invalid ones.
const ADDRESSES: [&str; 12] = [
    "postgres://u-m4rk3r:p-m4rk3r@127.0.0.1:1/idgate",
    "postgres://u-m4rk3r:p-m4rk3r@one:1,two:2/idgate",
    "postgres://u:m4rk3r#m4rk3r@127.0.0.1/idgate",
    "postgres://u@127.0.0.1/idgate?pasword=m4rk3r",
    "sqlite:///nowhere/x.db?key=m4rk3r",
    "redis://u-m4rk3r:p-m4rk3r@127.0.0.1:1",
    "redis://:m4rk3r#m4rk3r@127.0.0.1:1",
    "smtp://u-m4rk3r:p-m4rk3r@127.0.0.1:1",
    "https://u-m4rk3r:p-m4rk3r@127.0.0.1:1/?token=q-m4rk3r#f-m4rk3r",
    "https://127.0.0.1:1/?token=q-m4rk3r",
    "u:m4rk3r@127.0.0.1",
    "-----BEGIN PRIVATE KEY-----\nm4rk3r",
];

/// Every setting: its variable, and whether it is a secret.
fn settings() -> Vec<(String, String, bool)> {
    let (mut section, mut is_secret, mut found) = (String::new(), false, vec![]);
    for line in DEFAULT_TOML.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
        } else if line.starts_with("# Default:") {
            is_secret = line.trim_end().ends_with("_FILE") && line.contains(" or ");
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            let key = format!("{section}{name}");
            let variable = format!("IDGATE_{}", key.to_uppercase().replace('.', "__"));
            found.push((key, variable, is_secret));
        }
    }
    assert!(found.iter().filter(|(_, _, is_secret)| *is_secret).count() >= 11);
    found
}

fn assert_clean(text: &str, place: &dyn std::fmt::Debug) {
    assert!(!text.contains(MARKER), "{place:?}: {text}");
    // The marker in base64, as credentials travel.
    assert!(
        !text.contains("bTRyazNy") && !text.contains("00cmsz"),
        "{place:?}: {text}"
    );
}

fn printed(loaded: Result<Config, ConfigErrors>, is_address: bool) -> String {
    match loaded {
        // URLs used as identifiers, such as the audience of tokens, are public.
        Ok(config) if !is_address => format!("{:?} {:?}", config.describe(), config.warnings()),
        Ok(config) => format!("{config:?} {:?} {:?}", config.describe(), config.warnings()),
        Err(errors) => format!("{errors} {errors:?}"),
    }
}

#[test]
fn no_setting_is_repeated_wherever_it_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("value");
    let named = path.to_str().unwrap().to_owned();
    for (index, (key, variable, is_secret)) in settings().into_iter().enumerate() {
        // The URL of the picture is sent to every client, its query included.
        let is_public = key == "profile.default_avatar_url";
        let is_address = is_secret
            || (!is_public
                && (key.ends_with("_url")
                    || key.rsplit_once('.').is_some_and(|(_, name)| name == "url")));
        let load = |name: &str, value: &str| {
            let loaded = Config::load(None, [(name.to_owned(), value.to_owned())]);
            let text = printed(loaded, is_address);
            assert_clean(&text, &(name, value));
        };
        // Each other setting gets one URL in turn; settings that hold URLs get all of them.
        for (number, value) in ADDRESSES.iter().enumerate() {
            // Without a scheme it is ordinary text, which such a setting shows.
            if !is_address && !value.contains("://") && !value.starts_with('-') {
                continue;
            }
            if is_address || number == index % ADDRESSES.len() || number == 8 {
                load(&variable, value);
            }
        }
        if !is_secret {
            continue;
        }
        load(&variable, MARKER);
        for contents in [MARKER, ADDRESSES[0], ADDRESSES[1]] {
            std::fs::write(&path, contents).unwrap();
            load(&format!("{variable}_FILE"), &named);
            // The secret in place of the path to it.
            load(&format!("{variable}_FILE"), contents);
        }
    }
}

#[test]
fn no_setting_of_a_file_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("idgate.toml");
    let load = |text: String| {
        std::fs::write(&path, &text).unwrap();
        assert_clean(
            &printed(Config::load(Some(path.clone()), vec![]), false),
            &text,
        );
    };
    for (key, _, _) in settings() {
        let (section, name) = key.split_once('.').unwrap_or(("", &key));
        let head = if section.is_empty() {
            String::new()
        } else {
            format!("[{section}]\n")
        };
        let value = "https://u-m4rk3r:p-m4rk3r@127.0.0.1:1/?token=q-m4rk3r";
        load(format!("{head}{name} = \"{value}\"\n"));
        load(format!("{head}{name} = [\"{value}\"]\n"));
        load(format!("{head}{name} = {{ secret = \"{value}\" }}\n"));
        load(format!("{head}{name} = \"{value}\n"));
        load(format!("{head}{name} = {value}\n"));
    }
}

/// Every command with what it takes.
const COMMANDS: [&[&str]; 12] = [
    &["config", "show"],
    &["config", "show", "--json"],
    &["config", "check"],
    &["serve"],
    &["migrate"],
    &["keys", "list"],
    &["keys", "rotate"],
    &["outbox", "list"],
    &["outbox", "retry", "--all"],
    &["audit", "verify"],
    &["health"],
    &[
        "admin",
        "create",
        "--email",
        "a@example.com",
        "--password-stdin",
    ],
];

fn base(data: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("IDGATE_DATA_DIR", data.to_str().unwrap().to_owned()),
        // An address in use, so that a gateway that passes the check still exits.
        ("IDGATE_SERVER__LISTEN", "203.0.113.1:1".to_owned()),
        ("IDGATE_DATABASE__ACQUIRE_TIMEOUT_SECONDS", "1".to_owned()),
        ("IDGATE_HASHING__MEMORY_KIB", "64".to_owned()),
        ("IDGATE_SMTP__FROM", "no-reply@example.com".to_owned()),
        ("IDGATE_SMS__FROM", "+15005550006".to_owned()),
        ("RUST_LOG", "trace".to_owned()),
    ]
}

fn assert_command_is_clean(arguments: &[&str], settings: &[(&str, String)]) {
    let mut command = idgate(
        arguments,
        settings.iter().map(|(name, value)| (name, value)),
    );
    let outcome = Outcome::given(&mut command, "correct horse battery staple\n");
    let text = format!("{}{}", outcome.stdout, outcome.stderr);
    assert_clean(&text, &(arguments, settings.last()));
}

#[test]
fn no_command_repeats_an_address_that_it_cannot_use() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = [
        (
            "IDGATE_DATABASE__URL",
            "postgres://u-m4rk3r:p-m4rk3r@one:1,two:2/idgate",
        ),
        (
            "DATABASE_URL",
            "postgres://u:p-m4rk3r@127.0.0.1/idgate?sslmode=m4rk3r",
        ),
        ("IDGATE_REDIS__URL", "redis://:m4rk3r#m4rk3r@127.0.0.1:1"),
        ("REDIS_URL", "redis://:m4rk3r@127.0.0.1:1/?protocol=m4rk3r"),
        ("IDGATE_KEYS__MASTER", "m4rk3r"),
    ];
    for (name, value) in secrets {
        let mut settings = base(folder.path());
        settings.push((name, value.to_owned()));
        for arguments in COMMANDS {
            assert_command_is_clean(arguments, &settings);
        }
    }
}

#[test]
fn no_command_repeats_an_address_at_which_nothing_answers() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = base(folder.path());
    let database = "postgres://u-m4rk3r:p-m4rk3r@127.0.0.1:1/idgate";
    settings.push((
        "IDGATE_REDIS__URL",
        "redis://u-m4rk3r:p-m4rk3r@127.0.0.1:1".to_owned(),
    ));
    settings.push(("IDGATE_DATABASE__URL", database.to_owned()));
    for arguments in COMMANDS {
        assert_command_is_clean(arguments, &settings);
    }
}

#[test]
fn no_argument_is_repeated_by_a_complaint() {
    let nothing: [(&str, &str); 0] = [];
    for address in ADDRESSES.into_iter().chain([MARKER, "--m4rk3r"]) {
        for arguments in [
            &[address][..],
            &["serve", address],
            &["--config", address],
            &["config", "check", "--config", address],
            &["config", address],
            &["keys", "rotate", address],
            &["outbox", "retry", address],
            &["outbox", "list", "--limit", address],
            &["outbox", "list", &format!("--limit={address}")],
            &["outbox", "list", &format!("--unknown={address}")],
            &[
                "admin",
                "create",
                "--password-stdin",
                "--email",
                address,
                address,
            ],
        ] {
            let outcome = Outcome::of(idgate(arguments, nothing));
            let text = format!("{}{}", outcome.stdout, outcome.stderr);
            // The name of a file is no secret, and says which one is missing.
            if address != MARKER && address != "--m4rk3r" && !address.starts_with("u:") {
                assert_clean(&text, &arguments);
            }
            assert_eq!(outcome.status, 2, "{arguments:?}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_gateway_keeps_its_secrets_at_the_most_talkative_level() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut program = Program::with(
        &folder.path().join("data"),
        &[
            ("RUST_LOG", "trace"),
            (
                "IDGATE_KEYS__MASTER",
                "bTRyazNybTRyazNybTRyazNybTRyazNybTRyazNybTQ=",
            ),
            ("IDGATE_REDIS__URL", "redis://u-m4rk3r:p-m4rk3r@127.0.0.1:1"),
            ("IDGATE_SMTP__URL", "smtp://u-m4rk3r:p-m4rk3r@127.0.0.1:1"),
            ("IDGATE_SMTP__FROM", "no-reply@example.com"),
            (
                "IDGATE_SMS__URL",
                "http://127.0.0.1:1/q-m4rk3r?token=q-m4rk3r",
            ),
            ("IDGATE_SMS__FROM", "+15005550006"),
            ("IDGATE_SMS__ACCOUNT", "account"),
            ("IDGATE_SMS__TOKEN", "t-m4rk3r"),
            (
                "IDGATE_BREACHED__URL",
                "http://u-m4rk3r:p-m4rk3r@127.0.0.1:1/range/",
            ),
            (
                "IDGATE_ROUTER__SECRET",
                "m4rk3r-correct-horse-battery-staple-4711",
            ),
            ("IDGATE_SERVER__ROUTER_LISTEN", "127.0.0.1:0"),
        ],
    );
    let mut stderr = program.child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    });
    let url = format!("http://{}", program.address);
    let mut answers = Vec::new();
    for path in [
        "/health/live",
        "/health/ready",
        "/metrics",
        "/nowhere",
        "/.well-known/jwks.json",
    ] {
        answers.push(Answer::of(http().get(format!("{url}{path}"))).await.text);
    }
    let register = "mutation { register(input: { email: \"a@example.com\", password: \
                    \"correct horse battery staple\", firstName: \"A\", lastName: \"B\" }) \
                    { __typename } }";
    for body in [
        json!({ "query": register }),
        json!({ "query": "{ nowhere }" }),
        Value::Null,
    ] {
        answers.push(
            Answer::of(http().post(format!("{url}/graphql")).json(&body))
                .await
                .text,
        );
    }
    assert_clean(&answers.join("\n"), &"answers");
    program.terminate();
    let written = reader.join().unwrap();
    std::fs::write(&log, &written).unwrap();
    assert!(written.contains("TRACE"), "{written}");
    assert_clean(&written, &"log");
}

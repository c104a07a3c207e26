//! Addresses and paths: what `config check` accepts is what `serve` can use.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use idgate::app::{self, App};
use idgate::config::Config;
use idgate::crypto::random::Random;
use idgate::domain::clock::Clock;

use super::{Outcome, Program, idgate};

/// Valid directory names that are special in a URL, in a shell or to SQLite.
const NAMES: [&str; 15] = [
    "100%",
    "%41%2F",
    "file:data",
    "a?b",
    ":memory:",
    "mode?mode=memory&cache=shared",
    "-c",
    "a#b",
    "a b c",
    "it's \"quoted\"",
    "back\\slash",
    "semi;colon&amp",
    "*[x]{y}",
    "b\u{fc}cher",
    "line\nbreak",
];

fn names(directory: &Path) -> Vec<std::ffi::OsString> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name()).collect()
}

#[test]
fn a_data_directory_is_a_path_and_no_url() {
    for (index, name) in NAMES.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        // Some names are only special at the start of a relative path.
        let (named, made) = if index % 2 == 0 {
            (PathBuf::from(name), folder.path().join(name))
        } else {
            let absolute = folder.path().join(name).join("data");
            (absolute.clone(), absolute)
        };
        let settings = [("IDGATE_DATA_DIR", named.to_str().unwrap())];
        let mut command = idgate(&["migrate"], settings);
        command.current_dir(folder.path());
        Outcome::of(command).answer();
        assert!(made.join("idgate.sqlite3").is_file(), "{name:?}");
        assert_eq!(names(folder.path()), [*name], "{name:?}");
    }
}

#[test]
fn a_gateway_serves_from_any_directory() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("50% off? #1 'new'");
    drop(Program::start(&data));
    assert!(data.join("idgate.sqlite3").is_file());
    assert!(data.join("master.key").is_file());
}

#[test]
fn a_directory_below_a_name_that_is_no_text_works_and_such_a_setting_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join(OsStr::from_bytes(b"caf\xe9"));
    std::fs::create_dir(&odd).unwrap();
    let mut command = idgate(&["migrate"], [("IDGATE_DATA_DIR", "./data")]);
    command.current_dir(&odd);
    Outcome::of(command).answer();
    assert!(odd.join("data/idgate.sqlite3").is_file());

    // SQLite takes paths as UTF-8, so this is refused before anything is created.
    let mut command = idgate(&["migrate"], [("IDGATE_TELEMETRY__LOG", "info")]);
    command.env("IDGATE_DATA_DIR", odd.join("other"));
    let refusal = Outcome::of(command).refusal(2);
    assert!(refusal.contains("data_dir"), "{refusal}");
    assert!(refusal.contains("not UTF-8"), "{refusal}");
}

/// Parts of URLs, combined for every setting that takes one.
const SHAPES: [&str; 36] = [
    "",
    " ",
    "SCHEME:",
    "SCHEME://",
    "SCHEME:///",
    "SCHEME://host",
    "SCHEME://host/",
    "SCHEME://host/path",
    "SCHEME://host/1",
    "SCHEME://host:1",
    "SCHEME://host:0/1",
    "SCHEME://host:99999/1",
    "SCHEME://host:port/1",
    "SCHEME://one,two/1",
    "SCHEME://one:1,two:2/1",
    "SCHEME://user:pass@host/1",
    "SCHEME://user:@host/1",
    "SCHEME://user@host/1",
    "SCHEME://:pass@host/1",
    "SCHEME://user:pa#ss@host/1",
    "SCHEME://user:1#ss@host/1",
    "SCHEME://user:pa?ss@host/1",
    "SCHEME://user:1?ss@host/1",
    "SCHEME://user:1/ss@host/1",
    "SCHEME://user:pa%ss@host/1",
    "SCHEME://user:%ff@host/1",
    "SCHEME://user:pa ss@host/1",
    "SCHEME://user:pa\tss@host/1",
    "SCHEME://ho st/1",
    "SCHEME://ho%20st/1",
    "SCHEME://b\u{fc}cher.example/1",
    "SCHEME://[2001:db8::1]:1/1",
    "SCHEME://[2001:db8::1%25eth0]/1",
    "SCHEME://%2Frun%2Fsocket/1",
    "SCHEME://host/1?unknown=1&tls=required&mode=rwc",
    "SCHEME://host/1#insecure",
];

const PARAMETERS: [(&str, &str); 14] = [
    (
        "IDGATE_DATABASE__URL",
        "postgres://host/idgate?sslmode=maybe",
    ),
    (
        "IDGATE_DATABASE__URL",
        "postgres://host/idgate?sslmode=require",
    ),
    ("IDGATE_DATABASE__URL", "postgres://host/idgate?port=x"),
    (
        "IDGATE_DATABASE__URL",
        "postgres://host/idgate?hostaddr=host",
    ),
    (
        "IDGATE_DATABASE__URL",
        "postgres://host/idgate?sslrootcert=/nowhere/ca.pem",
    ),
    (
        "IDGATE_DATABASE__URL",
        "postgres://host/idgate?statement-cache-capacity=-1",
    ),
    ("IDGATE_DATABASE__URL", "sqlite::memory:"),
    ("IDGATE_DATABASE__URL", "sqlite://x.db?mode=memory"),
    ("IDGATE_DATABASE__URL", "sqlite://x.db?mode=ro"),
    ("IDGATE_DATABASE__URL", "sqlite://x.db?vfs=none"),
    ("IDGATE_REDIS__URL", "redis://host/?protocol=9"),
    ("IDGATE_REDIS__URL", "unix:///run/redis.sock?db=x"),
    ("IDGATE_REDIS__URL", "redis+unix:run/redis.sock"),
    ("IDGATE_KEYS__MASTER", "AAAA"),
];

/// Every setting that holds a URL, with its schemes.
const ADDRESSES: [(&str, &[&str]); 15] = [
    (
        "IDGATE_DATABASE__URL",
        &["postgres", "postgresql", "sqlite", "mysql"],
    ),
    (
        "IDGATE_REDIS__URL",
        &[
            "redis",
            "rediss",
            "valkey",
            "unix",
            "redis+unix",
            "valkey+unix",
        ],
    ),
    ("IDGATE_SMTP__URL", &["smtp", "smtps", "http"]),
    ("IDGATE_SMS__URL", &["https", "http", "smtp"]),
    ("IDGATE_BREACHED__URL", &["https", "http", "file"]),
    ("IDGATE_GOOGLE__JWKS_URL", &["https", "http", "file"]),
    ("IDGATE_GOOGLE__ISSUER", &["https", "http", "urn"]),
    ("IDGATE_SERVER__PUBLIC_URL", &["https", "http", "ftp"]),
    ("IDGATE_SERVER__STAFF_URL", &["https", "http", "ftp"]),
    ("IDGATE_LINKS__BASE_URL", &["https", "http", "ftp"]),
    (
        "IDGATE_PROFILE__DEFAULT_AVATAR_URL",
        &["https", "http", "data"],
    ),
    ("IDGATE_MEDIA__PUBLIC_URL", &["https", "http", "data"]),
    ("IDGATE_MEDIA__IMPORTED_URL", &["https", "http", "file"]),
    ("IDGATE_MEDIA__S3_ENDPOINT", &["https", "http", "s3"]),
    (
        "IDGATE_MEDIA__CLOUDINARY_API_URL",
        &["https", "http", "file"],
    ),
];

fn settings(data: &Path, name: &str, value: &str) -> Vec<(String, String)> {
    let base = [
        ("IDGATE_DATA_DIR", data.to_str().unwrap()),
        ("IDGATE_SERVER__LISTEN", "127.0.0.1:0"),
        ("IDGATE_HASHING__MEMORY_KIB", "64"),
        ("IDGATE_SMTP__FROM", "no-reply@example.com"),
        ("IDGATE_SMS__FROM", "+15005550006"),
        ("IDGATE_SMS__ACCOUNT", "idgate"),
        ("IDGATE_SMS__TOKEN", "token"),
        ("IDGATE_GOOGLE__CLIENT_IDS", "web"),
        ("IDGATE_MEDIA__STORAGE", "s3"),
        ("IDGATE_MEDIA__S3_ENDPOINT", "https://s3.example.com"),
        ("IDGATE_MEDIA__S3_BUCKET", "pictures"),
        ("IDGATE_MEDIA__S3_ACCESS_KEY", "key"),
        ("IDGATE_MEDIA__S3_SECRET_KEY", "secret"),
        ("IDGATE_DATABASE__ACQUIRE_TIMEOUT_SECONDS", "1"),
        (
            "IDGATE_KEYS__MASTER",
            "q83vEjRWeJCrze8SNFZ4kBHhE7p2r0yPo6bWkJ1x5Hc=",
        ),
    ];
    let changed = base.iter().filter(|(known, _)| *known != name);
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    changed.copied().chain([(name, value)]).map(owned).collect()
}

fn cases() -> Vec<(&'static str, String)> {
    let shapes = ADDRESSES.iter().flat_map(|(setting, schemes)| {
        schemes.iter().flat_map(move |scheme| {
            let written = SHAPES
                .iter()
                .map(move |shape| shape.replace("SCHEME", scheme));
            written.map(move |value| (*setting, value))
        })
    });
    let parameters = PARAMETERS
        .iter()
        .map(|(setting, value)| (*setting, (*value).to_owned()));
    shapes.chain(parameters).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_check_accepts_a_gateway_can_be_built_with() {
    let folder = tempfile::tempdir().unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for (setting, value) in cases() {
        let settings = settings(folder.path(), setting, &value);
        let checked = Config::load(None, settings)
            .map_err(|errors| errors.to_string())
            .and_then(|config| {
                app::check(&config)
                    .map(|()| config)
                    .map_err(|error| error.to_string())
            });
        match checked {
            Ok(config) => {
                // A file is opened at once and may be missing; a server is connected to later.
                if config.database.is_embedded() && setting == "IDGATE_DATABASE__URL" {
                    continue;
                }
                let built = App::build(Arc::new(config), Clock::System, Random::seeded(1)).await;
                assert!(built.is_ok(), "{setting}={value:?}: {}", built.unwrap_err());
                accepted += 1;
            }
            Err(text) => {
                let key = setting
                    .trim_start_matches("IDGATE_")
                    .to_lowercase()
                    .replace("__", ".");
                assert!(text.contains(&key), "{setting}={value:?}: {text}");
                refused += 1;
            }
        }
    }
    assert!(accepted > 50 && refused > 200, "{accepted} {refused}");
}

/// Regression values that passed the check but failed at start.
#[test]
fn check_serve_and_every_command_agree() {
    let folder = tempfile::tempdir().unwrap();
    for (setting, value) in [
        (
            "IDGATE_DATABASE__URL",
            "postgres://u:s3cr3t@one:5432,two:5432/idgate",
        ),
        ("IDGATE_DATABASE__URL", "postgres://u:s3cr3t@one,two/idgate"),
        ("IDGATE_DATABASE__URL", "postgres://u:s3cr3t#x@host/idgate"),
        (
            "IDGATE_DATABASE__URL",
            "postgres://u:s3cr3t@host/idgate?sslmode=maybe",
        ),
        (
            "IDGATE_DATABASE__URL",
            "postgres://u@host/idgate?pasword=s3cr3t",
        ),
        ("IDGATE_DATABASE__URL", "sqlite::memory:"),
        ("IDGATE_REDIS__URL", "redis://:s3cr3t#x@host"),
        ("IDGATE_REDIS__URL", "redis://:s3cr3t@host/?protocol=9"),
        ("IDGATE_REDIS__URL", "rediss://:s3cr3t@host/#insecure"),
        ("IDGATE_SMTP__URL", "smtps://u:s3cr3t@one,two"),
        ("IDGATE_SMS__URL", "https://u:1?s3cr3t@host/"),
    ] {
        for arguments in [
            &["config", "check"][..],
            &["serve"],
            &["keys", "list"],
            &["migrate"],
        ] {
            let outcome = Outcome::of(idgate(arguments, settings(folder.path(), setting, value)));
            let refusal = outcome.refusal(2);
            assert!(
                !refusal.contains("s3cr3t"),
                "{arguments:?} {value}: {refusal}"
            );
        }
    }
    assert_eq!(names(folder.path()).len(), 0, "nothing was made");
}

#[test]
fn a_key_file_that_serving_would_refuse_is_refused_by_the_check() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("master.key"), "no key\n").unwrap();
    let data = folder.path().to_str().unwrap();
    let settings = [
        ("IDGATE_DATA_DIR", data),
        ("IDGATE_SERVER__LISTEN", "127.0.0.1:0"),
    ];
    for arguments in [&["config", "check"][..], &["serve"]] {
        let refusal = Outcome::of(idgate(arguments, settings)).refusal(2);
        assert!(refusal.contains("keys.master"), "{refusal}");
    }
}

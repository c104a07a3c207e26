//! The configuration: where values come from, and what is refused with which message.
//!
//! A binary of its own, because the environment is shared by the whole process.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "config/media.rs"]
mod media;
#[path = "config/reference.rs"]
mod reference;
#[path = "config/refusals.rs"]
mod refusals;
#[path = "config/router.rs"]
mod router;
#[path = "config/secrets.rs"]
mod secrets;
#[path = "config/staff.rs"]
mod staff;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use idgate::config::{Budget, Config, ConfigErrors, Origin, SameSite, StaffIntrospection, env};
use idgate::domain::role::Role;
use secrecy::ExposeSecret;
use tempfile::TempDir;

const DEFAULT_TOML: &str = include_str!("../config/default.toml");
const MASTER: &str = "q83vEjRWeJCrze8SNFZ4kBHhE7p2r0yPo6bWkJ1x5Hc=";

fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    Config::load(None, owned(variables))
}

fn owned(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn load_file(text: &str) -> (TempDir, Result<Config, ConfigErrors>) {
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path(), "idgate.toml", text, 0o600);
    (directory, Config::load(Some(path), vec![]))
}

fn written(directory: &Path, name: &str, text: impl AsRef<[u8]>, mode: u32) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

/// A valid production configuration with changes.
fn production(changes: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let mut variables = vec![
        ("IDGATE_ENV", "production"),
        ("IDGATE_SERVER__PUBLIC_URL", "https://id.example.com"),
        ("IDGATE_KEYS__MASTER", MASTER),
        ("DATABASE_URL", "postgres://idgate:Tr0ub4dor@db/idgate"),
        ("REDIS_URL", "redis://cache:6379"),
        ("IDGATE_SMTP__URL", "smtps://idgate:Tr0ub4dor@mail"),
        ("IDGATE_SMTP__FROM", "idgate <no-reply@example.com>"),
        ("IDGATE_SMS__URL", "https://sms.example.com/"),
        ("IDGATE_SMS__FROM", "+15005550006"),
        ("IDGATE_SMS__ACCOUNT", "idgate"),
        ("IDGATE_SMS__TOKEN", "Tr0ub4dor"),
        ("IDGATE_SMS__COUNTRIES", "AM,DE"),
    ];
    variables.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    variables.extend(changes);
    load(&variables)
}

/// The errors, one line each.
fn refused(result: Result<Config, ConfigErrors>) -> Vec<String> {
    let errors = result.expect_err("must be refused");
    errors
        .iter()
        .map(|error| {
            format!(
                "{} | {} | {} | {}",
                error.key, error.origin, error.reason, error.remedy
            )
        })
        .collect()
}

fn setting(config: &Config, key: &str) -> (String, String) {
    let found = config
        .describe()
        .iter()
        .find(|setting| setting.key == key)
        .unwrap();
    (found.value.clone(), found.origin.clone())
}

/// Every key of the file with its comment and value.
fn documented() -> Vec<(String, Vec<&'static str>, &'static str)> {
    let (mut section, mut above, mut found) = (String::new(), vec![], vec![]);
    for line in DEFAULT_TOML.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
        } else if line.is_empty() {
            above.clear();
        } else if line.starts_with('#') {
            above.push(line);
        } else {
            let (name, value) = line.split_once(" = ").unwrap();
            found.push((
                format!("{section}{name}"),
                std::mem::take(&mut above),
                value,
            ));
        }
    }
    found
}

#[test]
fn a_file_may_write_values_as_the_environment_does() {
    let text = "[server]\nbody_limit = \"2048\"\ncors_origins = \"https://a.test, https://b.test\"\n\
                [outbox]\nenabled = \"false\"\n[throttle]\nscale = \"2\"\n";
    let (_directory, config) = load_file(text);
    let config = config.unwrap();
    assert_eq!(config.server.body_limit, 2_048);
    assert_eq!(config.server.cors_origins.len(), 2);
    assert!(!config.outbox.enabled && config.throttle.scale > 1.9);
}

#[test]
fn the_defaults_are_for_a_developers_machine() {
    let config = load(&[]).unwrap();
    assert!(!config.is_production());
    assert_eq!(config.server.public_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(config.tokens.issuer, "http://127.0.0.1:8080");
    assert_eq!(config.links.base_url, config.server.public_url);
    assert_eq!(config.database.url(), None);
    assert!(config.database.is_embedded() && config.database.migrates_at_start());
    assert!(config.redis.is_in_process() && config.keys.master().is_none());
    assert!(
        config.graphql.introspection
            && config.graphql.graphiql
            && !config.registration.requires_confirmation()
    );
    assert!(!config.graphql.requires_trusted_documents());
    assert_eq!(config.registration.roles, [Role::Client, Role::Vendor]);
    assert_eq!(config.cookies.same_site, SameSite::Lax);
    assert!(config.hashing.threads() >= 1);
    assert_eq!(config.sessions.refresh_idle_seconds, 30 * 86_400);
    assert_eq!(config.redis.timeout_milliseconds, 250);
    assert_eq!(config.password.policy().min_score, 2);
    assert_eq!(config.warnings(), []);
}

#[test]
fn production_is_stricter_than_development() {
    let config = production(&[]).unwrap();
    assert!(config.is_production() && config.registration.requires_confirmation());
    assert!(config.graphql.requires_trusted_documents());
    assert!(!config.graphql.introspection && !config.graphql.graphiql);
    let staff = config.graphql.staff_introspection;
    assert_eq!(staff, StaffIntrospection::SignedIn);
    assert!(!config.database.is_embedded() && !config.database.migrates_at_start());
    assert_eq!(config.tokens.issuer, "https://id.example.com");
    assert_eq!(config.warnings(), []);
}

#[test]
fn each_layer_overrides_those_before_it_and_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = written(
        directory.path(),
        "idgate.toml",
        "[tokens]\naudience = \"file\"\naccess_seconds = 120\n[router]\nsecret = \"x\"\n",
        0o600,
    );
    let secret = written(directory.path(), "secret", format!("{MASTER}\n"), 0o600);
    let variables = [
        ("IDGATE_CONFIG", file.to_str().unwrap()),
        ("IDGATE_TOKENS__AUDIENCE", "environment"),
        ("IDGATE_ROUTER__SECRET", "also too short"),
        ("IDGATE_ROUTER__SECRET_FILE", secret.to_str().unwrap()),
    ];
    let config = load(&variables).unwrap();
    assert_eq!(config.tokens.audience, "environment");
    assert_eq!(config.tokens.access_seconds, 120);
    assert_eq!(
        config.router.secret.as_ref().unwrap().expose_secret(),
        MASTER
    );
    let environment = "environment variable IDGATE_TOKENS__AUDIENCE".to_owned();
    assert_eq!(
        setting(&config, "tokens.audience"),
        ("\"environment\"".to_owned(), environment)
    );
    let (value, origin) = setting(&config, "tokens.access_seconds");
    assert_eq!(
        (value.as_str(), origin),
        ("120", format!("file {}", file.display()))
    );
    let (value, origin) = setting(&config, "router.secret");
    let named = format!(
        "file {} named by IDGATE_ROUTER__SECRET_FILE",
        secret.display()
    );
    assert_eq!((value.as_str(), origin), ("set (hidden)", named));
    let (value, origin) = setting(&config, "tokens.issuer");
    assert_eq!(
        (value.as_str(), origin.as_str()),
        ("\"http://127.0.0.1:8080\"", "follows server.public_url")
    );
}

#[test]
fn the_argument_wins_over_the_variable_that_names_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = written(
        directory.path(),
        "one.toml",
        "[tokens]\naudience = \"one\"\n",
        0o600,
    );
    let config = Config::load(Some(file), owned(&[("IDGATE_CONFIG", "/nowhere")])).unwrap();
    assert_eq!(config.tokens.audience, "one");
}

#[test]
fn aliases_work_and_our_names_win_except_for_the_log() {
    let conventional = [
        ("IDGATE_REDIS__URL", "redis://ours"),
        ("REDIS_URL", "redis://theirs"),
        ("DATABASE_URL", "postgres://theirs/idgate"),
        ("RUST_LOG", "debug"),
        ("IDGATE_TELEMETRY__LOG", "warn"),
    ];
    let config = load(&conventional).unwrap();
    assert_eq!(
        config.redis.url.as_ref().unwrap().expose_secret(),
        "redis://ours"
    );
    assert_eq!(
        config.database.url().as_deref(),
        Some("postgres://theirs/idgate")
    );
    assert_eq!(config.telemetry.log.to_string(), "debug");
    let config = load(&[("RUST_LOG", ""), ("REDIS_URL", " ")]).unwrap();
    assert_eq!(config.telemetry.log.to_string(), "info");
    assert!(config.redis.is_in_process());
}

#[test]
fn the_environment_sets_values_of_every_type() {
    let digits = "98765432109876543210987654321098";
    let config = load(&[
        ("IDGATE_ROUTER__SECRET", digits),
        ("IDGATE_SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1/128,"),
        (
            "IDGATE_SERVER__CORS_ORIGINS",
            "https://app.example.com,http://localhost:3000",
        ),
        ("IDGATE_KEYS__MASTER_PREVIOUS", MASTER),
        ("IDGATE_THROTTLE__SCALE", "2"),
        ("IDGATE_THROTTLE__INSTANCES", "4"),
        ("IDGATE_GRAPHQL__INTROSPECTION", "false"),
        ("IDGATE_REDIS__ALLOW_IN_PROCESS", "1"),
        (
            "IDGATE_PROFILE__DEFAULT_AVATAR_URL",
            "https://cdn.example.com/a.png",
        ),
    ])
    .unwrap();
    assert_eq!(
        config.router.secret.as_ref().unwrap().expose_secret(),
        digits
    );
    assert_eq!(config.server.trusted_proxies.len(), 2);
    let origins: Vec<_> = config
        .server
        .cors_origins
        .iter()
        .map(Origin::to_header)
        .collect();
    assert_eq!(
        origins,
        ["https://app.example.com", "http://localhost:3000"]
    );
    assert_eq!(config.keys.master_previous().count(), 1);
    assert!(!config.graphql.introspection && config.redis.allow_in_process);
    let budget = config.throttle.login_identifier;
    assert_eq!(
        budget,
        Budget {
            count: 10,
            window: Duration::from_mins(5)
        }
    );
    let (_directory, config) = load_file("[graphql]\nintrospection = false\n");
    assert!(!config.unwrap().graphql.introspection);
}

#[test]
fn variables_of_other_programs_are_ignored() {
    load(&[
        ("IDGATE_PORT", "tcp://10.0.0.1:8080"),
        ("IDGATE_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("IDGATE_SERVICE_HOST", "10.0.0.1"),
        ("IDGATE_TEST_REDIS_URL", "redis://x"),
        ("IDGATE_GRAPHIQL", "skip"),
        ("IDGATE_MAIL_PORT", "8025"),
        ("IDGATE_SERVICES_STATE", "/tmp/services"),
        ("PATH", "/bin"),
    ])
    .unwrap();
}

#[test]
fn the_environment_of_the_process_can_be_read() {
    assert!(env::variables().iter().any(|(name, _)| name == "PATH"));
}

#[test]
fn risky_settings_are_warned_of() {
    let warned = |config: Config| -> Vec<String> {
        config.warnings().iter().map(ToString::to_string).collect()
    };
    let open = load(&[("IDGATE_SERVER__LISTEN", "0.0.0.0:8080")]).unwrap();
    assert_eq!(open.server.public_url.as_str(), "http://localhost:8080/");
    let expected = "server.listen: others can reach the development settings at 0.0.0.0:8080";
    assert_eq!(warned(open), [expected]);
    let single = production(&[
        ("DATABASE_URL", ""),
        ("REDIS_URL", ""),
        ("IDGATE_REDIS__ALLOW_IN_PROCESS", "true"),
        ("IDGATE_GRAPHQL__INTROSPECTION", "true"),
        ("IDGATE_GRAPHQL__GRAPHIQL", "true"),
        ("IDGATE_GRAPHQL__TRUSTED_DOCUMENTS", "off"),
        ("IDGATE_THROTTLE__SCALE", "1000"),
        ("IDGATE_SMTP__URL", ""),
        ("IDGATE_SMS__URL", ""),
    ]);
    let keys: Vec<_> = single
        .unwrap()
        .warnings()
        .iter()
        .map(|one| one.key.clone())
        .collect();
    let expected = [
        "throttle.scale",
        "database.url",
        "redis.allow_in_process",
        "smtp.url",
        "sms.url",
        "registration.confirmation",
        "graphql.trusted_documents",
        "graphql.introspection",
        "graphql.graphiql",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn links_keep_the_path_of_the_base_url() {
    let written = [("IDGATE_LINKS__BASE_URL", "https://app.example.com/account")];
    let config = load(&written).unwrap();
    let link = config.links.base_url.join("verify_email").unwrap();
    assert_eq!(
        link.as_str(),
        "https://app.example.com/account/verify_email"
    );
}

//! The architecture rules, checked against the sources.
//!
//! Which layer may use which, where each outside library lives, what a capability consists of and
//! how long a file may be. `ARCHITECTURE.md` explains the table below; a rule is
//! changed there and here in the same commit. `rule_tests` shows that each rule can fail.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "architecture/reader.rs"]
mod reader;
#[path = "architecture/rule_tests.rs"]
mod rule_tests;
#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/statements.rs"]
mod statements;
#[path = "architecture/words.rs"]
mod words;

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use walkdir::{DirEntry, WalkDir};

/// Modules that every layer may use and that use none, not even each other.
const GROUND: [&str; 4] = ["domain", "fault", "shared_read", "telemetry"];

/// Each layer with what it may use besides itself and the ground. `command` composes: it may use
/// everything, like `main.rs` and `lib.rs`, which are no layers.
const LAYERS: [(&str, &[&str]); 16] = [
    ("command", &["*"]),
    (
        "transport",
        &["schema", "rest", "pages", "services", "app", "config"],
    ),
    ("schema", &["services", "selectors", "app", "config"]),
    ("rest", &["services", "app"]),
    ("pages", &["services", "app", "messages"]),
    ("work", &["services", "app"]),
    (
        "services",
        &[
            "app",
            "stores",
            "volatile",
            "providers",
            "messages",
            "crypto",
            "config",
        ],
    ),
    (
        "app",
        &[
            "stores",
            "volatile",
            "providers",
            "messages",
            "crypto",
            "config",
        ],
    ),
    ("selectors", &["entities"]),
    ("stores", &["entities"]),
    ("volatile", &["config"]),
    ("providers", &["config"]),
    ("messages", &["config"]),
    ("crypto", &["config"]),
    ("entities", &[]),
    ("config", &[]),
];

/// What `transport` may name of the services: authentication, and the one use case that is not GraphQL,
/// receiving an upload.
const TRANSPORT_MAY_NAME: [&[&str]; 6] = [
    &["services", "session", "authenticate"],
    &["services", "session", "authenticate_listener"],
    &["services", "session", "Authenticated"],
    &["services", "media", "receive"],
    &["services", "media", "ReceiveProblem"],
    &["services", "Refused"],
];

/// Services that others build on. All the rest are entry services, one for each capability,
/// except `operator`, which is what the command line and the background work do.
const SUPPORTING: [&str; 18] = [
    "avatar",
    "sign_in",
    "step_up",
    "throttle",
    "audit",
    "outbox",
    "ownership",
    "recovery",
    "refused",
    "code",
    "device",
    "links",
    "new_password",
    "profile_rules",
    "staff_change",
    "deletion",
    "export_archive",
    "erasure",
];

/// Outside libraries with the layers that may name them.
const HOMES: [(&[&str], &[&str]); 6] = [
    (&["image"], &["domain"]),
    (
        &["sea_orm", "sqlx"],
        &["entities", "stores", "selectors", "app"],
    ),
    (
        &["axum", "async_graphql_axum", "hyper_util"],
        &["transport"],
    ),
    (&["redis", "bb8_redis", "bb8"], &["volatile"]),
    (&["reqwest"], &["providers"]),
    (&["lettre"], &["providers", "config"]),
];

/// The one file that may name the GraphQL library's error, which tells clients what it wraps.
const HOME_OF_ERRORS: &str = "src/schema/error.rs";

/// The one file of the transport that reads the headers of requests.
const HOME_OF_HEADERS: &str = "src/transport/request_head.rs";

/// The maximum number of lines in a file.
const MAX_FILE_LINES: usize = 400;

/// A file of the project: its path from the root, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn is_rust_of_the_crate(&self) -> bool {
        self.path.starts_with("src/") && is_called(Path::new(&self.path), "rs")
    }
}

#[test]
fn every_layer_uses_only_what_lies_below_it() {
    assert_none(&rules::layers(&sources()));
}

#[test]
fn no_service_uses_an_entry_service() {
    assert_none(&rules::services(&sources()));
}

#[test]
fn every_capability_is_complete() {
    assert_none(&rules::capabilities(&paths(&["src", "tests", "queries"])));
}

#[test]
fn every_outside_library_stays_in_its_home() {
    assert_none(&rules::homes(&sources()));
}

#[test]
fn only_one_file_names_the_librarys_error() {
    assert_none(&rules::errors(&sources()));
}

#[test]
fn only_one_file_reads_the_headers_of_requests() {
    assert_none(&rules::headers(&sources()));
}

#[test]
fn every_raw_statement_says_by_its_first_word_whether_it_writes() {
    let sources = sources();
    assert_none(&statements::raw(&sources));
    assert!(statements::count(&sources) > 8, "few statements were found");
}

#[test]
fn no_file_is_too_long() {
    assert_none(&rules::lengths(&sources()));
}

#[test]
fn the_reader_finds_every_use() {
    let sources = sources();
    for (layer, used) in [
        ("services", "stores"),
        ("stores", "entities"),
        ("app", "config"),
    ] {
        let is_seen = sources
            .iter()
            .filter(|source| source.is_rust_of_the_crate())
            .any(|source| {
                let module = reader::module_of(&source.path);
                module.first().is_some_and(|first| first == layer)
                    && reader::uses(&source.path, &source.text)
                        .iter()
                        .any(|found| {
                            found.is_ours && found.path.first().is_some_and(|name| name == used)
                        })
            });
        assert!(
            is_seen,
            "no use of {used} in {layer} was found, so the rules check nothing"
        );
    }
}

#[test]
fn the_tests_named_in_the_threat_model_exist() {
    let model = fs::read_to_string(root().join("docs/threat-model.md")).expect("a text");
    assert_none(&missing(&model));
    for (wrong, count) in [
        ("`services/throttle/`, `services/nowhere.rs`", 1),
        ("`incidents/owner.rs`: `a_test_that_nobody_wrote`", 1),
        ("`a_test_without_a_file`", 1),
    ] {
        assert_eq!(missing(wrong).len(), count, "{wrong}");
    }
}

/// The files and tests that a text names and that do not exist.
fn missing(text: &str) -> Vec<String> {
    let mut missing = Vec::new();
    for line in text.lines() {
        let mut file = String::new();
        for word in line.split('`').skip(1).step_by(2) {
            let is_path = word.contains('/') && !word.contains([' ', '<', ':']);
            let is_test = word.matches('_').count() > 2
                && word
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
            let is_there = if is_path {
                let mut homes = ["src", "tests/it", "."].into_iter();
                let found = homes.find_map(|home| fs::metadata(root().join(home).join(word)).ok());
                file = fs::read_to_string(root().join("tests/it").join(word)).unwrap_or_default();
                found.is_some()
            } else {
                !is_test || file.contains(&format!("fn {word}("))
            };
            if !is_there {
                missing.push(format!("{word} is not there"));
            }
        }
    }
    missing
}

fn assert_none(violations: &[String]) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// All hand-written sources in these places.
fn sources() -> Vec<Source> {
    read_all(&["src", "migrations", "tests", "build.rs"])
}

fn read_all(places: &[&str]) -> Vec<Source> {
    let read = |path: String| {
        let bytes = fs::read(root().join(&path)).expect("a listed file can be read");
        Source {
            path,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    };
    paths(places).into_iter().map(read).collect()
}

/// The paths of all hand-written files in these places, relative to the project root.
fn paths(places: &[&str]) -> Vec<String> {
    let files = places
        .iter()
        .filter(|place| root().join(place).exists())
        .flat_map(|place| {
            WalkDir::new(root().join(place))
                .into_iter()
                .filter_entry(is_written)
        })
        .map(|entry| entry.expect("the sources can be walked"))
        .filter(|entry| entry.file_type().is_file());
    let mut paths: Vec<String> = files
        .filter_map(|entry| Some(entry.path().strip_prefix(root()).ok()?.to_str()?.to_owned()))
        .collect();
    paths.sort();
    paths
}

/// Snapshots, lock files, the printed tables and fetched packages are written by programs.
fn is_written(entry: &DirEntry) -> bool {
    let (path, name) = (entry.path(), entry.file_name());
    let is_snapshot = is_called(path, "snap") || is_called(path, "new");
    let is_printed = ["package-lock.json", "node_modules", "schema.sql"].map(OsStr::new);
    !(is_snapshot || is_printed.contains(&name))
}

fn is_called(path: &Path, ending: &str) -> bool {
    path.extension()
        .is_some_and(|extension| extension == ending)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

//! Everything that an import leaves, in a form that is the same for every import of the same rows.
//!
//! What is random or says when something happened is left out: primary keys other than those of the
//! old system, in whose terms references are told; the times of the import; nonces, salts and keys.
//! What is sealed is opened. So these differ between two imports and do not count:
//!
//! - `users`: `id`, `updated_at`, the time in `suspended_at`, a `pid` where the old system has none;
//! - `passwords`: `changed_at`, salt and result of a wrapped hash;
//! - `person_keys`: `sealed_key`, which has to open the person's events, `created_at`;
//! - `identities`: `id` and times;
//! - `import_records`: `updated_at`, the time in `gone_at`, the nonce of `sealed_row`, in `written` when
//!   the password was set;
//! - `audit_events`: `id`, `created_at`, `request_id`, `mac` and the nonce of `sealed_details`;
//! - `audit_links`, `audit_chain`: over ids; `idgate audit verify` has to accept them;
//! - `import_runs`, the event of the end: ids, times, the name of the source, how many rows were new.
//!   An import that is killed after its end has two of each.

use std::collections::{BTreeMap, BTreeSet};

use idgate::crypto::keyring::Purpose;
use idgate::services::audit;
use serde_json::Value;
use uuid::Uuid;

use super::command::outcome;
use crate::harness::TestApp;

type Row = BTreeMap<String, String>;

/// The rows of a table: every value as text, bytes in hexadecimal.
async fn table(app: &TestApp, name: &str) -> Vec<Row> {
    let columns = app.columns(name).await;
    let texts = columns.iter().map(|column| {
        let text = if app.is_sqlite() {
            format!(
                "CASE typeof(\"{column}\") WHEN 'blob' THEN lower(hex(\"{column}\")) \
                 ELSE CAST(\"{column}\" AS TEXT) END"
            )
        } else {
            format!("\"{column}\"::text")
        };
        format!("COALESCE({text}, 'NULL')")
    });
    let select = texts.collect::<Vec<_>>().join(", ");
    let rows = app.rows(&format!("SELECT {select} FROM {name}")).await;
    let read = rows.iter().map(|row| {
        let named = columns.iter().enumerate().map(|(place, column)| {
            let text: String = row.try_get_by_index(place).unwrap();
            let text = text.strip_prefix("\\x").unwrap_or(&text).to_owned();
            (column.clone(), text)
        });
        named.collect()
    });
    read.collect()
}

/// Takes a value out of a row.
fn taken(row: &mut Row, column: &str) -> String {
    row.remove(column)
        .unwrap_or_else(|| panic!("no {column} in {row:?}"))
}

/// Keeps only whether there is a value.
fn is_set(row: &mut Row, column: &str) {
    let value = if row[column] == "NULL" { "NULL" } else { "set" };
    row.insert(column.to_owned(), value.to_owned());
}

fn uuid(text: &str) -> Uuid {
    Uuid::parse_str(text).unwrap()
}

/// The accounts by id.
struct Accounts {
    legacy_ids: BTreeMap<Uuid, String>,
    keys: BTreeMap<Uuid, Vec<u8>>,
}

impl Accounts {
    async fn of(app: &TestApp) -> Self {
        let users = table(app, "users").await.into_iter();
        let keys = table(app, "person_keys").await.into_iter();
        Self {
            legacy_ids: users
                .map(|row| (uuid(&row["id"]), row["legacy_id"].clone()))
                .collect(),
            keys: keys
                .map(|row| {
                    let key = hex::decode(&row["sealed_key"]).unwrap();
                    (uuid(&row["user_id"]), key)
                })
                .collect(),
        }
    }

    /// Tells a reference to an account in the terms of the old system.
    fn refer(&self, row: &mut Row, column: &str) {
        if row[column] != "NULL" {
            let legacy_id = self.legacy_ids[&uuid(&row[column])].clone();
            row.insert(column.to_owned(), legacy_id);
        }
    }
}

/// Every table that an import may write to, and how many rows the others have.
pub(super) async fn everything(app: &TestApp) -> Vec<String> {
    let accounts = Accounts::of(app).await;
    let mut lines = Vec::new();
    for name in app.tables().await {
        let rows = table(app, &name).await;
        let count = rows.len();
        let rows = rows.into_iter();
        let own: Vec<String> = match name.as_str() {
            "users" => rows.map(user).collect(),
            "passwords" => rows.map(|row| password(row, &accounts)).collect(),
            "person_keys" => rows.map(|row| key(row, &accounts)).collect(),
            "identities" => rows.map(|row| identity(row, &accounts)).collect(),
            "import_records" => rows.map(|row| record(app, row, &accounts)).collect(),
            "audit_events" => once(rows.map(|row| event(app, row, &accounts))),
            "import_runs" => once(rows.map(run)),
            // Made anew by each installation or migration, or over ids.
            "audit_links" | "audit_chain" | "audit_checkpoints" | "seaql_migrations"
            | "signing_keys" => Vec::new(),
            _ => vec![format!("{count} rows")],
        };
        lines.extend(own.into_iter().map(|line| format!("{name} {line}")));
    }
    lines.extend(wallets(app, &accounts));
    lines.sort();
    outcome(app, &["audit", "verify"]).answer();
    lines
}

/// Those lines, but equal ones about the end of an import once.
fn once(lines: impl Iterator<Item = String>) -> Vec<String> {
    let (ends, mut others): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("end "));
    others.extend(ends.into_iter().collect::<BTreeSet<String>>());
    others
}

fn user(mut row: Row) -> String {
    for column in ["id", "updated_at"] {
        taken(&mut row, column);
    }
    is_set(&mut row, "suspended_at");
    if !row["pid"].starts_with("PID") {
        row.insert("pid".to_owned(), "made here".to_owned());
    }
    format!("{row:?}")
}

fn password(mut row: Row, accounts: &Accounts) -> String {
    accounts.refer(&mut row, "user_id");
    taken(&mut row, "changed_at");
    if let Some((scheme, _)) = row["hash"].split_once('$')
        && scheme.starts_with("argon2id_")
    {
        let scheme = scheme.to_owned();
        row.insert("hash".to_owned(), scheme);
    }
    format!("{row:?}")
}

fn key(mut row: Row, accounts: &Accounts) -> String {
    accounts.refer(&mut row, "user_id");
    for column in ["sealed_key", "created_at"] {
        taken(&mut row, column);
    }
    format!("{row:?}")
}

fn identity(mut row: Row, accounts: &Accounts) -> String {
    accounts.refer(&mut row, "user_id");
    row.retain(|column, _| column != "id" && !column.ends_with("_at"));
    format!("{row:?}")
}

fn record(app: &TestApp, mut row: Row, accounts: &Accounts) -> String {
    accounts.refer(&mut row, "user_id");
    taken(&mut row, "updated_at");
    is_set(&mut row, "gone_at");
    let written = taken(&mut row, "written");
    if written != "NULL" {
        // The last eight bytes are a time, or zero.
        let (digests, at) = written.split_at(written.len() - 16);
        let at = if at == "0".repeat(16) { "none" } else { "set" };
        row.insert("written".to_owned(), format!("{digests} {at}"));
    }
    let sealed = taken(&mut row, "sealed_row");
    if sealed != "NULL" {
        let bound_to = format!("{} {}", row["kind"], row["legacy_id"]);
        let sealed = hex::decode(sealed).unwrap();
        let keyring = &app.app.keyring;
        let plain = keyring.open(Purpose::Imports, bound_to.as_bytes(), &sealed);
        let plain: Value = serde_json::from_slice(&plain.unwrap()).unwrap();
        row.insert("sealed_row".to_owned(), plain.to_string());
    }
    format!("{row:?}")
}

fn event(app: &TestApp, mut row: Row, accounts: &Accounts) -> String {
    let id = uuid(&taken(&mut row, "id"));
    for column in ["created_at", "request_id", "mac"] {
        taken(&mut row, column);
    }
    let subject = match row["subject_id"].as_str() {
        "NULL" => None,
        subject => Some(uuid(subject)),
    };
    let key = subject.and_then(|subject| accounts.keys.get(&subject));
    let sealed = hex::decode(taken(&mut row, "sealed_details")).unwrap();
    let details = audit::open(
        &app.app,
        id.into(),
        subject.map(Into::into),
        key.map(Vec::as_slice),
        &sealed,
    );
    let mut details = details.unwrap().expect("the person's key");
    accounts.refer(&mut row, "subject_id");
    let is_end = row["action"] == "import.finished";
    if is_end {
        let differs = |field: &str| matches!(field, "source" | "created");
        details.changes.retain(|change| !differs(&change.field));
    }
    let kind = if is_end { "end" } else { "event" };
    format!("{kind} {row:?} {details:?}")
}

fn run(mut row: Row) -> String {
    for column in ["id", "source", "started_at", "updated_at", "finished_at"] {
        taken(&mut row, column);
    }
    let mut counts: Value = serde_json::from_str(&taken(&mut row, "counts")).unwrap();
    for step in ["created", "unchanged"] {
        counts.as_object_mut().unwrap().remove(step);
    }
    format!("end {row:?} {counts}")
}

fn wallets(app: &TestApp, accounts: &Accounts) -> Vec<String> {
    let file = app.app.config.data_dir.join("import/wallets.csv");
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().enumerate().map(|(place, line)| {
        let mut cells: Vec<&str> = line.split(',').collect();
        if place > 0 && !cells[1].is_empty() {
            cells[1] = &accounts.legacy_ids[&uuid(cells[1])];
        }
        format!("wallet {place} {}", cells.join(","))
    });
    lines.collect()
}

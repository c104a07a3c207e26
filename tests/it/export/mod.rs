//! Writing accounts back into the legacy system: what stands there afterwards, and what must not.
//!
//! `django` is a database as Django makes it: SQLite on the embedded backend, Postgres on the other.

mod changed;
mod command;
mod created;
mod django;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use idgate::domain::legacy::{Mapping, SqlDialect};
use idgate::services::operator::export_django::{self, ExportEvent, Format, Report};
use idgate::services::operator::import::{self, Finding, Verification, VerifyEvent};
use idgate::stores::legacy::LegacySource;

use crate::harness::TestApp;
use django::Django;

/// The tables of allauth are there, whether the last import found rows in them or not.
const ALLAUTH: &str = "[email]\noptional = false\n[social]\noptional = false";

/// An export and what it told.
struct Exported {
    report: Report,
    sql: String,
    /// What was left out, as `field:reason` or `reason`.
    left_out: Vec<String>,
}

fn dialect(app: &TestApp) -> SqlDialect {
    if app.is_sqlite() {
        SqlDialect::Sqlite
    } else {
        SqlDialect::Postgres
    }
}

fn place(app: &TestApp) -> PathBuf {
    app.app.config.data_dir.join("back.sql")
}

/// Exports in the language of the test's database.
async fn export(app: &TestApp) -> Exported {
    let options = export_django::Options {
        format: Format::Sql(dialect(app)),
        out: place(app),
        overwrite: true,
    };
    let mapping = Mapping::parse(ALLAUTH).unwrap();
    let mut left_out = Vec::new();
    let mut listener = |event| match event {
        ExportEvent::LeftOut { reason, .. } => left_out.push(reason.to_owned()),
        ExportEvent::ValueLeftOut { field, reason, .. } => {
            left_out.push(format!("{field}:{reason}"));
        }
        ExportEvent::Started { .. } | ExportEvent::Progress { .. } => {}
    };
    let stop = AtomicBool::new(false);
    let report = export_django::run(&app.app, &mapping, &options, &stop, &mut listener)
        .await
        .unwrap();
    assert!(report.counts.add_up(), "{:?}", report.counts);
    let sql = std::fs::read_to_string(place(app)).unwrap();
    for line in sql
        .lines()
        .filter(|line| !line.starts_with(['-', '\\', '.']))
    {
        assert!(line.ends_with(';'), "a statement is a line: {line}");
    }
    Exported {
        report,
        sql,
        left_out,
    }
}

async fn open(app: &TestApp, django: &Django) -> (Mapping, LegacySource) {
    let mapping = Mapping::parse(ALLAUTH).unwrap();
    let copy = app.app.config.data_dir.join("source.sqlite3");
    let source = LegacySource::open(&django.location, &mapping, &copy)
        .await
        .unwrap();
    (mapping, source)
}

/// Imports, and returns the report with conflicts and quarantined rows as text.
async fn import(app: &TestApp, django: &Django) -> (import::Counts, Vec<String>) {
    let (mapping, mut source) = open(app, django).await;
    let options = import::Options {
        wallets: app.app.config.data_dir.join("wallets.csv"),
        ..import::Options::default()
    };
    let mut told = Vec::new();
    let mut listener = |event| match event {
        import::ImportEvent::Conflict(it) => {
            told.push(format!("{}: {}, {}", it.field, it.theirs, it.ours));
        }
        import::ImportEvent::Quarantined {
            legacy_id, reason, ..
        } => {
            told.push(format!("{legacy_id} {reason}"));
        }
        _ => {}
    };
    let stop = AtomicBool::new(false);
    let report = import::run(
        &app.app,
        &mut source,
        &mapping,
        &options,
        &stop,
        &mut listener,
    );
    let report = report.await.unwrap();
    source.close().await;
    assert!(report.adds_up(), "{:?}", report.counts);
    (report.counts, told)
}

/// Compares both sides.
async fn verify(app: &TestApp, django: &Django) -> (Verification, Vec<String>) {
    let (mapping, mut source) = open(app, django).await;
    let mut findings = Vec::new();
    let mut listener = |event| {
        if let VerifyEvent::Found(finding) = event {
            findings.push(match finding {
                Finding::Missing { .. } => "missing".to_owned(),
                Finding::Open { reason, .. } => format!("open {reason}"),
                Finding::Stale(of) | Finding::Conflict(of) => {
                    format!("{}: {}, {}", of.field, of.theirs, of.ours)
                }
            });
        }
    };
    let stop = AtomicBool::new(false);
    let found = import::verify(&app.app, &mut source, &mapping, &stop, &mut listener);
    let found = found.await.unwrap();
    source.close().await;
    (found, findings)
}

/// People with rows over there that were imported.
async fn imported(people: i64) -> (TestApp, Django) {
    let app = TestApp::spawn().await;
    let django = Django::create(&app).await;
    for id in 1..=people {
        django.person(id).await;
    }
    let (counts, told) = import(&app, &django).await;
    assert_eq!(counts.created, people.unsigned_abs(), "{told:?}");
    (app, django)
}

/// Sets columns of the account with this legacy id.
async fn change_here(app: &TestApp, id: i64, values: &str) {
    app.execute(&format!("UPDATE users SET {values} WHERE legacy_id = {id}"))
        .await;
}

//! Importing the legacy system: what becomes of each kind of row, again and again.
//!
//! `legacy` makes a legacy database: SQLite on the embedded backend, Postgres on the other.

mod again;
mod attacks;
mod canonical;
mod claims;
mod command;
mod gone;
mod killed;
mod legacy;
mod messy;
mod resolve;
mod verify;

use std::sync::atomic::AtomicBool;

use idgate::domain::legacy::{Mapping, SourceTable};
use idgate::services::operator::import::{
    self, Counts, ImportEvent, Options, Report, Resolved, Rule,
};
use idgate::stores::legacy::LegacySource;

use crate::harness::TestApp;
use legacy::{Legacy, email, phone};

/// What an import did.
struct Run {
    report: Report,
    events: Vec<ImportEvent>,
}

impl Run {
    fn counts(&self) -> &Counts {
        &self.report.counts
    }

    /// Quarantined users, as `id reason`.
    fn quarantined(&self) -> Vec<String> {
        let events = self.events.iter().filter_map(|event| match event {
            ImportEvent::Quarantined {
                table,
                legacy_id,
                reason,
                ..
            } => Some(format!("{} {legacy_id} {reason}", table.as_str())),
            _ => None,
        });
        events.collect()
    }

    /// Values set aside, as `id field:reason`.
    fn set_aside(&self) -> Vec<String> {
        let events = self.events.iter().filter_map(|event| match event {
            ImportEvent::SetAside {
                legacy_id,
                set_aside,
                ..
            } => Some(format!("{legacy_id} {set_aside}")),
            _ => None,
        });
        events.collect()
    }

    /// Conflicts, as `id field: theirs, ours`.
    fn conflicts(&self) -> Vec<String> {
        let events = self.events.iter().filter_map(|event| match event {
            ImportEvent::Conflict(it) => Some(format!(
                "{} {}: {}, {}",
                it.legacy_id, it.field, it.theirs, it.ours
            )),
            _ => None,
        });
        events.collect()
    }
}

/// Options that tests change.
fn options(app: &TestApp) -> Options {
    Options {
        batch: 3,
        wallets: app.app.config.data_dir.join("wallets.csv"),
        ..Options::default()
    }
}

async fn run_with(app: &TestApp, legacy: &Legacy, mapping: &str, options: &Options) -> Run {
    let mapping = Mapping::parse(mapping).unwrap();
    let copy = app.app.config.data_dir.join("source-copy.sqlite3");
    let mut source = LegacySource::open(&legacy.location, &mapping, &copy)
        .await
        .unwrap();
    let mut events = Vec::new();
    let report = import::run(
        &app.app,
        &mut source,
        &mapping,
        options,
        &AtomicBool::new(false),
        &mut |event| events.push(event),
    )
    .await
    .unwrap();
    source.close().await;
    assert!(report.adds_up(), "{:?}", report.counts);
    Run { report, events }
}

/// Imports with the default mapping.
async fn run(app: &TestApp, legacy: &Legacy) -> Run {
    run_with(app, legacy, "", &options(app)).await
}

/// A value of the account with this legacy id, as text.
async fn value(app: &TestApp, id: i64, column: &str) -> String {
    let text = format!(
        "SELECT COALESCE(CAST({column} AS TEXT), 'NULL') FROM users WHERE legacy_id = {id}"
    );
    app.text(&text).await
}

/// People that were imported, with addresses and profiles.
async fn imported(people: i64) -> (TestApp, Legacy) {
    let app = TestApp::spawn().await;
    let legacy = Legacy::create(&app).await;
    for id in 1..=people {
        legacy.person(id, &email(id), &phone(id)).await;
    }
    let created = run(&app, &legacy).await.counts().created;
    assert_eq!(created, people.unsigned_abs());
    (app, legacy)
}

/// Sets columns of the account with this legacy id.
async fn change_here(app: &TestApp, id: i64, values: &str) {
    app.execute(&format!("UPDATE users SET {values} WHERE legacy_id = {id}"))
        .await;
}

/// Applies a rule to the users that are open for this reason.
async fn settle(app: &TestApp, reason: &str, rule: Rule) -> Resolved {
    let table = SourceTable::User;
    let keys = import::open_rows(&app.app, table, Some(reason))
        .await
        .unwrap();
    assert!(!keys.is_empty(), "{reason}");
    let mapping = Mapping::parse("").unwrap();
    import::resolve(&app.app, &mapping, table, &keys, &rule)
        .await
        .unwrap()
}

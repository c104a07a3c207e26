//! The report of an import: a table for people, JSON, and a page.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::super::{Failure, counted, say};
use super::html;
use crate::domain::legacy::{Reason, SourceTable};
use crate::services::operator::import::{Conflict, ImportEvent, Report};

/// Rows that a report lists one by one; `--json` tells all of them.
const LISTED: usize = 1_000;
/// Conflicts that the terminal shows.
const SHOWN: usize = 20;

/// Rows that the report lists.
#[derive(Debug, Default)]
pub(super) struct Details {
    pub(super) quarantined: Vec<Quarantined>,
    pub(super) conflicts: Vec<Conflict>,
    pub(super) gone: Vec<(SourceTable, i64)>,
    /// Conflicts beyond those listed.
    pub(super) more_conflicts: u64,
}

/// A quarantined row, or one of which values were set aside.
#[derive(Debug)]
pub(super) struct Quarantined {
    pub(super) table: SourceTable,
    pub(super) legacy_id: i64,
    /// `None` if the row is imported.
    pub(super) reason: Option<Reason>,
    pub(super) set_aside: String,
}

impl Details {
    pub(super) fn note(&mut self, event: ImportEvent) {
        match event {
            ImportEvent::Quarantined {
                table,
                legacy_id,
                reason,
                set_aside,
            } => self.list(Quarantined {
                table,
                legacy_id,
                reason: Some(reason),
                set_aside,
            }),
            ImportEvent::SetAside {
                legacy_id,
                set_aside,
                ..
            } => self.list(Quarantined {
                table: SourceTable::User,
                legacy_id,
                reason: None,
                set_aside,
            }),
            ImportEvent::Conflict(conflict) if self.conflicts.len() < LISTED => {
                self.conflicts.push(conflict);
            }
            ImportEvent::Conflict(_) => self.more_conflicts += 1,
            ImportEvent::Gone { table, legacy_id } if self.gone.len() < LISTED => {
                self.gone.push((table, legacy_id));
            }
            ImportEvent::Restarted => *self = Self::default(),
            ImportEvent::Gone { .. }
            | ImportEvent::Started { .. }
            | ImportEvent::Progress { .. } => {}
        }
    }

    fn list(&mut self, row: Quarantined) {
        if self.quarantined.len() < LISTED {
            self.quarantined.push(row);
        }
    }
}

/// The description of a value that was set aside, `field:reason`.
pub(super) fn described(value: &str) -> String {
    let (field, reason) = value.split_once(':').unwrap_or(("", value));
    let reason = reason.parse::<Reason>().ok();
    let why = reason.map_or("", Reason::description);
    format!("{field}: {why}")
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Refuses files of another kind before anything is done.
pub(super) fn check(files: &[PathBuf]) -> Result<(), Failure> {
    let is_known = |file: &PathBuf| {
        let kind = file.extension().and_then(|kind| kind.to_str());
        matches!(kind, Some("html" | "json"))
    };
    match files.iter().find(|file| !is_known(file)) {
        None => Ok(()),
        Some(file) => Err(Failure::Usage(format!(
            "--report {}: the name has to end with .html or .json",
            file.display()
        ))),
    }
}

/// Writes the report, readable by the user of this process only.
pub(super) fn write(file: &Path, report: &Report, details: &Details) -> Result<(), Failure> {
    let is_page = file.extension().is_some_and(|kind| kind == "html");
    let text = if is_page {
        html::page(report, details)
    } else {
        format!("{:#}\n", as_json(report, details))
    };
    let refused = |error: std::io::Error| Failure::Failed(format!("{}: {error}", file.display()));
    let partial = file.with_extension("partial");
    let _ = std::fs::remove_file(&partial);
    let mut options = OpenOptions::new();
    let mut to = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)
        .map_err(refused)?;
    to.write_all(text.as_bytes()).map_err(refused)?;
    to.sync_all().map_err(refused)?;
    std::fs::rename(&partial, file).map_err(refused)
}

/// An event of `--json`.
pub(super) fn event_as_json(event: &ImportEvent) -> Value {
    match event {
        ImportEvent::Started {
            total,
            done,
            resumed,
        } => {
            json!({ "event": "started", "total": total, "done": done, "resumed": resumed })
        }
        ImportEvent::Progress { done } => json!({ "event": "progress", "done": done }),
        ImportEvent::Restarted => json!({ "event": "restarted" }),
        ImportEvent::Quarantined {
            table,
            legacy_id,
            reason,
            set_aside,
        } => json!({
            "event": "quarantined", "table": table.as_str(), "legacyId": legacy_id,
            "reason": reason.as_str(), "setAside": values(set_aside),
        }),
        ImportEvent::SetAside {
            legacy_id,
            user,
            set_aside,
        } => json!({
            "event": "set_aside", "legacyId": legacy_id, "userId": user,
            "setAside": values(set_aside),
        }),
        ImportEvent::Conflict(conflict) => {
            json!({ "event": "conflict", "conflict": conflict_as_json(conflict) })
        }
        ImportEvent::Gone { table, legacy_id } => {
            json!({ "event": "gone", "table": table.as_str(), "legacyId": legacy_id })
        }
    }
}

fn values(set_aside: &str) -> Vec<&str> {
    set_aside.split(',').filter(|one| !one.is_empty()).collect()
}

fn conflict_as_json(conflict: &Conflict) -> Value {
    json!({
        "legacyId": conflict.legacy_id, "userId": conflict.user, "field": conflict.field,
        "theirs": conflict.theirs, "ours": conflict.ours,
    })
}

pub(super) fn as_json(report: &Report, details: &Details) -> Value {
    let quarantined = details.quarantined.iter().map(|row| {
        json!({
            "table": row.table.as_str(), "legacyId": row.legacy_id,
            "reason": row.reason.map(Reason::as_str), "setAside": values(&row.set_aside),
        })
    });
    let conflicts = details.conflicts.iter().map(conflict_as_json);
    let wallets = report.wallets.as_ref();
    json!({
        "source": report.source,
        "startedAt": time(report.started_at),
        "finishedAt": time(report.finished_at),
        "dryRun": report.dry_run,
        "interrupted": report.interrupted,
        "addsUp": report.adds_up(),
        "counts": report.counts,
        "wallets": wallets.map(|(file, rows)| json!({ "file": file, "rows": rows })),
        "rows": quarantined.collect::<Vec<_>>(),
        "conflicts": conflicts.collect::<Vec<_>>(),
        "gone": details.gone.iter().map(|(table, id)| {
            json!({ "table": table.as_str(), "legacyId": id })
        }).collect::<Vec<_>>(),
    })
}

/// Prints the report as a table.
pub(super) fn print(report: &Report, details: &Details) {
    let counts = &report.counts;
    let what = if report.dry_run {
        "A rehearsal of the import"
    } else {
        "The import"
    };
    say(&format!(
        "{what} of {}, begun {}",
        report.source,
        time(report.started_at)
    ));
    say("");
    say("rows of        source   imported  quarantined  discarded     erased");
    for table in SourceTable::ALL {
        let row = counts.table(table);
        say(&format!(
            "{:<10} {:>10} {:>10} {:>12} {:>10} {:>10}",
            table.as_str(),
            row.source,
            row.imported,
            row.quarantined,
            row.discarded,
            row.erased
        ));
    }
    say("");
    say(&format!(
        "{} new, {} updated, {} unchanged; {} with conflicts; {} gone at the source.",
        counts.created, counts.updated, counts.unchanged, counts.conflicts, counts.gone
    ));
    print_reasons(report);
    print_conflicts(details);
    if let Some((file, rows)) = &report.wallets {
        let wallets = counted(*rows, "balance");
        say(&format!(
            "{wallets} for the finance module: {}",
            file.display()
        ));
    }
    if report.interrupted {
        say("The import was stopped.");
    } else if report.adds_up() {
        say("Every row of the source is accounted for.");
    }
}

fn print_reasons(report: &Report) {
    let counts = &report.counts;
    if !counts.reasons.is_empty() {
        say("");
        say("Quarantined rows; `idgate import resolve` settles them:");
        for (reason, rows) in &counts.reasons {
            let words = reason.parse::<Reason>().map_or("", Reason::description);
            say(&format!("{rows:>10}  {reason:<20} {words}"));
        }
    }
    if !counts.set_aside.is_empty() {
        say("");
        say("Values set aside, of rows that are imported:");
        for (value, rows) in &counts.set_aside {
            say(&format!("{rows:>10}  {}", described(value)));
        }
    }
    say("");
}

fn print_conflicts(details: &Details) {
    if details.conflicts.is_empty() {
        return;
    }
    say("Changed both here and there, so nothing was written:");
    for conflict in details.conflicts.iter().take(SHOWN) {
        say(&format!(
            "{:>10}  {}: there {:?}, here {:?}",
            conflict.legacy_id, conflict.field, conflict.theirs, conflict.ours
        ));
    }
    let rest = details.conflicts.len().saturating_sub(SHOWN);
    if rest > 0 || details.more_conflicts > 0 {
        say("            and more: see --report or --json");
    }
    say("");
}

//! `idgate export django`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::SecondsFormat;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::super::import::{INTERRUPTED, mapping, until_stopped};
use super::super::progress::Progress;
use super::super::{Failure, say, say_error};
use crate::app::App;
use crate::config::Config;
use crate::crypto::random::Random;
use crate::domain::clock::Clock;
use crate::domain::legacy::SqlDialect;
use crate::services::operator::export_django::{
    self, Counts, ExportEvent, ExportProblem, Format, Options, Report,
};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatArgument {
    /// Statements for `psql`.
    Postgres,
    /// Statements for `mysql` or `mariadb`.
    Mysql,
    /// Statements for `sqlite3`.
    Sqlite,
    /// A folder of tables, for other ways of loading them.
    Csv,
}

impl From<FormatArgument> for Format {
    fn from(format: FormatArgument) -> Self {
        match format {
            FormatArgument::Postgres => Self::Sql(SqlDialect::Postgres),
            FormatArgument::Mysql => Self::Sql(SqlDialect::MySql),
            FormatArgument::Sqlite => Self::Sql(SqlDialect::Sqlite),
            FormatArgument::Csv => Self::Csv,
        }
    }
}

/// Write accounts that were made or changed here as rows of the Django database.
///
/// It connects to no other database. It writes a file that you read and then run there:
/// one transaction, which changes nothing when it is run a second time. Values that only the old system
/// changed stay as they are there. Run `idgate import django` before it, if the old system has
/// written anything since the last import.
#[derive(Debug, Args)]
pub(in crate::command) struct Arguments {
    /// The language of the database there, or tables.
    #[arg(long, value_enum)]
    format: FormatArgument,
    /// The file, or for csv the folder. It holds password hashes and personal data, and is readable by
    /// its owner only.
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// Replace what is there.
    #[arg(long)]
    overwrite: bool,
    /// The mapping file of the import, whose section `[export]` says what new rows have beside the fields;
    /// `idgate import django --mapping-example` explains it.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Events and the report as JSON, one a line. Without it the accounts and values that are left out
    /// are counted, not listed.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments, config: Config) -> Result<ExitCode, Failure> {
    let mapping = mapping(arguments.mapping.as_deref())?;
    let app = App::open(Arc::new(config), Clock::System, Random::system()).await?;
    let options = Options {
        format: arguments.format.into(),
        out: arguments.out,
        overwrite: arguments.overwrite,
    };
    let json = arguments.json;
    let mut progress = None;
    let stop = AtomicBool::new(false);
    let report = {
        let mut listener = |event: ExportEvent| tell(&event, json, &mut progress);
        let work = export_django::run(&app, &mapping, &options, &stop, &mut listener);
        until_stopped(Box::pin(work), &stop).await
    };
    drop(progress);
    let report = match report {
        Ok(report) => report,
        Err(ExportProblem::Interrupted) => {
            say_error(&ExportProblem::Interrupted.to_string());
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Err(problem @ ExportProblem::Exists(_)) => return Err(Failure::Usage(problem.to_string())),
        Err(problem) => return Err(Failure::Failed(problem.to_string())),
    };
    super::super::link_events(&app).await;
    conclude(&report, json);
    Ok(if report.counts.add_up() {
        ExitCode::SUCCESS
    } else {
        say_error("the counts do not add up to the accounts");
        ExitCode::FAILURE
    })
}

fn tell(event: &ExportEvent, json: bool, progress: &mut Option<Progress>) {
    if json {
        say(&as_json(event).to_string());
        return;
    }
    match event {
        ExportEvent::Started { total } => *progress = Some(Progress::of(*total, "accounts")),
        ExportEvent::Progress { done } => {
            if let Some(progress) = progress {
                progress.is_at(*done);
            }
        }
        ExportEvent::LeftOut { .. } | ExportEvent::ValueLeftOut { .. } => {}
    }
}

fn as_json(event: &ExportEvent) -> Value {
    match event {
        ExportEvent::Started { total } => json!({ "event": "started", "total": total }),
        ExportEvent::Progress { done } => json!({ "event": "progress", "done": done }),
        ExportEvent::LeftOut {
            user,
            legacy_id,
            reason,
        } => json!({
            "event": "left_out", "userId": user, "legacyId": legacy_id, "reason": reason,
        }),
        ExportEvent::ValueLeftOut {
            user,
            legacy_id,
            field,
            reason,
        } => json!({
            "event": "value_left_out", "userId": user, "legacyId": legacy_id, "field": field,
            "reason": reason,
        }),
    }
}

/// Why an account or a value is not written, in words.
fn described(reason: &str) -> &'static str {
    match reason {
        "deleted" => "made here and deleted again",
        "unconfirmed" => "have never confirmed an address, so that they could not sign in here",
        "not_readable" => "could not be read as a row",
        "not_imported" => "have a legacy id that no import gave them",
        "gone" => "were imported from a row that is gone there",
        "conflict" => {
            "were changed on both sides; `idgate import resolve --reason conflict` settles that"
        }
        "no_place" => "the mapping has no place there for the value",
        _ => "",
    }
}

fn conclude(report: &Report, json: bool) {
    let counts = &report.counts;
    if json {
        say(&json!({
            "event": "finished",
            "format": report.format.as_str(),
            "out": report.out,
            "exportedAt": report.exported_at,
            "lastImportAt": report.last_import_at,
            "counts": counts,
            "addsUp": counts.add_up(),
        })
        .to_string());
        return;
    }
    for line in lines(counts) {
        say(&line);
    }
    say(&match report.last_import_at {
        Some(at) => format!(
            "The last import began at {}: what the old system has written since then is not known here.",
            at.to_rfc3339_opts(SecondsFormat::Secs, true)
        ),
        None => "There has been no import: every account is new there.".to_owned(),
    });
    say(&format!("{} is complete.", report.out.display()));
}

fn lines(counts: &Counts) -> Vec<String> {
    let line = |count: u64, what: &str| format!("{count:>10}  {what}");
    let mut lines = vec![
        line(counts.accounts, "accounts here, of which"),
        line(counts.created, "are new rows"),
        line(counts.changed, "are rows with values that changed here"),
        line(counts.deactivated, "are rows that are not active any more"),
        line(counts.unchanged, "have not changed"),
    ];
    for (reason, count) in &counts.left_out {
        lines.push(line(
            *count,
            &format!("are left out: {}", described(reason)),
        ));
    }
    lines.push(line(
        counts.erased,
        "rows of people who were erased here are emptied",
    ));
    for (value, count) in &counts.values_left_out {
        let (field, reason) = value.split_once(':').unwrap_or((value, ""));
        lines.push(line(
            *count,
            &format!("values left out, {field}: {}", described(reason)),
        ));
    }
    lines
}

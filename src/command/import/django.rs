//! `idgate import django`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, ValueEnum};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::super::progress::Progress;
use super::super::{Failure, say, say_error};
use super::report::{self, Details};
use super::source;
use crate::app::App;
use crate::config::Config;
use crate::crypto::random::Random;
use crate::domain::clock::Clock;
use crate::services::operator::import::{self, ImportEvent, Options, Report};

/// Exit status after an interrupt, as shells have it.
pub(in crate::command) const INTERRUPTED: u8 = 130;

/// What happens to a row of which an optional value is unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnBadValue {
    /// Import it without the value, which is kept for `idgate import resolve`.
    SetAside,
    /// Quarantine it.
    Quarantine,
}

#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(in crate::command) struct Arguments {
    /// The legacy database: `postgres://…`, `mysql://…` or `sqlite://PATH`. With `-` the first line of
    /// standard input, because a command line can be seen by others.
    #[arg(long, value_name = "URL", required_unless_present = "mapping_example")]
    source: Option<String>,
    /// Only say what would happen.
    #[arg(long)]
    dry_run: bool,
    /// Continue an import that was interrupted.
    #[arg(long, conflicts_with = "dry_run")]
    resume: bool,
    /// Users of one transaction.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=5000))]
    batch: u32,
    /// A mapping file, where tables, columns or values differ from the blueprint's.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Print the default mapping as a file, and what can be written there.
    #[arg(long)]
    pub(super) mapping_example: bool,
    /// What happens to a row with an unusable phone number, text or date.
    #[arg(long, value_enum, default_value_t = OnBadValue::SetAside)]
    on_bad_value: OnBadValue,
    /// Write the report to this file, too: .html or .json. It has personal data.
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
    /// Where the balances of wallets go; import/wallets.csv in the data directory by default.
    #[arg(long, value_name = "FILE")]
    wallets: Option<PathBuf>,
    /// Events and the report as JSON, one a line.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments, config: Config) -> Result<ExitCode, Failure> {
    let mapping = super::mapping(arguments.mapping.as_deref())?;
    report::check(&arguments.report)?;
    let location = source::location(arguments.source.as_deref().unwrap_or_default())?;
    let app = App::open(Arc::new(config), Clock::System, Random::system()).await?;
    let folder = source::folder(&app)?;
    let mut source = source::open(&location, &mapping, &folder).await?;
    let options = Options {
        batch: i64::from(arguments.batch),
        resume: arguments.resume,
        dry_run: arguments.dry_run,
        quarantine_values: arguments.on_bad_value == OnBadValue::Quarantine,
        wallets: arguments
            .wallets
            .unwrap_or_else(|| folder.join("wallets.csv")),
    };
    let mut details = Details::default();
    let mut teller = Teller {
        json: arguments.json,
        progress: None,
    };
    let stop = AtomicBool::new(false);
    let report = {
        let mut listener = |event: ImportEvent| {
            teller.tell(&event);
            details.note(event);
        };
        let work = Box::pin(import::run(
            &app,
            &mut source,
            &mapping,
            &options,
            &stop,
            &mut listener,
        ));
        until_stopped(work, &stop).await
    };
    drop(teller);
    source.close().await;
    let report = report.map_err(source::failure)?;
    super::super::link_events(&app).await;
    conclude(&arguments.report, arguments.json, &report, &details)
}

/// Prints and writes the report, and decides about the exit status.
fn conclude(
    files: &[PathBuf],
    json: bool,
    report: &Report,
    details: &Details,
) -> Result<ExitCode, Failure> {
    if json {
        say(
            &json!({ "event": "finished", "report": report::as_json(report, details) }).to_string(),
        );
    } else {
        report::print(report, details);
    }
    for file in files {
        report::write(file, report, details)?;
    }
    if report.interrupted {
        if !report.dry_run {
            say_error("stopped; continue with --resume");
        }
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(if report.adds_up() {
        ExitCode::SUCCESS
    } else {
        say_error("the counts differ from the source's");
        ExitCode::FAILURE
    })
}

/// Waits for the work; the first interrupt makes it stop after its batch.
pub(in crate::command) async fn until_stopped<T>(
    work: impl Future<Output = T>,
    stop: &AtomicBool,
) -> T {
    let mut terminated = signal(SignalKind::terminate()).ok();
    let mut work = std::pin::pin!(work);
    loop {
        let terminate = async {
            match &mut terminated {
                Some(signal) => drop(signal.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            done = &mut work => return done,
            _ = tokio::signal::ctrl_c() => stop.store(true, Ordering::Relaxed),
            () = terminate => stop.store(true, Ordering::Relaxed),
        }
    }
}

/// Tells what happens while it happens.
struct Teller {
    json: bool,
    progress: Option<Progress>,
}

impl Teller {
    fn tell(&mut self, event: &ImportEvent) {
        if self.json {
            say(&report::event_as_json(event).to_string());
            return;
        }
        match event {
            ImportEvent::Started {
                total,
                done,
                resumed,
            } => {
                if *resumed {
                    say_error(&format!("continues after {done} of {total} users"));
                }
                let mut progress = Progress::of(*total, "users");
                progress.is_at(*done);
                self.progress = Some(progress);
            }
            ImportEvent::Progress { done } => {
                if let Some(progress) = &mut self.progress {
                    progress.is_at(*done);
                }
            }
            ImportEvent::Restarted => {
                say_error("the source has changed meanwhile; reading it from the beginning");
            }
            ImportEvent::Quarantined { .. }
            | ImportEvent::SetAside { .. }
            | ImportEvent::Conflict(_)
            | ImportEvent::Gone { .. } => {}
        }
    }
}

//! `idgate audit`: whether the record of what happened is as it was written.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;

use super::{Failure, say};
use crate::app::App;
use crate::config::Config;
use crate::crypto::random::Random;
use crate::domain::clock::Clock;
use crate::services::operator::audit_verify::{self, Report};

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Check every event and every link of the chain; exits with 1 and names the first row that
    /// does not hold.
    Verify {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(action: Action, config: Config) -> Result<ExitCode, Failure> {
    let Action::Verify { json } = action;
    let app = App::build(Arc::new(config), Clock::System, Random::system()).await?;
    let is_watched = std::io::stderr().is_terminal();
    let report = audit_verify::verify(&app, |read, all| {
        if is_watched {
            let _ = write!(std::io::stderr(), "\r{read} of {all} links");
        }
    })
    .await?;
    if is_watched {
        // The progress makes room for the answer.
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
    if json {
        say(&as_json(&report).to_string());
        return Ok(if report.broken.is_none() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    if let Some(broken) = &report.broken {
        return Err(Failure::Failed(format!(
            "the audit log does not hold: {broken}; {} events and {} links before it hold",
            report.events, report.links
        )));
    }
    tell(&report);
    Ok(ExitCode::SUCCESS)
}

fn tell(report: &Report) {
    say(&format!(
        "The audit log holds: {} events, {} of them linked, {} checkpoints.",
        report.events, report.links, report.checkpoints
    ));
    if report.removed_through > 0 {
        say(&format!(
            "Retention has removed what was before position {}.",
            report.removed_through + 1
        ));
    }
    say(&format!(
        "{} events wait for their link: the removal of one of them would not show.",
        report.unsealed
    ));
    say(&format!(
        "The chain ends at position {} with {}.",
        report.position, report.hash
    ));
}

fn as_json(report: &Report) -> serde_json::Value {
    let broken = report.broken.as_ref().map(|broken| {
        serde_json::json!({
            "flaw": broken.flaw.as_str(),
            "position": broken.position,
            "event": broken.event,
            "message": broken.to_string(),
        })
    });
    serde_json::json!({
        "holds": report.broken.is_none(),
        "events": report.events,
        "links": report.links,
        "unsealed": report.unsealed,
        "checkpoints": report.checkpoints,
        "removedThrough": report.removed_through,
        "position": report.position,
        "hash": report.hash,
        "broken": broken,
    })
}

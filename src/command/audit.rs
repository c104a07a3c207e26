//! `idgate audit`: verifying the audit log and printing anchors.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;

use super::progress::Progress;
use super::{Failure, counted, say};
use crate::app::App;
use crate::config::Config;
use crate::crypto::random::Random;
use crate::domain::clock::Clock;
use crate::services::operator::audit_anchor::{self, Anchor, AnchorParseError};
use crate::services::operator::audit_verify::{self, Finding, IntegrityError, Report};

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Check every event and every link of the chain; exits with 1 and names the first row that
    /// does not hold.
    Verify {
        /// An anchor that the chain has to contain, or a file with one on each line; may be given
        /// more than once. Exits with 1 if the log is an earlier copy or was written anew, and with
        /// 2 if retention has removed whatever the anchors could be compared with.
        #[arg(long = "anchor", value_name = "FILE|POSITION:HASH")]
        anchors: Vec<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the last position and hash of the chain, to be kept apart from the database.
    Anchor {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(action: Action, config: Config) -> Result<ExitCode, Failure> {
    // Parsed first: a typing error needs no database.
    let anchors = match &action {
        Action::Verify { anchors, .. } => read_anchors(anchors)?,
        Action::Anchor { .. } => Vec::new(),
    };
    let app = App::open(Arc::new(config), Clock::System, Random::system()).await?;
    match action {
        Action::Verify { json, .. } => verify(&app, anchors, json).await,
        Action::Anchor { json } => {
            let last = audit_anchor::current(&app).await?.ok_or_else(|| {
                Failure::Failed(
                    "there is nothing to anchor yet: no event is linked; a running gateway links \
                     the first within a second"
                        .to_owned(),
                )
            })?;
            say(&if json {
                anchor_as_json(&last).to_string()
            } else {
                last.to_string()
            });
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The anchors of the command line, and of the files that it names.
fn read_anchors(given: &[String]) -> Result<Vec<Anchor>, Failure> {
    let mut anchors = Vec::new();
    for text in given {
        match Anchor::parse(text) {
            Ok(anchor) => {
                anchors.push(anchor);
                continue;
            }
            Err(AnchorParseError::Malformed) => {}
            Err(truncated) => {
                return Err(Failure::Usage(format!(
                    "--anchor {text}: {truncated}; {EXPECTED_FORM}"
                )));
            }
        }
        let file = std::fs::read_to_string(text).map_err(|error| {
            Failure::Usage(format!(
                "--anchor {text}: neither POSITION:HASH nor a file that can be read: {error}"
            ))
        })?;
        let lines = file.lines().enumerate();
        let written = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let before = anchors.len();
        for (number, line) in written {
            anchors.push(read_line(line).map_err(|reason| {
                let number = number + 1;
                Failure::Usage(format!(
                    "--anchor {text}: line {number} is {reason}; {EXPECTED_FORM}"
                ))
            })?);
        }
        if anchors.len() == before {
            return Err(Failure::Usage(format!(
                "--anchor {text}: there is no anchor in the file"
            )));
        }
    }
    Ok(anchors)
}

const EXPECTED_FORM: &str = "write what `idgate audit anchor` prints";

/// Parses a line as `idgate audit anchor` prints it, or the JSON that it and `verify` print.
fn read_line(line: &str) -> Result<Anchor, AnchorParseError> {
    let other = AnchorParseError::Malformed;
    match Anchor::parse(line) {
        Err(AnchorParseError::Malformed) => {}
        read => return read,
    }
    let value: serde_json::Value = serde_json::from_str(line).map_err(|_| other)?;
    let member = |name: &str| value.get(name).ok_or(other);
    Anchor::from_parts(
        member("position")?.as_i64().ok_or(other)?,
        member("hash")?.as_str().ok_or(other)?,
    )
}

fn anchor_as_json(anchor: &Anchor) -> serde_json::Value {
    serde_json::json!({ "position": anchor.position, "hash": anchor.hash_hex() })
}

async fn verify(app: &App, anchors: Vec<Anchor>, json: bool) -> Result<ExitCode, Failure> {
    let mut progress = None;
    let report = audit_verify::verify(app, anchors, |read, all| {
        let (read, all) = (read.unsigned_abs(), all.unsigned_abs());
        let progress = progress.get_or_insert_with(|| Progress::of(all, "links"));
        progress.is_at(read);
    })
    .await?;
    drop(progress);
    let nothing_compared = report.anchors == 0 && !report.expired_anchors.is_empty();
    if json {
        say(&as_json(&report).to_string());
        return Ok(match &report.finding {
            Some(_) => ExitCode::FAILURE,
            None if nothing_compared => ExitCode::from(2),
            None => ExitCode::SUCCESS,
        });
    }
    if let Some(finding) = &report.finding {
        return Err(Failure::Failed(failure_text(finding, &report)));
    }
    if nothing_compared {
        return Err(Failure::Usage(format!(
            "the audit log holds, but no anchor could be compared: retention has removed what was \
             before position {}; keep newer anchors",
            report.removed_through + 1
        )));
    }
    print_summary(&report);
    Ok(ExitCode::SUCCESS)
}

/// Why the log fails verification or cannot be verified, and how much of it is valid.
fn failure_text(finding: &Finding, report: &Report) -> String {
    let judged = match finding.error {
        IntegrityError::UnknownKey => "the audit log cannot be checked",
        _ => "the audit log does not hold",
    };
    if report.events == 0 {
        return format!("{judged}: {finding}");
    }
    let events = counted(report.events, "event");
    let links = counted(report.links, "link");
    format!("{judged}: {finding}; {events} and {links} before that hold")
}

fn print_summary(report: &Report) {
    say(&format!(
        "The audit log holds: {}, {} of them linked, {}.",
        counted(report.events, "event"),
        report.links,
        counted(report.checkpoints, "checkpoint")
    ));
    if report.removed_through > 0 {
        say(&format!(
            "Retention has removed what was before position {}.",
            report.removed_through + 1
        ));
    }
    match report.anchors {
        0 => {}
        1 => say("1 anchor is part of it."),
        many => say(&format!("{many} anchors are part of it.")),
    }
    match report.expired_anchors.len() {
        0 => {}
        1 => say("1 anchor is older than what retention has kept, and says nothing."),
        many => say(&format!(
            "{many} anchors are older than what retention has kept, and say nothing."
        )),
    }
    match report.unlinked {
        0 => say("No event waits for its link."),
        1 => say("1 event waits for its link: its removal would not show."),
        many => say(&format!(
            "{many} events wait for their link: the removal of one of them would not show."
        )),
    }
    match report.position {
        0 => say("The chain has no link yet."),
        position => say(&format!(
            "The chain ends at position {position} with {}.",
            report.hash
        )),
    }
}

fn as_json(report: &Report) -> serde_json::Value {
    let finding = report.finding.as_ref().map(|finding| {
        serde_json::json!({
            "flaw": finding.error.as_str(),
            "position": finding.position,
            "event": finding.event,
            "message": finding.to_string(),
        })
    });
    let expired: Vec<String> = report
        .expired_anchors
        .iter()
        .map(ToString::to_string)
        .collect();
    serde_json::json!({
        "holds": report.finding.is_none(),
        "events": report.events,
        "links": report.links,
        "unsealed": report.unlinked,
        "checkpoints": report.checkpoints,
        "removedThrough": report.removed_through,
        "position": report.position,
        "hash": report.hash,
        "anchors": report.anchors,
        "outlivedAnchors": expired,
        "broken": finding,
    })
}

//! `idgate import verify`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::super::progress::Progress;
use super::super::{Failure, counted, say, say_error};
use super::django::{INTERRUPTED, until_stopped};
use super::source;
use crate::app::App;
use crate::config::Config;
use crate::crypto::random::Random;
use crate::domain::clock::Clock;
use crate::domain::legacy::Mapping;
use crate::services::operator::import::{
    self, Conflict, Finding, Tried, Verification, VerifyEvent, try_credential,
};
use crate::stores::legacy::LegacySource;

/// Findings that the terminal shows; `--json` tells all of them.
const SHOWN: u64 = 50;

#[derive(Debug, Args)]
pub(in crate::command) struct Arguments {
    /// The legacy database, as for `import django`.
    #[arg(long, value_name = "URL")]
    source: String,
    /// The mapping file of the import.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Known credentials to try on both sides: in each line an e-mail address or phone number, a tab
    /// and a password.
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Findings and the result as JSON, one a line. Findings have personal data.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments, config: Config) -> Result<ExitCode, Failure> {
    let mapping = super::mapping(arguments.mapping.as_deref())?;
    let credentials = match &arguments.credentials {
        Some(file) => read_credentials(file)?,
        None => Vec::new(),
    };
    let location = source::location(&arguments.source)?;
    let app = App::open(Arc::new(config), Clock::System, Random::system()).await?;
    let folder = source::folder(&app)?;
    let mut source = source::open(&location, &mapping, &folder).await?;
    let stop = AtomicBool::new(false);
    let mut teller = Teller {
        json: arguments.json,
        progress: None,
        findings: 0,
    };
    let verification = {
        let mut listener = |event: VerifyEvent| teller.tell(event);
        let work = import::verify(&app, &mut source, &mapping, &stop, &mut listener);
        until_stopped(Box::pin(work), &stop).await
    };
    teller.progress = None;
    let verification = verification.map_err(source::failure)?;
    let tried = tried(&app, &mut source, &mapping, credentials).await?;
    source.close().await;
    if verification.interrupted {
        say_error("stopped before the end");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(conclude(&verification, &tried, arguments.json))
}

/// A line of the file: its number, the address and the password.
struct Credential {
    line: usize,
    address: String,
    password: Zeroizing<String>,
}

fn read_credentials(file: &Path) -> Result<Vec<Credential>, Failure> {
    let refused = |why: String| Failure::Usage(format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| refused(error.to_string()))?;
    let text = Zeroizing::new(text);
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.is_empty());
    lines
        .map(|(line, number)| {
            let (address, password) = line
                .split_once('\t')
                .ok_or_else(|| refused(format!("line {number} has no tab")))?;
            Ok(Credential {
                line: number,
                address: address.to_owned(),
                password: password.to_owned().into(),
            })
        })
        .collect()
}

/// Tries each; returns the numbers of the lines.
async fn tried(
    app: &App,
    source: &mut LegacySource,
    mapping: &Mapping,
    credentials: Vec<Credential>,
) -> Result<Vec<(usize, Tried)>, Failure> {
    let mut all = Vec::with_capacity(credentials.len());
    for credential in credentials {
        let secret = credential.password.as_str().into();
        let tried = try_credential(app, source, mapping, &credential.address, secret).await;
        all.push((credential.line, tried.map_err(source::failure)?));
    }
    Ok(all)
}

/// Prints the result, and decides about the exit status.
fn conclude(verification: &Verification, tried: &[(usize, Tried)], json: bool) -> ExitCode {
    let failed: Vec<_> = tried.iter().filter(|(_, tried)| !tried.is_fine()).collect();
    let is_safe = verification.is_safe() && failed.is_empty();
    if json {
        say(&as_json(verification, tried, is_safe).to_string());
    } else {
        for (count, what) in lines(verification) {
            say(&format!("{count:>10}  {what}"));
        }
        for (line, tried) in &failed {
            say(&format!(
                "line {line} of the credentials: {}",
                described(*tried)
            ));
        }
        let passed = tried.len() - failed.len();
        if !tried.is_empty() {
            let all = counted(tried.len() as u64, "credential");
            say(&format!("{passed} of {all} sign in here as there"));
        }
        say(if is_safe {
            "A switch-over is safe."
        } else {
            "A switch-over is not safe yet."
        });
        advise(verification);
    }
    if is_safe {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn lines(found: &Verification) -> [(u64, &'static str); 9] {
    [
        (found.users, "users there"),
        (found.equal, "accounts agree in every field"),
        (found.changed_here, "were changed here alone"),
        (found.left_out, "were left out or erased here"),
        (found.missing, "were never imported"),
        (found.open, "wait for a decision"),
        (found.stale, "were changed there since the last import"),
        (found.conflicts, "were changed on both sides"),
        (found.gone, "accounts here are gone there"),
    ]
}

/// What to do next.
fn advise(found: &Verification) {
    if found.missing + found.stale > 0 {
        say("Run `idgate import django` again.");
    }
    if found.open + found.conflicts > 0 {
        say("`idgate import resolve --all` lists what has to be decided.");
    }
    if !found.adds_up() {
        let accounts = found.accounts;
        say(&format!(
            "The numbers do not add up: {accounts} accounts here have a legacy id."
        ));
    }
}

const fn described(tried: Tried) -> &'static str {
    match tried {
        Tried::Both => "signs in on both sides",
        Tried::OnlyThere => "signs in there, and not here",
        Tried::OnlyHere => "signs in here, and not there",
        Tried::Neither => "signs in on neither side",
        Tried::NoAccount => "no imported account has this address",
    }
}

fn as_json(found: &Verification, tried: &[(usize, Tried)], is_safe: bool) -> Value {
    let tried = tried.iter().map(|(line, tried)| {
        json!({ "line": line, "result": described(*tried), "fine": tried.is_fine() })
    });
    json!({
        "event": "finished",
        "safe": is_safe,
        "users": found.users,
        "equal": found.equal,
        "changedHere": found.changed_here,
        "leftOut": found.left_out,
        "missing": found.missing,
        "open": found.open,
        "stale": found.stale,
        "conflicts": found.conflicts,
        "gone": found.gone,
        "accounts": found.accounts,
        "addsUp": found.adds_up(),
        "credentials": tried.collect::<Vec<_>>(),
    })
}

/// Tells what is found.
struct Teller {
    json: bool,
    progress: Option<Progress>,
    findings: u64,
}

impl Teller {
    fn tell(&mut self, event: VerifyEvent) {
        match event {
            VerifyEvent::Started { total } if self.json => {
                say(&json!({ "event": "started", "total": total }).to_string());
            }
            VerifyEvent::Progress { done } if self.json => {
                say(&json!({ "event": "progress", "done": done }).to_string());
            }
            VerifyEvent::Started { total } => self.progress = Some(Progress::of(total, "users")),
            VerifyEvent::Progress { done } => {
                if let Some(progress) = &mut self.progress {
                    progress.is_at(done);
                }
            }
            VerifyEvent::Found(finding) => self.find(&finding),
        }
    }

    fn find(&mut self, finding: &Finding) {
        self.findings += 1;
        if self.json {
            say(&finding_as_json(finding).to_string());
        } else if self.findings <= SHOWN {
            say(&shown(finding));
        } else if self.findings == SHOWN + 1 {
            say("… and more, which --json tells");
        }
    }
}

fn shown(finding: &Finding) -> String {
    match finding {
        Finding::Missing { legacy_id } => format!("row {legacy_id} was never imported"),
        Finding::Open { legacy_id, reason } => {
            format!("row {legacy_id} is quarantined: {}", reason.description())
        }
        Finding::Stale(of) => format!("{}; changed there since the last import", values(of)),
        Finding::Conflict(of) => format!("{}; changed on both sides", values(of)),
    }
}

fn values(of: &Conflict) -> String {
    format!(
        "row {}, {}: {:?} there, {:?} here",
        of.legacy_id, of.field, of.theirs, of.ours
    )
}

fn finding_as_json(finding: &Finding) -> Value {
    match finding {
        Finding::Missing { legacy_id } => json!({ "event": "missing", "legacyId": legacy_id }),
        Finding::Open { legacy_id, reason } => {
            json!({ "event": "open", "legacyId": legacy_id, "reason": reason.as_str() })
        }
        Finding::Stale(of) => of_json("stale", of),
        Finding::Conflict(of) => of_json("conflict", of),
    }
}

fn of_json(event: &str, of: &Conflict) -> Value {
    json!({
        "event": event, "legacyId": of.legacy_id, "userId": of.user, "field": of.field,
        "theirs": of.theirs, "ours": of.ours,
    })
}

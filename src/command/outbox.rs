//! `idgate outbox`: dead letters, without their recipients and contents, and stored objects whose
//! removal has failed so far.

use std::process::ExitCode;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::{ArgGroup, Subcommand};

use super::{Failure, counted, say};
use crate::app::App;
use crate::config::Config;
use crate::crypto::random::Random;
use crate::domain::clock::Clock;
use crate::domain::ids::MessageId;
use crate::services::operator::outbox::{self, DeadLetter, Removal, Requeued};

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List dead letters, newest first, and removals of pictures that have failed so far.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// How many at most.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        limit: u64,
    },
    /// Send dead letters again, unless they have expired, and try failed removals now: one, or all.
    #[command(group(ArgGroup::new("which").required(true).args(["id", "all"])))]
    Retry {
        /// The id of the message or removal, from `list`.
        id: Option<MessageId>,
        /// All dead letters and failed removals.
        #[arg(long)]
        all: bool,
    },
}

pub(super) async fn run(action: Action, config: Config) -> Result<ExitCode, Failure> {
    let app = App::open(Arc::new(config), Clock::System, Random::system()).await?;
    match action {
        Action::List { json, limit } => {
            let dead = outbox::dead_letters(&app, limit).await?;
            list(&dead, &outbox::failed_removals(&app, limit).await?, json);
        }
        Action::Retry { id, all: _ } => {
            let removals = outbox::retry_removals(&app, id.map(|id| id.uuid().into())).await?;
            match id {
                Some(id) if removals > 0 => say(&format!("The removal {id} is tried again.")),
                _ => report(id, outbox::retry(&app, id).await?)?,
            }
            if id.is_none() && removals > 0 {
                let removals = counted(removals, "removal");
                say(&format!(
                    "{removals} of a stored object will be tried again."
                ));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(dead: &[DeadLetter], removals: &[Removal], json: bool) {
    if json {
        let removals = removals.iter().map(removal_as_json);
        let rows: Vec<_> = dead.iter().map(as_json).chain(removals).collect();
        say(&serde_json::Value::Array(rows).to_string());
        return;
    }
    for message in dead {
        say(&format!(
            "{}  {}  {}  {} attempts  written {}  {}",
            message.id,
            message.kind,
            message.channel,
            message.attempts,
            message
                .created_at
                .to_rfc3339_opts(SecondsFormat::Secs, true),
            message.last_failure,
        ));
    }
    if dead.is_empty() {
        say("No message was given up.");
    } else {
        say(
            "Send them again with `idgate outbox retry ID`, or all with `idgate outbox retry --all`.",
        );
    }
    list_removals(removals);
}

/// Removals are never given up, so nothing has to be done about them but to mend the storage.
fn list_removals(removals: &[Removal]) {
    if removals.is_empty() {
        return;
    }
    say("Pictures whose removal has failed so far; each is tried again by itself:");
    let time = |at: &DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    for removal in removals {
        say(&format!(
            "{}  {}  {}  {} attempts  since {}  next {}  {}",
            removal.id,
            removal.storage,
            removal.object,
            removal.attempts,
            time(&removal.created_at),
            time(&removal.due_at),
            removal.last_failure.as_deref().unwrap_or_default(),
        ));
    }
}

fn removal_as_json(removal: &Removal) -> serde_json::Value {
    serde_json::json!({
        "id": removal.id,
        "kind": "media_removal",
        "channel": "media",
        "storage": removal.storage,
        "object": removal.object,
        "attempts": removal.attempts,
        "lastFailure": removal.last_failure,
        "createdAt": removal.created_at,
        "deadAt": null,
        "nextAttemptAt": removal.due_at,
    })
}

fn report(id: Option<MessageId>, requeued: Requeued) -> Result<(), Failure> {
    if let Some(id) = id {
        return match requeued {
            Requeued { requeued: 1.., .. } => {
                say(&format!("{id} will be sent again."));
                Ok(())
            }
            Requeued { expired: 1.., .. } => Err(Failure::Failed(format!(
                "{id} has expired: what it says is of no use any more; ask the person to try again"
            ))),
            _ => Err(Failure::Failed(format!(
                "no message {id} was given up; `idgate outbox list` shows those that were"
            ))),
        };
    }
    say(&format!(
        "{} will be sent again.",
        counted(requeued.requeued, "message")
    ));
    match requeued.expired {
        0 => {}
        1 => say("1 has expired and stays."),
        many => say(&format!("{many} have expired and stay.")),
    }
    Ok(())
}

fn as_json(message: &DeadLetter) -> serde_json::Value {
    serde_json::json!({
        "id": message.id,
        "kind": message.kind,
        "channel": message.channel,
        "attempts": message.attempts,
        "lastFailure": message.last_failure,
        "createdAt": message.created_at,
        "deadAt": message.dead_at,
        "expiresAt": message.expires_at,
    })
}

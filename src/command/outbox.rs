//! `idgate outbox`: dead letters, without their recipients and contents.

use std::process::ExitCode;
use std::sync::Arc;

use chrono::SecondsFormat;
use clap::{ArgGroup, Subcommand};

use super::{Failure, counted, say};
use crate::app::App;
use crate::config::Config;
use crate::crypto::random::Random;
use crate::domain::clock::Clock;
use crate::domain::ids::MessageId;
use crate::services::operator::outbox::{self, DeadLetter, Requeued};

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List dead letters, newest first.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// How many at most.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        limit: u64,
    },
    /// Send dead letters again, unless they have expired: one, or all.
    #[command(group(ArgGroup::new("which").required(true).args(["id", "all"])))]
    Retry {
        /// The id of the message, from `list`.
        id: Option<MessageId>,
        /// All dead letters.
        #[arg(long)]
        all: bool,
    },
}

pub(super) async fn run(action: Action, config: Config) -> Result<ExitCode, Failure> {
    let app = App::open(Arc::new(config), Clock::System, Random::system()).await?;
    match action {
        Action::List { json, limit } => list(&outbox::dead_letters(&app, limit).await?, json),
        Action::Retry { id, all: _ } => report(id, outbox::retry(&app, id).await?)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(dead: &[DeadLetter], json: bool) {
    if json {
        let rows: Vec<_> = dead.iter().map(as_json).collect();
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

//! `idgate keys`: the keys that sign access tokens.

use std::process::ExitCode;
use std::sync::Arc;

use chrono::SecondsFormat;
use clap::Subcommand;

use super::{Failure, link_events, say};
use crate::app::App;
use crate::config::Config;
use crate::crypto::random::Random;
use crate::domain::clock::Clock;
use crate::services::operator::keys::{self, KeySummary, Rotation};

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List the published keys, newest first.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Publish a new key; it signs once every verifier can have fetched it.
    Rotate {
        /// The current keys have leaked: withdraw them at once. Every access token becomes invalid, and
        /// clients have to refresh.
        #[arg(long)]
        compromised: bool,
    },
}

pub(super) async fn run(action: Action, config: Config) -> Result<ExitCode, Failure> {
    let app = App::open(Arc::new(config), Clock::System, Random::system()).await?;
    match action {
        Action::List { json } => {
            let listed = keys::list(&app).await?;
            if json {
                let rows: Vec<_> = listed.iter().map(as_json).collect();
                say(&serde_json::Value::Array(rows).to_string());
            } else {
                for key in &listed {
                    let state = if key.signs { "signs" } else { "published" };
                    let from = key.active_from.to_rfc3339();
                    say(&format!(
                        "{}  {}  {state}  active from {from}",
                        key.kid, key.algorithm
                    ));
                }
                if listed.is_empty() {
                    say("There is no key yet; the first `idgate serve` makes one.");
                }
            }
        }
        Action::Rotate { compromised } => {
            let Rotation { key, withdrawn } = keys::rotate(&app, compromised).await?;
            link_events(&app).await;
            say(&format!(
                "{} was published and signs from {}.",
                key.kid,
                key.active_from.to_rfc3339_opts(SecondsFormat::Secs, true)
            ));
            for kid in &withdrawn {
                say(&format!("{kid} was withdrawn."));
            }
            if !withdrawn.is_empty() {
                let age = app.config.keys.jwks_max_age_seconds;
                say(&format!(
                    "Access tokens that were signed before stop working here within seconds; clients \
                     refresh and go on. Services that check tokens by themselves take them for as \
                     long as they keep the old keys, {age} seconds at most if they heed \
                     Cache-Control: restart them if that is too long."
                ));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(key: &KeySummary) -> serde_json::Value {
    serde_json::json!({
        "kid": key.kid,
        "algorithm": key.algorithm,
        "createdAt": key.created_at,
        "activeFrom": key.active_from,
        "signs": key.signs,
    })
}

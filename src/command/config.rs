//! `idgate config`: what is set, where it comes from, and whether it can be used.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Failure, say, serve};
use crate::app;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List every setting with its value and where that comes from; secrets stay hidden.
    Show {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say whether `idgate serve` would take this configuration.
    Check {
        /// Ask the database, Redis and the mail server too whether they can be used from here.
        #[arg(long)]
        connect: bool,
    },
}

pub(super) async fn run(action: &Action, config: &Config) -> Result<ExitCode, Failure> {
    match action {
        Action::Show { json: true } => {
            let text = serde_json::to_string_pretty(config.describe())
                .map_err(|error| Failure::Failed(error.to_string()))?;
            say(&text);
        }
        Action::Show { json: false } => {
            for setting in config.describe() {
                say(&setting.to_string());
            }
        }
        Action::Check { connect } => {
            serve::check(config).await?;
            if *connect {
                let problems = Box::pin(app::connection_problems(config)).await?;
                if !problems.is_empty() {
                    return Err(Failure::Failed(problems.join("\nidgate: ")));
                }
            }
            for warning in config.warnings() {
                say(&format!("warning: {warning}"));
            }
            say(if *connect {
                "The configuration can be used, and so can the servers that it names."
            } else {
                "The configuration can be used."
            });
        }
    }
    Ok(ExitCode::SUCCESS)
}

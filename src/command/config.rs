//! `idgate config`: what is set, where it comes from, and whether it can be used.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Failure, say, serve};
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
    Check,
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
        Action::Check => {
            serve::check(config).await?;
            for warning in config.warnings() {
                say(&format!("warning: {warning}"));
            }
            say("The configuration can be used.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

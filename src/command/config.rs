//! `idgate config`: the settings in force and where they come from, whether they can be used, and the
//! reference.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Failure, generated, say, serve};
use crate::app;
use crate::config::{Config, reference};

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List every setting with its value and where that comes from; secrets stay hidden.
    Show(Show),
    /// Say whether `idgate serve` would accept this configuration.
    Check(Check),
    /// Print a configuration file with every setting and its default, or check or write the reference.
    Reference(Reference),
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Connect to the database, Redis and the mail server too.
    #[arg(long)]
    connect: bool,
}

#[derive(Debug, Args)]
pub(super) struct Reference {
    /// Fail unless config/default.toml and docs/configuration.md are what this binary has.
    #[arg(long, conflicts_with = "write")]
    check: bool,
    /// Write config/default.toml and docs/configuration.md.
    #[arg(long)]
    write: bool,
    /// The project folder, for --check and --write.
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    project: PathBuf,
}

pub(super) fn show(arguments: &Show, config: &Config) -> Result<ExitCode, Failure> {
    if arguments.json {
        let text = serde_json::to_string_pretty(config.describe())
            .map_err(|error| Failure::Failed(error.to_string()))?;
        say(&text);
    } else {
        for setting in config.describe() {
            say(&setting.to_string());
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn check(arguments: &Check, config: &Config) -> Result<ExitCode, Failure> {
    serve::check(config).await?;
    if arguments.connect {
        let problems = Box::pin(app::connection_problems(config)).await?;
        if !problems.is_empty() {
            return Err(Failure::Failed(problems.join("\nidgate: ")));
        }
    }
    for warning in config.warnings() {
        say(&format!("warning: {warning}"));
    }
    say(if arguments.connect {
        "The configuration can be used, and so can the servers that it names."
    } else {
        "The configuration can be used."
    });
    Ok(ExitCode::SUCCESS)
}

/// Needs no configuration, so that a wrong one does not keep anyone from reading what is right.
pub(super) fn reference(arguments: &Reference) -> Result<ExitCode, Failure> {
    if !arguments.check && !arguments.write {
        say(reference::default_toml().trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let files = [
        ("config/default.toml", reference::default_toml()),
        ("docs/configuration.md", reference::markdown()),
    ];
    let files = files.map(|(file, text)| (arguments.project.join(file), text));
    generated::write_or_check(files, arguments.write, "idgate config reference --write")
}

//! `idgate import`: the accounts of the legacy system.

mod django;
mod html;
mod report;
mod resolve;
mod source;
mod verify;

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

pub(super) use self::django::{INTERRUPTED, until_stopped};
use super::Failure;
use crate::config::Config;
use crate::domain::legacy::Mapping;

/// More than any mapping needs, so that a wrong path cannot fill the memory.
const MAX_MAPPING_BYTES: u64 = 1_048_576;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Read a Django database and bring its accounts up to date here; run it as often as you like.
    Django(django::Arguments),
    /// Compare the Django database with what stands here, and say whether a switch-over is safe.
    Verify(verify::Arguments),
    /// List or settle quarantined rows, values set aside and conflicts.
    Resolve(resolve::Arguments),
}

pub(super) fn run(
    action: Action,
    config: impl FnOnce() -> Result<Config, Failure>,
) -> Result<ExitCode, Failure> {
    match action {
        Action::Django(arguments) if arguments.mapping_example => {
            super::say(crate::domain::legacy::EXAMPLE.trim_end());
            Ok(ExitCode::SUCCESS)
        }
        Action::Django(arguments) => super::block_on(django::run(arguments, config()?)),
        Action::Verify(arguments) => super::block_on(verify::run(arguments, config()?)),
        Action::Resolve(arguments) => super::block_on(resolve::run(arguments, config()?)),
    }
}

/// Reads a mapping file, or the default.
pub(super) fn mapping(file: Option<&Path>) -> Result<Mapping, Failure> {
    let text = match file {
        None => String::new(),
        Some(file) => {
            let refused = |why: String| Failure::Usage(format!("{}: {why}", file.display()));
            let size = std::fs::metadata(file).map_err(|error| refused(error.to_string()))?;
            if size.len() > MAX_MAPPING_BYTES {
                return Err(refused("the file is larger than 1 MiB".to_owned()));
            }
            std::fs::read_to_string(file).map_err(|error| refused(error.to_string()))?
        }
    };
    Mapping::parse(&text).map_err(|errors| {
        let name = file.map_or_else(String::new, |file| file.display().to_string());
        let lines = errors.iter().map(|error| format!("{name}: {error}"));
        Failure::Usage(lines.collect::<Vec<_>>().join("\n"))
    })
}

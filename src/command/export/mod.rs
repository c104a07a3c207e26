//! `idgate export`: accounts for the legacy system, should it have to take over again.

mod django;

use std::process::ExitCode;

use clap::Subcommand;

use super::Failure;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Write accounts that were made or changed here as rows of the Django database.
    Django(django::Arguments),
}

pub(super) fn run(
    action: Action,
    config: impl FnOnce() -> Result<Config, Failure>,
) -> Result<ExitCode, Failure> {
    match action {
        Action::Django(arguments) => super::block_on(django::run(arguments, config()?)),
    }
}

//! The command line, one file per command, which composes the layers.

mod admin;
mod audit;
mod config;
mod documents;
mod export;
mod generated;
mod health;
mod import;
mod keys;
mod migrate;
mod outbox;
mod progress;
mod retention;
mod schema;
mod serve;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use rustix::fs::Mode;

use crate::app::{self, App};
use crate::config::{Config, env};
use crate::services::operator::audit_linking;
use crate::stores::DatabaseLocation;

/// The identity gateway: accounts, sign-in and sessions over GraphQL.
///
/// Without a command it serves. Without any configuration it keeps everything in ./data and shows
/// mail at /dev/mailbox; `idgate config show` lists every setting.
#[derive(Debug, Parser)]
#[command(name = "idgate", version, about, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Arguments of every command.
#[derive(Clone, Debug, Args)]
struct Common {
    /// A configuration file in TOML; the environment overrides it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (the default).
    Serve,
    /// Bring the database schema up to date.
    Migrate,
    /// Print the GraphQL schema, or check or write its files.
    Schema(schema::Arguments),
    /// Show or check the configuration, or print its reference.
    #[command(subcommand)]
    Config(config::Action),
    /// Check the trusted documents of front ends.
    #[command(subcommand)]
    Documents(documents::Action),
    /// List or rotate the keys that sign access tokens.
    #[command(subcommand)]
    Keys(keys::Action),
    /// Create an administrator.
    #[command(subcommand)]
    Admin(admin::Action),
    /// Verify the audit log, or print its end.
    #[command(subcommand)]
    Audit(audit::Action),
    /// List dead letters, or send them again.
    #[command(subcommand)]
    Outbox(outbox::Action),
    /// Remove data whose time is over, or count it; a running gateway does so by itself.
    Retention(retention::Arguments),
    /// Bring the accounts of the legacy system over, or settle what could not be imported.
    #[command(subcommand)]
    Import(import::Action),
    /// Write accounts for the legacy system, should it have to take over again.
    #[command(subcommand)]
    Export(export::Action),
    /// Check whether a running gateway is ready; for container health checks.
    Health,
}

/// Why a command failed.
#[derive(Debug)]
enum Failure {
    /// The command line or the configuration is wrong: exit code 2.
    Usage(String),
    /// The command failed: exit code 1.
    Failed(String),
}

impl From<crate::fault::Fault> for Failure {
    fn from(fault: crate::fault::Fault) -> Self {
        Self::Failed(fault.to_string())
    }
}

/// Parses the command line and runs the command.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are not errors; clap's exit code for wrong use is 2.
            let asked = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
            let _ = if error.use_stderr() && error.kind() != asked {
                without_input(&error).print()
            } else {
                error.print()
            };
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    // Files of this process, such as the database, are readable by its user only.
    rustix::process::umask(Mode::from_raw_mode(0o077));
    match run(arguments) {
        Ok(code) => code,
        Err(Failure::Usage(text)) => {
            say_error(&text);
            ExitCode::from(2)
        }
        Err(Failure::Failed(text)) => {
            say_error(&text);
            ExitCode::FAILURE
        }
    }
}

/// The error without the arguments: a URL may hold a password, and the output of a service ends up
/// in logs.
fn without_input(error: &clap::Error) -> clap::Error {
    let is_flag = |text: &str| {
        let name = text.strip_prefix("--").unwrap_or_default();
        !name.is_empty()
            && name
                .chars()
                .all(|sign| sign.is_ascii_lowercase() || sign == '-')
    };
    let mut redacted = clap::Error::new(error.kind()).with_cmd(&Arguments::command());
    for (kind, value) in error.context() {
        let typed = match kind {
            ContextKind::InvalidValue | ContextKind::InvalidSubcommand => true,
            ContextKind::InvalidArg => error.kind() == ErrorKind::UnknownArgument,
            // The suggestion repeats the argument.
            ContextKind::Suggested => continue,
            _ => false,
        };
        let value = match value {
            ContextValue::String(text) if typed && !text.is_empty() && !is_flag(text) => {
                ContextValue::String("***".to_owned())
            }
            value => value.clone(),
        };
        redacted.insert(kind, value);
    }
    redacted
}

fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let common = arguments.common;
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Config(config::Action::Show(show)) => {
            config::show(&show, &configuration(&common)?)
        }
        Command::Config(config::Action::Check(check)) => {
            block_on(config::check(&check, &configuration(&common)?))
        }
        Command::Config(config::Action::Reference(arguments)) => config::reference(&arguments),
        Command::Documents(action) => block_on(documents::run(action, &configuration(&common)?)),
        Command::Serve => block_on(serve::run(configuration(&common)?)),
        Command::Migrate => block_on(migrate::run(configuration(&common)?)),
        Command::Keys(action) => block_on(keys::run(action, installed(&common)?)),
        Command::Admin(action) => block_on(admin::run(action, installed(&common)?)),
        Command::Audit(action) => block_on(audit::run(action, installed(&common)?)),
        Command::Outbox(action) => block_on(outbox::run(action, installed(&common)?)),
        Command::Retention(arguments) => block_on(retention::run(arguments, installed(&common)?)),
        Command::Import(action) => import::run(action, || installed(&common)),
        Command::Export(action) => export::run(action, || installed(&common)),
        Command::Health => block_on(health::run(configuration(&common)?)),
    }
}

fn configuration(common: &Common) -> Result<Config, Failure> {
    let config = Config::load(common.config.clone(), env::variables())
        .map_err(|errors| Failure::Usage(errors.to_string()))?;
    app::check_stores(&config).map_err(|unusable| Failure::Usage(unusable.to_string()))?;
    Ok(config)
}

/// The configuration of an existing installation.
fn installed(common: &Common) -> Result<Config, Failure> {
    let config = configuration(common)?;
    expect_installation(&config)?;
    Ok(config)
}

fn block_on(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("idgate-async")
        .build()
        .map_err(|error| Failure::Failed(format!("the async runtime does not start: {error}")))?;
    let outcome = runtime.block_on(work);
    // A thread that waits for a silent name server would delay the result.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// Refuses to run without an installation: in a wrong directory a command would create a new one with
/// new keys. Only `serve` does that.
fn expect_installation(config: &Config) -> Result<(), Failure> {
    let data_dir = &config.data_dir;
    let place = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.clone());
    if let DatabaseLocation::Sqlite(file) = app::database_settings(config).location {
        let file = std::path::absolute(&file).unwrap_or(file);
        expect_file(&file, "database")?;
    }
    if config.keys.master().is_none() {
        expect_file(&app::master_key_file(&place), "master key")?;
    }
    Ok(())
}

fn expect_file(file: &Path, what: &str) -> Result<(), Failure> {
    let directory = file.parent().unwrap_or(file).display();
    match std::fs::File::open(file) {
        Ok(_) if file.is_file() => Ok(()),
        Ok(_) => Err(Failure::Failed(format!(
            "the {what} {} is not a file",
            file.display()
        ))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let hint = if what == "database" {
                ""
            } else {
                ", or set IDGATE_KEYS__MASTER"
            };
            Err(Failure::Failed(format!(
                "there is no {what} in {directory}: idgate does not run there; go to where it runs, \
                 or name its data directory as IDGATE_DATA_DIR{hint}. `idgate serve` makes a new \
                 installation"
            )))
        }
        Err(error) => Err(Failure::Failed(format!(
            "the {what} {} cannot be opened: {error}",
            file.display()
        ))),
    }
}

/// Links the audit events that this process wrote, which an instance would do later.
async fn link_events(app: &App) {
    // Then an instance does: the command has succeeded.
    let _ = audit_linking::link_waiting(app).await;
}

/// A number with its noun: "1 message", "2 messages".
fn counted(number: u64, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {what}{ending}")
}

/// Prints the result of a command; a closed pipe is not an error.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn say_error(text: &str) {
    let _ = writeln!(std::io::stderr(), "idgate: {text}");
}

//! `idgate admin`: the first administrator.

use std::io::Read as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{Failure, link_events, say};
use crate::app::{self, App};
use crate::config::Config;
use crate::crypto::random::Random;
use crate::domain::clock::Clock;
use crate::domain::violation::Violation;
use crate::services::operator::admin::{self, AdminRefusal};
use crate::stores;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Create a verified administrator.
    Create {
        /// The e-mail address to sign in with.
        #[arg(long)]
        email: String,
        /// Read the password from standard input: a command line can be seen by others.
        #[arg(long, required = true)]
        password_stdin: bool,
    },
}

pub(super) async fn run(action: Action, config: Config) -> Result<ExitCode, Failure> {
    let Action::Create {
        email,
        password_stdin: _,
    } = action;
    let password = read_password()?;
    let random = Random::system();
    if config.database.migrates_at_start() {
        stores::migrate(&app::database_settings(&config)).await?;
    }
    let app = App::open(Arc::new(config), Clock::System, random).await?;
    match admin::create(&app, &email, password).await {
        Ok(id) => {
            link_events(&app).await;
            say(&format!("{email} is an administrator now (id {id})."));
            Ok(ExitCode::SUCCESS)
        }
        Err(AdminRefusal::Taken) => Err(Failure::Failed(format!(
            "there is an account with the address {email} already"
        ))),
        Err(AdminRefusal::Invalid(violations)) => Err(Failure::Usage(listed(&violations))),
        Err(AdminRefusal::Fault(fault)) => Err(fault.into()),
    }
}

/// The first line of standard input, bounded.
fn read_password() -> Result<SecretString, Failure> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin()
        .take(64 * 1024)
        .read_to_string(&mut text)
        .map_err(|error| Failure::Usage(format!("the password cannot be read: {error}")))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        let message = "no password on standard input; try: printf '%s' \"$PASSWORD\" | idgate \
                       admin create --email … --password-stdin";
        return Err(Failure::Usage(message.to_owned()));
    }
    Ok(SecretString::from(line))
}

fn listed(violations: &[Violation]) -> String {
    let lines: Vec<String> = violations
        .iter()
        .map(|violation| format!("{}: {}", violation.path, violation.message))
        .collect();
    lines.join("\n")
}

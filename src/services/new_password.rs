//! Whether a password may be chosen: long enough, hard to guess, and in no known breach.

use secrecy::SecretString;

use crate::app::App;
use crate::domain::password::Password;
use crate::domain::violation::Violation;
use crate::providers::breached::Lookup;

/// Why a password cannot be chosen.
#[derive(Debug)]
pub enum Unfit {
    /// It is too short, too long or easy to guess.
    TooWeak(Vec<Violation>),
    /// Others know it.
    Breached,
}

/// Checks a password that somebody wants from now on; `about` are words others know about them.
///
/// Costs the same whoever asks, and is done before anything is looked up.
pub(super) async fn choose(
    app: &App,
    typed: SecretString,
    path: &str,
    about: &[&str],
) -> Result<Password, Unfit> {
    let policy = app.config.password.policy();
    let chosen = Password::choose(typed, &policy, about).map_err(|violations| {
        let placed = violations.into_iter().map(|violation| violation.at(path));
        Unfit::TooWeak(placed.collect())
    })?;
    if is_breached(app, &chosen).await {
        return Err(Unfit::Breached);
    }
    Ok(chosen)
}

/// Whether others know the password; asked only where an operator says whom to ask.
///
/// Nobody to be reached counts as no: a service of others must not stop people from signing up.
pub(super) async fn is_breached(app: &App, password: &Password) -> bool {
    match &app.breached {
        Some(breached) => breached.lookup(password.expose()).await == Lookup::Known,
        None => false,
    }
}

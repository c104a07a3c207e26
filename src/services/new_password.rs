//! Whether a password may be chosen: long enough, hard to guess, and in no known breach.

//!
//! In this order, so that a stranger's text costs what it may: [`check_length`] first and for
//! nothing, then the budget and the right to set a password, then [`choose`], which takes a turn on
//! the hashing threads and may ask a service of others.

use secrecy::SecretString;

use crate::app::App;
use crate::crypto::hasher::Overloaded;
use crate::domain::password::{Candidate, KnownWords, Password};
use crate::domain::violation::{Violation, Violations};
use crate::providers::breached::Lookup;
use crate::services::refused::Refused;

/// Why a password cannot be chosen.
#[derive(Debug, PartialEq, Eq)]
pub enum PasswordRejected {
    /// It is too short, too long or easy to guess.
    TooWeak(Violations),
    /// It is known from a data breach.
    Breached,
}

/// Checks the length of a password that somebody wants from now on.
pub(super) fn check_length<P, I>(
    app: &App,
    typed: SecretString,
    path: &str,
) -> Result<Candidate, Refused<P, I>>
where
    P: From<PasswordRejected>,
{
    let policy = app.config.password.policy();
    Candidate::new(typed, &policy).map_err(|violation| too_weak(violation, path))
}

/// Rates a password and asks whether it is known; `about` are words others know about the person.
///
/// Costs the same whoever asks.
pub(super) async fn choose<P, I>(
    app: &App,
    candidate: Candidate,
    path: &str,
    about: &[&str],
) -> Result<Password, Refused<P, I>>
where
    P: From<PasswordRejected>,
{
    let rated = rate(app, candidate, about).await?;
    let chosen = rated.map_err(|violation| too_weak(violation, path))?;
    if is_breached(app, &chosen).await {
        return Err(Refused::Because(PasswordRejected::Breached.into()));
    }
    Ok(chosen)
}

fn too_weak<P: From<PasswordRejected>, I>(violation: Violation, path: &str) -> Refused<P, I> {
    let violations = violation.at(path).into();
    Refused::Because(PasswordRejected::TooWeak(violations).into())
}

/// How hard the password is to guess, rated on the hashing threads.
pub(super) async fn rate(
    app: &App,
    candidate: Candidate,
    about: &[&str],
) -> Result<Result<Password, Violation>, Overloaded> {
    let min_score = app.config.password.policy().min_score;
    let about = KnownWords::about(about);
    app.hasher.rate(candidate, min_score, about).await
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

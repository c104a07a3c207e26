//! Rules for new passwords: long enough, hard to guess, and in no known breach.
//!
//! Cheap checks come first: [`check_length`], then the rate limit and the authorization of the
//! change, then [`validate`], which occupies a hashing thread and may call an external service.

use secrecy::SecretString;

use crate::app::App;
use crate::crypto::hasher::Overloaded;
use crate::domain::password::{Candidate, Password, UserInputs};
use crate::domain::user::User;
use crate::domain::violation::{Violation, Violations};
use crate::providers::breached::Lookup;
use crate::services::refused::Refused;

/// Why a password is rejected.
#[derive(Debug, PartialEq, Eq)]
pub enum PasswordRejected {
    /// It is too short, too long or easy to guess.
    TooWeak(Violations),
    /// It is known from a data breach.
    Breached,
}

/// Checks the length of a new password.
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

/// Rates a password and looks it up in breach data.
///
/// `user_inputs` are words about the user, which an attacker tries first. The cost does not depend
/// on the account.
pub(super) async fn validate<P, I>(
    app: &App,
    candidate: Candidate,
    path: &str,
    user_inputs: &[&str],
) -> Result<Password, Refused<P, I>>
where
    P: From<PasswordRejected>,
{
    let rated = rate(app, candidate, user_inputs).await?;
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

/// Rates how hard the password is to guess, on a hashing thread.
pub(super) async fn rate(
    app: &App,
    candidate: Candidate,
    user_inputs: &[&str],
) -> Result<Result<Password, Violation>, Overloaded> {
    let min_score = app.config.password.policy().min_score;
    let user_inputs = UserInputs::new(user_inputs);
    app.hasher.rate(candidate, min_score, user_inputs).await
}

/// Whether the password is known from a breach; `false` if no service is configured.
///
/// Fails open: an outage of an external service must not stop people from signing up.
pub(super) async fn is_breached(app: &App, password: &Password) -> bool {
    match &app.breached {
        Some(breached) => breached.lookup(password.expose()).await == Lookup::Known,
        None => false,
    }
}

/// Words about a user that an attacker tries first.
pub(super) fn user_inputs(user: &User) -> [&str; 4] {
    [
        user.email.as_deref().unwrap_or_default(),
        user.phone.as_deref().unwrap_or_default(),
        &user.first_name,
        &user.last_name,
    ]
}

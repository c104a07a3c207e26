//! Changing one's own password.

use chrono::Duration;
use secrecy::SecretString;

use super::{Replacement, replace_own};
use crate::app::App;
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::password::Password;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::new_password::{self, PasswordRejected};
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};
use crate::stores::user::{self, Credentials};

/// Why the password was not changed.
#[derive(Debug, PartialEq, Eq)]
pub enum ChangePasswordProblem {
    /// The old password is wrong.
    InvalidCredentials,
    /// Without the old password the authentication has to be recent.
    StepUpRequired,
    /// The new password is too weak, or known from a data breach.
    PasswordRejected(PasswordRejected),
}

impl From<PasswordRejected> for ChangePasswordProblem {
    fn from(rejected: PasswordRejected) -> Self {
        Self::PasswordRejected(rejected)
    }
}

/// Changes the password, ends the other sessions, and notifies the owner.
pub async fn change_password(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    current: Option<SecretString>,
    new: SecretString,
) -> Result<(), Refused<ChangePasswordProblem>> {
    let candidate = new_password::check_length(app, new, "newPassword")?;
    let limit = RateLimit::StepUp {
        user: person.user(),
    };
    throttle::charge(app, &caller.client, limit).await?;
    let found = user::find_by_id(&app.database, person.user()).await?;
    let owner = found.ok_or(Refused::Unauthenticated)?;
    if let Some(current) = current {
        prove(app, caller, &owner, current).await?;
    } else {
        let max_age = Duration::seconds(app.config.sessions.fresh_seconds);
        let fresh = caller.fresh(app.clock.now(), max_age);
        fresh.ok_or(Refused::Because(ChangePasswordProblem::StepUpRequired))?;
    }
    let chosen = (candidate, Replacement::Change);
    replace_own(app, caller, person, &owner, chosen).await
}

async fn prove(
    app: &App,
    caller: &Caller,
    owner: &Credentials,
    current: SecretString,
) -> Result<(), Refused<ChangePasswordProblem>> {
    let attempted = Password::attempt(current);
    let attempted = attempted.map_err(|violation| violation.at("currentPassword"))?;
    let hash = owner.password_hash.clone();
    let verification = app.hasher.verify(attempted, hash).await?;
    if verification.matches {
        return Ok(());
    }
    let event = Event::new(Action::PasswordChangeFailed, Subject::of(owner)).by(caller);
    audit::record_alone(app, &caller.client, event).await?;
    Err(Refused::Because(ChangePasswordProblem::InvalidCredentials))
}

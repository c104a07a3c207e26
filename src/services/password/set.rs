//! Giving an account that has none its first password.

use std::convert::Infallible;

use secrecy::SecretString;

use super::{known_words, store};
use crate::app::App;
use crate::domain::caller::{Caller, Fresh};
use crate::services::audit::Action;
use crate::services::new_password::{self, PasswordRejected};
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};
use crate::stores::session::Which;
use crate::stores::user;

/// Why there is no password.
#[derive(Debug, PartialEq, Eq)]
pub enum SetPasswordProblem {
    /// There is one: it can be changed.
    HasOne,
    /// The new password is too weak, or known from a data breach.
    PasswordRejected(PasswordRejected),
}

impl From<PasswordRejected> for SetPasswordProblem {
    fn from(rejected: PasswordRejected) -> Self {
        Self::PasswordRejected(rejected)
    }
}

/// Sets a first password, ends the other sessions, and tells the owner.
pub async fn set_password(
    app: &App,
    caller: &Caller,
    person: Fresh<'_>,
    new: SecretString,
) -> Result<(), Refused<SetPasswordProblem, Infallible>> {
    let candidate = new_password::check_length(app, new, "newPassword")?;
    let limit = RateLimit::AccountChange {
        user: person.user(),
    };
    throttle::charge(app, &caller.client, limit).await?;
    let found = user::find_by_id(&app.database, person.user()).await?;
    let owner = found.ok_or(Refused::Unauthenticated)?;
    if owner.password_hash.is_some() {
        return Err(Refused::Because(SetPasswordProblem::HasOne));
    }
    let words = known_words(&owner.user);
    let chosen = new_password::choose(app, candidate, "newPassword", &words).await;
    let hash = app.hasher.hash(chosen?).await?;

    let tx = app.begin().await?;
    let (id, version) = (owner.user.id, owner.user.credential_version);
    let renewed = user::renew_credentials(&tx, id, version, app.clock.now()).await?;
    renewed.ok_or(Refused::Unauthenticated)?;
    let change = (Which::AllBut(person.session()), Action::PasswordSet);
    store(&tx, app, caller, &owner, hash, change).await?;
    tx.commit().await?;
    app.wake_outbox();
    Ok(())
}

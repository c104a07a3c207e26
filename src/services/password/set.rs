//! Setting the first password of an account.

use std::convert::Infallible;

use secrecy::SecretString;

use super::{Replacement, replace_own};
use crate::app::App;
use crate::domain::caller::{Caller, Fresh};
use crate::services::new_password::{self, PasswordRejected};
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};
use crate::stores::user;

/// Why no password was set.
#[derive(Debug, PartialEq, Eq)]
pub enum SetPasswordProblem {
    /// The account has one, which can be changed.
    HasOne,
    /// The new password is too weak, or known from a data breach.
    PasswordRejected(PasswordRejected),
}

impl From<PasswordRejected> for SetPasswordProblem {
    fn from(rejected: PasswordRejected) -> Self {
        Self::PasswordRejected(rejected)
    }
}

/// Sets the first password, ends the other sessions, and notifies the owner.
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
    let chosen = (candidate, Replacement::First);
    replace_own(app, caller, &person, &owner, chosen).await
}

//! Giving an account that has none its first password.

use secrecy::SecretString;

use super::{known_words, store};
use crate::app::App;
use crate::crypto::hasher::Overloaded;
use crate::domain::caller::{Caller, Fresh};
use crate::fault::Fault;
use crate::services::audit::Action;
use crate::services::new_password::{self, Unfit};
use crate::services::throttle::{self, Attempt, Exhausted};
use crate::stores::session::Which;
use crate::stores::user;

/// Why there is no password.
#[derive(Debug)]
pub enum SetPasswordRefusal {
    /// There is one: it can be changed.
    HasOne,
    /// The account ended, or its credentials changed at this very moment.
    Unauthenticated,
    /// The password will not do.
    Unfit(Unfit),
    /// Too many attempts.
    RateLimited(Exhausted),
    /// The hashing queue is full.
    Overloaded,
    /// Something broke.
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for SetPasswordRefusal {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// Sets a first password, ends the other sessions, and tells the owner.
pub async fn set_password(
    app: &App,
    caller: &Caller,
    person: Fresh<'_>,
    new: SecretString,
) -> Result<(), SetPasswordRefusal> {
    let unfit = SetPasswordRefusal::Unfit;
    let candidate = new_password::check_length(app, new, "newPassword").map_err(unfit)?;
    let attempt = Attempt::OwnChange {
        user: person.user(),
    };
    let charged = throttle::charge(app, &caller.client, attempt).await;
    charged.map_err(SetPasswordRefusal::RateLimited)?;
    let found = user::find_by_id(&app.database, person.user()).await?;
    let owner = found.ok_or(SetPasswordRefusal::Unauthenticated)?;
    if owner.password_hash.is_some() {
        return Err(SetPasswordRefusal::HasOne);
    }
    let words = known_words(&owner.user);
    let chosen = new_password::choose(app, candidate, "newPassword", &words).await;
    let hashed = app.hasher.hash(chosen.map_err(unfit)?).await;
    let hash = hashed.map_err(|Overloaded| SetPasswordRefusal::Overloaded)?;

    let tx = app.begin().await?;
    let (id, version) = (owner.user.id, owner.user.credential_version);
    if !user::renew_credentials(&tx, id, version, app.clock.now()).await? {
        return Err(SetPasswordRefusal::Unauthenticated);
    }
    let change = (Which::AllBut(person.session()), Action::PasswordSet);
    store(&tx, app, caller, &owner, hash, change).await?;
    tx.commit().await?;
    app.wake_outbox();
    Ok(())
}

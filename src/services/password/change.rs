//! Changing one's own password.

use chrono::Duration;
use secrecy::SecretString;

use super::{known_words, store};
use crate::app::App;
use crate::crypto::hasher::Overloaded;
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::password::Password;
use crate::domain::violation::Violation;
use crate::fault::Fault;
use crate::services::audit::{self, About, Action, Event};
use crate::services::new_password::{self, Unfit};
use crate::services::throttle::{self, Attempt, Exhausted};
use crate::stores::session::Which;
use crate::stores::user::{self, Credentials};

/// Why the password is still the old one.
#[derive(Debug)]
pub enum ChangePasswordRefusal {
    /// The old password is wrong.
    InvalidCredentials,
    /// Without the old password the sign-in has to be recent.
    StepUpRequired,
    /// The account ended, or its credentials changed at this very moment.
    Unauthenticated,
    /// The new password will not do.
    Unfit(Unfit),
    /// Something else about the input.
    Invalid(Vec<Violation>),
    /// Too many attempts.
    RateLimited(Exhausted),
    /// The hashing queue is full.
    Overloaded,
    /// Something broke.
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for ChangePasswordRefusal {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// Sets another password, ends the other sessions, and tells the owner.
pub async fn change_password(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    current: Option<SecretString>,
    new: SecretString,
) -> Result<(), ChangePasswordRefusal> {
    let unfit = ChangePasswordRefusal::Unfit;
    let candidate = new_password::check_length(app, new, "newPassword").map_err(unfit)?;
    let attempt = Attempt::StepUp {
        user: person.user(),
    };
    let charged = throttle::charge(app, &caller.client, attempt).await;
    charged.map_err(ChangePasswordRefusal::RateLimited)?;
    let found = user::find_by_id(&app.database, person.user()).await?;
    let owner = found.ok_or(ChangePasswordRefusal::Unauthenticated)?;
    if let Some(current) = current {
        prove(app, caller, &owner, current).await?;
    } else {
        let max_age = Duration::seconds(app.config.sessions.fresh_seconds);
        let fresh = caller.fresh(app.clock.now(), max_age);
        fresh.ok_or(ChangePasswordRefusal::StepUpRequired)?;
    }
    let words = known_words(&owner.user);
    let chosen = new_password::choose(app, candidate, "newPassword", &words).await;
    let hashed = app.hasher.hash(chosen.map_err(unfit)?).await;
    let hash = hashed.map_err(|Overloaded| ChangePasswordRefusal::Overloaded)?;

    let tx = app.begin().await?;
    let (id, version) = (owner.user.id, owner.user.credential_version);
    if !user::renew_credentials(&tx, id, version, app.clock.now()).await? {
        return Err(ChangePasswordRefusal::Unauthenticated);
    }
    let change = (Which::AllBut(person.session()), Action::PasswordChanged);
    store(&tx, app, caller, &owner, hash, change).await?;
    tx.commit().await?;
    app.wake_outbox();
    Ok(())
}

async fn prove(
    app: &App,
    caller: &Caller,
    owner: &Credentials,
    current: SecretString,
) -> Result<(), ChangePasswordRefusal> {
    let attempted = Password::attempt(current).map_err(|violation| {
        ChangePasswordRefusal::Invalid(vec![violation.at("currentPassword")])
    })?;
    let hash = owner.password_hash.clone();
    let verified = app.hasher.verify(attempted, hash).await;
    let verification = verified.map_err(|Overloaded| ChangePasswordRefusal::Overloaded)?;
    if verification.matches {
        return Ok(());
    }
    let tx = app.begin().await?;
    let event = Event::new(Action::PasswordChangeFailed, About::of(owner)).by(caller);
    audit::record(&tx, app, &caller.client, event).await?;
    tx.commit().await?;
    Err(ChangePasswordRefusal::InvalidCredentials)
}

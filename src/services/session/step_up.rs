//! Proving again who one is, for the operations that ask for a recent proof.

use secrecy::SecretString;

use crate::app::App;
use crate::crypto::hasher::Overloaded;
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::password::Password;
use crate::domain::violation::Violation;
use crate::fault::Fault;
use crate::services::audit::{self, About, Action, Event};
use crate::services::step_up::{self, SteppedUp};
use crate::services::throttle::{self, Attempt, Exhausted};
use crate::stores::user;

/// Why the proof was not taken.
#[derive(Debug)]
pub enum StepUpRefusal {
    /// Wrong password, or an account without one.
    InvalidCredentials,
    /// The session ended meanwhile.
    SessionEnded,
    /// Input no account could have.
    Invalid(Vec<Violation>),
    /// Too many attempts.
    RateLimited(Exhausted),
    /// The hashing queue is full.
    Overloaded,
    /// Something broke.
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for StepUpRefusal {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// Checks the password again and refreshes `auth_time` of this session.
pub async fn step_up(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    typed: SecretString,
) -> Result<SteppedUp, StepUpRefusal> {
    let attempt = Attempt::StepUp {
        user: person.user(),
    };
    let charged = throttle::charge(app, &caller.client, attempt).await;
    charged.map_err(StepUpRefusal::RateLimited)?;
    let attempted =
        Password::attempt(typed).map_err(|violation| StepUpRefusal::Invalid(vec![violation]))?;
    let found = user::find_by_id(&app.database, person.user()).await?;
    let found = found.ok_or(StepUpRefusal::SessionEnded)?;
    let verified = app
        .hasher
        .verify(attempted, found.password_hash.clone())
        .await;
    let verification = verified.map_err(|Overloaded| StepUpRefusal::Overloaded)?;

    let about = About::of(&found);
    let tx = app.begin().await?;
    if !verification.matches {
        let event = Event::new(Action::StepUpFailed, about).by(caller);
        audit::record(&tx, app, &caller.client, event).await?;
        tx.commit().await?;
        return Err(StepUpRefusal::InvalidCredentials);
    }
    let renewed = step_up::renew(&tx, app, caller, person, &["pwd"]).await?;
    let stepped_up = renewed.ok_or(StepUpRefusal::SessionEnded)?;
    tx.commit().await?;
    Ok(stepped_up)
}

//! Authenticating again, for operations that require a recent authentication.

use secrecy::SecretString;

use crate::app::App;
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::password::Password;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::refused::Refused;
use crate::services::step_up::{self, SteppedUp};
use crate::services::throttle::{self, RateLimit};
use crate::stores::user;

/// Why the authentication was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum StepUpProblem {
    /// Wrong password, or an account without one.
    InvalidCredentials,
}

/// Checks the password again and refreshes `auth_time` of this session.
pub async fn step_up(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    typed: SecretString,
) -> Result<SteppedUp, Refused<StepUpProblem>> {
    let limit = RateLimit::StepUp {
        user: person.user(),
    };
    throttle::charge(app, &caller.client, limit).await?;
    let attempted = Password::attempt(typed)?;
    let found = user::find_by_id(&app.database, person.user()).await?;
    let found = found.ok_or(Refused::Unauthenticated)?;
    let verified = app
        .hasher
        .verify(attempted, found.password_hash.clone())
        .await;
    let verification = verified?;

    let subject = Subject::of(&found);
    let tx = app.begin().await?;
    if !verification.matches {
        let event = Event::new(Action::StepUpFailed, subject).by(caller);
        audit::record(&tx, app, &caller.client, event).await?;
        tx.commit().await?;
        return Err(Refused::Because(StepUpProblem::InvalidCredentials));
    }
    let renewed = step_up::renew(&tx, app, caller, person, &["pwd"]).await?;
    let stepped_up = renewed.ok_or(Refused::Unauthenticated)?;
    tx.commit().await?;
    Ok(stepped_up)
}

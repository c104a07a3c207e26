//! What people say about themselves.

use crate::app::App;
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::user::User;
use crate::domain::violation::Violation;
use crate::fault::Fault;
use crate::services::audit::{self, About, Action, Event};
use crate::services::profile_rules;
use crate::services::throttle::{self, Attempt, Exhausted};
use crate::stores::user::{self, ProfileChange};

/// Why a profile was left as it is.
#[derive(Debug)]
pub enum ProfileRefusal {
    /// Something about the input.
    Invalid(Vec<Violation>),
    /// Too many changes.
    RateLimited(Exhausted),
    /// Something broke.
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for ProfileRefusal {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// Changes the given parts of the person's own profile.
pub async fn update_profile(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    mut change: ProfileChange,
) -> Result<User, ProfileRefusal> {
    let attempt = Attempt::OwnChange {
        user: person.user(),
    };
    let charged = throttle::charge(app, &caller.client, attempt).await;
    charged.map_err(ProfileRefusal::RateLimited)?;
    let violations = profile_rules::read(&mut change);
    if !violations.is_empty() {
        return Err(ProfileRefusal::Invalid(violations));
    }
    let tx = app.begin().await?;
    let gone = || Fault::new("a signed-in person has no account");
    let before = user::lock(&tx, person.user()).await?.ok_or_else(gone)?;
    user::update_profile(&tx, person.user(), change, app.clock.now()).await?;
    let after = user::lock(&tx, person.user()).await?.ok_or_else(gone)?;
    let event = Event::new(Action::ProfileUpdated, About::Whom(person.user())).by(caller);
    audit::record(
        &tx,
        app,
        &caller.client,
        event.with(profile_rules::changes(&before, &after)),
    )
    .await?;
    tx.commit().await?;
    Ok(after)
}

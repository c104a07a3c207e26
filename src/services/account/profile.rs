//! Editing one's own profile.

use std::convert::Infallible;

use crate::app::App;
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::user::User;
use crate::domain::violation::Violations;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::profile_rules;
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};
use crate::stores::user::{self, ProfileChange};

/// Changes the given fields of the user's own profile.
pub async fn update_profile(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    mut change: ProfileChange,
) -> Result<User, Refused<Infallible>> {
    let limit = RateLimit::AccountChange {
        user: person.user(),
    };
    throttle::charge(app, &caller.client, limit).await?;
    Violations::check(profile_rules::read(&mut change), Ok(()))?;
    let tx = app.begin().await?;
    // Deleted or erased since the request began, or suspended.
    let before = user::lock(&tx, person.user()).await?;
    let before = before.filter(User::may_sign_in);
    let before = before.ok_or(Refused::Unauthenticated)?;
    let after = user::update_profile(&tx, person.user(), change, app.clock.now()).await?;
    let event = Event::new(Action::ProfileUpdated, Subject::User(person.user())).by(caller);
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

//! Removing one's avatar.

use std::convert::Infallible;

use crate::app::App;
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::user::User;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::avatar;
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};
use crate::stores::user;

/// Removes the avatar. Without one, nothing happens.
pub async fn remove_avatar(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
) -> Result<User, Refused<Infallible, Infallible>> {
    let limit = RateLimit::AccountChange {
        user: person.user(),
    };
    throttle::charge(app, &caller.client, limit).await?;
    let tx = app.begin().await?;
    let account = user::lock(&tx, person.user()).await?;
    let before = account
        .filter(User::may_sign_in)
        .ok_or(Refused::Unauthenticated)?;
    if before.avatar.is_none() {
        return Ok(before);
    }
    avatar::enqueue_removal_of_avatar(&tx, app, &before).await?;
    let after = user::set_avatar(&tx, before.id, None, app.clock.now()).await?;
    let event = Event::new(Action::AvatarRemoved, Subject::User(before.id)).by(caller);
    audit::record(&tx, app, &caller.client, event).await?;
    tx.commit().await?;
    app.wake_removing();
    Ok(after)
}

//! Unlinking a Google identity.

use chrono::Duration;
use serde_json::json;

use super::link::lock_session_user;
use super::{PROVIDER, notify};
use crate::app::App;
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::identity::Identity;
use crate::domain::ids::IdentityId;
use crate::domain::user::User;
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::messages::Message;
use crate::messages::parts::Provider;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};
use crate::stores::{Tx, identity, user};

/// Why the identity was not unlinked.
#[derive(Debug, PartialEq, Eq)]
pub enum UnlinkGoogleProblem {
    /// The account has no such identity.
    NotFound,
    /// The account has no password and no other identity.
    LastAuthenticator,
    /// The last authentication is too old.
    StepUpRequired,
}

/// Unlinks the given identity, or the only one. Sessions that it started continue.
pub async fn unlink(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    wanted: Option<IdentityId>,
) -> Result<IdentityId, Refused<UnlinkGoogleProblem>> {
    let limit = RateLimit::AccountChange {
        user: person.user(),
    };
    throttle::charge(app, &caller.client, limit).await?;
    let fresh = Duration::seconds(app.config.sessions.fresh_seconds);
    if caller.fresh(app.clock.now(), fresh).is_none() {
        return Err(Refused::Because(UnlinkGoogleProblem::StepUpRequired));
    }
    let tx = app.begin().await?;
    // Locked, so that two concurrent requests cannot unlink the last two identities.
    let owner = lock_session_user(&tx, app, person).await?;
    let owner = owner.ok_or(Refused::Unauthenticated)?;
    let linked = identity::of_user(&tx, owner.id).await?;
    let chosen = choose(&linked, wanted)?;
    if linked.len() == 1 && !has_password(&tx, &owner).await? {
        return Err(Refused::Because(UnlinkGoogleProblem::LastAuthenticator));
    }
    remove(&tx, app, caller, &owner, chosen).await?;
    tx.commit().await?;
    app.wake_outbox();
    Ok(chosen)
}

fn choose(
    linked: &[Identity],
    wanted: Option<IdentityId>,
) -> Result<IdentityId, Refused<UnlinkGoogleProblem>> {
    match (wanted, linked) {
        (Some(wanted), _) => {
            let found = linked.iter().find(|identity| identity.id == wanted);
            found
                .map(|identity| identity.id)
                .ok_or(Refused::Because(UnlinkGoogleProblem::NotFound))
        }
        (None, []) => Err(Refused::Because(UnlinkGoogleProblem::NotFound)),
        (None, [only]) => Ok(only.id),
        (None, _) => {
            let message = "several identities are linked; name the one to unlink";
            let violation = Violation::new("identityId", ViolationRule::Required, message);
            Err(violation.into())
        }
    }
}

async fn has_password(tx: &Tx, owner: &User) -> Result<bool, Fault> {
    let found = user::find_by_id(tx, owner.id).await?;
    Ok(found.is_some_and(|found| found.password_hash.is_some()))
}

async fn remove(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    owner: &User,
    chosen: IdentityId,
) -> Result<(), Fault> {
    let now = app.clock.now();
    // A concurrent sign-in with this identity compares the version, and fails.
    let renewed = user::renew_credentials(tx, owner.id, owner.credential_version, now).await?;
    if renewed.is_none() || !identity::unlink(tx, owner.id, chosen, now).await? {
        return Err(Fault::new("an account changed while it was held"));
    }
    let changes = json!({ "provider": PROVIDER, "identityId": chosen.to_string() });
    let event = Event::new(Action::IdentityUnlinked, Subject::User(owner.id))
        .by(caller)
        .with(changes);
    audit::record(tx, app, &caller.client, event).await?;
    let message = Message::IdentityUnlinked(Provider(PROVIDER));
    notify(tx, app, owner, &message).await?;
    Ok(())
}

//! Linking a Google identity to the signed-in user.

use chrono::Duration;
use serde_json::json;

use super::credential::{self, CredentialProblem, GoogleCredential, GoogleUser};
use super::{PROVIDER, notify};
use crate::app::App;
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::identity::Identity;
use crate::domain::user::User;
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::messages::Message;
use crate::messages::parts::Provider;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};
use crate::stores::identity::NewIdentity;
use crate::stores::{Tx, identity, redemption, session, user};

/// Few enough to list without paging.
const MAX_IDENTITIES: usize = 10;

/// Why the identity was not linked.
#[derive(Debug, PartialEq, Eq)]
pub enum LinkGoogleProblem {
    /// The token is invalid or was used before.
    TokenInvalid,
    /// The identity is linked to another account.
    AlreadyLinked,
    /// The last authentication is too old.
    StepUpRequired,
}

impl From<CredentialProblem> for LinkGoogleProblem {
    fn from(_: CredentialProblem) -> Self {
        Self::TokenInvalid
    }
}

/// Links the identity of an ID token to the caller's account. Verifies no address: the account keeps
/// its own.
pub async fn link(
    app: &App,
    caller: &Caller,
    person: &SignedIn,
    input: GoogleCredential,
) -> Result<Identity, Refused<LinkGoogleProblem>> {
    let limit = RateLimit::AccountChange {
        user: person.user(),
    };
    throttle::charge(app, &caller.client, limit).await?;
    let fresh = Duration::seconds(app.config.sessions.fresh_seconds);
    if caller.fresh(app.clock.now(), fresh).is_none() {
        return Err(Refused::Because(LinkGoogleProblem::StepUpRequired));
    }
    let checked = credential::check(app, &caller.client, &input).await;
    let google_user = checked.map_err(Refused::widen)?;
    let tx = app.begin().await?;
    let owner = lock_session_user(&tx, app, person).await?;
    let owner = owner.ok_or(Refused::Unauthenticated)?;
    let known = identity::find(&tx, &google_user.issuer, &google_user.subject).await?;
    match known {
        // A repeated request, perhaps because the first answer was lost.
        Some(known) if known.user_id == owner.id => return Ok(known),
        Some(_) => return Err(Refused::Because(LinkGoogleProblem::AlreadyLinked)),
        None => {}
    }
    let linked = add(&tx, app, caller, &owner, &google_user).await?;
    tx.commit().await?;
    app.wake_outbox();
    Ok(linked)
}

/// Locks the user of a session; `None` if the session has ended since the request began.
///
/// Recovering an account ends its sessions under the same lock. Without this check a request of the
/// attacker that is in flight could still link an identity.
pub(super) async fn lock_session_user(
    tx: &Tx,
    app: &App,
    person: &SignedIn,
) -> Result<Option<User>, Fault> {
    let owner = user::lock(tx, person.user()).await?;
    let current = session::find_with_user(tx, person.session()).await?;
    let now = app.clock.now();
    let is_live = current.is_some_and(|(session, _)| session.is_live(now));
    Ok(owner.filter(|owner| is_live && owner.may_sign_in()))
}

async fn add(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    owner: &User,
    google_user: &GoogleUser,
) -> Result<Identity, Refused<LinkGoogleProblem>> {
    let now = app.clock.now();
    if identity::of_user(tx, owner.id).await?.len() >= MAX_IDENTITIES {
        let message = "the account has as many identities as it can; unlink one first";
        let violation = Violation::new("idToken", ViolationRule::NotAllowed, message);
        return Err(violation.into());
    }
    if !redemption::record(tx, &google_user.token_digest, google_user.expires_at, now).await? {
        return Err(Refused::Because(LinkGoogleProblem::TokenInvalid));
    }
    let new = NewIdentity {
        id: app.new_id(),
        user_id: owner.id,
        issuer: &google_user.issuer,
        subject: &google_user.subject,
        email: google_user.claimed_email.as_deref(),
        last_used_at: None,
        now,
    };
    if !identity::insert(tx, new).await? {
        return Err(Refused::Because(LinkGoogleProblem::AlreadyLinked));
    }
    let event = Event::new(Action::IdentityLinked, Subject::User(owner.id))
        .by(caller)
        .with(json!({ "provider": PROVIDER, "automatic": false }));
    audit::record(tx, app, &caller.client, event).await?;
    let message = Message::IdentityLinked(Provider(PROVIDER));
    notify(tx, app, owner, &message).await?;
    let linked = identity::find(tx, &google_user.issuer, &google_user.subject).await?;
    linked.ok_or_else(|| Fault::new("a new identity is not there").into())
}

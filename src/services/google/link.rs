//! Adding Google to the ways a signed-in person can sign in.

use chrono::Duration;
use serde_json::json;

use super::credential::{self, CredentialProblem, GoogleCredential, Person};
use super::{PROVIDER, tell};
use crate::app::App;
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::identity::Identity;
use crate::domain::user::User;
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::messages::Message;
use crate::services::audit::{self, About, Action, Event};
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};
use crate::stores::identity::NewIdentity;
use crate::stores::{Tx, identity, session, spent_proof, user};

/// A list that can be shown whole.
const MOST_IDENTITIES: usize = 10;

/// Why nothing was linked.
#[derive(Debug, PartialEq, Eq)]
pub enum LinkGoogleProblem {
    /// The token is not right, or was used before.
    TokenInvalid,
    /// The identity opens another account.
    AlreadyLinked,
    /// The person proved who they are too long ago.
    StepUpRequired,
}

impl From<CredentialProblem> for LinkGoogleProblem {
    fn from(_: CredentialProblem) -> Self {
        Self::TokenInvalid
    }
}

/// Links whom the token names with the account of whoever asks. It proves no address: the account
/// keeps the one it has.
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
    let named = checked.map_err(Refused::widen)?;
    let tx = app.begin().await?;
    let owner = hold(&tx, app, person).await?;
    let owner = owner.ok_or(Refused::Unauthenticated)?;
    let known = identity::find(&tx, &named.issuer, &named.subject).await?;
    match known {
        // Asked again, perhaps because the first answer got lost.
        Some(known) if known.user_id == owner.id => return Ok(known),
        Some(_) => return Err(Refused::Because(LinkGoogleProblem::AlreadyLinked)),
        None => {}
    }
    let linked = add(&tx, app, caller, &owner, &named).await?;
    tx.commit().await?;
    app.wake_outbox();
    Ok(linked)
}

/// The account of a session, held; nothing when the session was ended while the request ran.
///
/// Whoever reclaims an account ends its sessions under the same lock: without this look a
/// squatter's request under way could leave an identity behind.
pub(super) async fn hold(tx: &Tx, app: &App, person: &SignedIn) -> Result<Option<User>, Fault> {
    let owner = user::lock(tx, person.user()).await?;
    let current = session::find_with_user_within(tx, person.session()).await?;
    let now = app.clock.now();
    let is_live = current.is_some_and(|(session, _)| session.is_live(now));
    Ok(owner.filter(|owner| is_live && owner.may_sign_in()))
}

async fn add(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    owner: &User,
    named: &Person,
) -> Result<Identity, Refused<LinkGoogleProblem>> {
    let now = app.clock.now();
    if identity::of_user(tx, owner.id).await?.len() >= MOST_IDENTITIES {
        let message = "the account has as many identities as it can; unlink one first";
        let violation = Violation::new("idToken", ViolationRule::NotAllowed, message);
        return Err(violation.into());
    }
    if !spent_proof::spend(tx, &named.digest, named.expires_at, now).await? {
        return Err(Refused::Because(LinkGoogleProblem::TokenInvalid));
    }
    let new = NewIdentity {
        id: app.new_id(),
        user_id: owner.id,
        issuer: &named.issuer,
        subject: &named.subject,
        email: named.shown_email.as_deref(),
        last_used_at: None,
        now,
    };
    if !identity::insert(tx, new).await? {
        return Err(Refused::Because(LinkGoogleProblem::AlreadyLinked));
    }
    let event = Event::new(Action::IdentityLinked, About::Whom(owner.id))
        .by(caller)
        .with(json!({ "provider": PROVIDER, "automatic": false }));
    audit::record(tx, app, &caller.client, event).await?;
    let message = Message::IdentityLinked { provider: PROVIDER };
    tell(tx, app, owner, &message).await?;
    let linked = identity::find(tx, &named.issuer, &named.subject).await?;
    linked.ok_or_else(|| Fault::new("a new identity is not there").into())
}

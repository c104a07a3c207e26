//! Signing in with an ID token.

use serde_json::json;

use super::credential::{self, CredentialProblem, GoogleCredential, Person};
use super::newcomer;
use crate::app::App;
use crate::domain::caller::Caller;
use crate::domain::email::EmailAddress;
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::services::audit::{self, About, Action, Event};
use crate::services::refused::Refused;
use crate::services::sign_in::{self, Started};
use crate::services::throttle::{self, RateLimit};
use crate::stores::{Tx, identity, spent_proof, user};

/// RFC 8176 has no word for the word of another provider; this one is widely used.
const METHOD: &str = "fed";
/// How often a sign-in begins again because another one got there first. The other has committed
/// by then, so the second time finds what it made.
const ROUNDS: usize = 4;

/// Why somebody was not signed in.
#[derive(Debug, PartialEq, Eq)]
pub enum GoogleLoginProblem {
    /// The token is not right, was used before, or names nobody who could be let in.
    TokenInvalid,
    /// The account is suspended.
    Suspended,
    /// The address has an account that this token is no proof of owning.
    Taken,
}

impl From<CredentialProblem> for GoogleLoginProblem {
    fn from(_: CredentialProblem) -> Self {
        Self::TokenInvalid
    }
}

/// What a transaction came to.
pub(super) enum Outcome {
    /// This account, which has just been noted to sign in.
    Welcome(Box<User>),
    /// Somebody changed what was read: begin again.
    Again,
    /// Nothing may be written.
    Refused(Why),
}

/// Why the person of a right token is refused.
pub(super) enum Why {
    Replayed,
    Unproven(Option<EmailAddress>),
    Suspended(UserId),
    Deleted(UserId),
    Taken(UserId),
    Closed(EmailAddress),
}

/// Signs in whom the token names; a newcomer gets an account, or is linked with the one that has
/// their address.
pub async fn login(
    app: &App,
    caller: &Caller,
    input: GoogleCredential,
) -> Result<Started, Refused<GoogleLoginProblem>> {
    throttle::charge(app, &caller.client, RateLimit::GoogleLogin).await?;
    let person = match credential::check(app, &caller.client, &input).await {
        Ok(person) => person,
        Err(refused) => return Err(refuse_token(app, caller, refused).await?),
    };
    for _ in 0..ROUNDS {
        let tx = app.begin().await?;
        match enter(&tx, app, caller, &person).await? {
            Outcome::Welcome(user) => {
                let started = start(&tx, app, caller, *user).await?;
                tx.commit().await?;
                app.wake_outbox();
                return Ok(started);
            }
            Outcome::Again => {}
            Outcome::Refused(why) => {
                // SQLite has one writer: the record of the refusal waits for it.
                drop(tx);
                return Err(refuse_person(app, caller, why).await?);
            }
        }
    }
    Err(Fault::new("an account kept changing while somebody signed in with Google").into())
}

async fn enter(tx: &Tx, app: &App, caller: &Caller, person: &Person) -> Result<Outcome, Fault> {
    let now = app.clock.now();
    if !spent_proof::spend(tx, &person.digest, person.expires_at, now).await? {
        return Ok(Outcome::Refused(Why::Replayed));
    }
    let known = identity::find(tx, &person.issuer, &person.subject).await?;
    let Some(known) = known else {
        return newcomer::enter(tx, app, caller, person).await;
    };
    let Some(owner) = user::find_by_id_within(tx, known.user_id).await? else {
        return Ok(Outcome::Again);
    };
    let user = owner.user;
    if user.is_deleted() {
        return Ok(Outcome::Refused(Why::Deleted(user.id)));
    }
    if user.is_suspended() {
        return Ok(Outcome::Refused(Why::Suspended(user.id)));
    }
    let Some(user) = user::record_login(tx, user.id, user.credential_version, now).await? else {
        return Ok(Outcome::Again);
    };
    identity::touch(tx, known.id, now).await?;
    Ok(Outcome::Welcome(Box::new(user)))
}

async fn start(tx: &Tx, app: &App, caller: &Caller, user: User) -> Result<Started, Fault> {
    let event = Event::new(Action::LoginSucceeded, About::Whom(user.id))
        .by_user(user.id)
        .with(json!({ "method": "google" }));
    audit::record(tx, app, &caller.client, event).await?;
    sign_in::start(tx, app, &caller.client, user, &[METHOD]).await
}

async fn refuse_token(
    app: &App,
    caller: &Caller,
    refused: Refused<CredentialProblem>,
) -> Result<Refused<GoogleLoginProblem>, Fault> {
    if let Refused::Because(CredentialProblem::Token(error)) = &refused {
        tracing::debug!(%error, "an ID token was refused");
        record(app, caller, About::System, &error.to_string()).await?;
    }
    Ok(refused.widen())
}

async fn refuse_person(
    app: &App,
    caller: &Caller,
    why: Why,
) -> Result<Refused<GoogleLoginProblem>, Fault> {
    let (about, reason, refusal) = match why {
        Why::Replayed => (
            About::System,
            "replayed",
            Refused::Because(GoogleLoginProblem::TokenInvalid),
        ),
        Why::Unproven(None) => (
            About::System,
            "no address",
            Refused::Because(GoogleLoginProblem::TokenInvalid),
        ),
        Why::Unproven(Some(email)) => {
            let nobody = Identifier::Email(email);
            let about = About::Nobody(&nobody);
            record(app, caller, about, "unverified address").await?;
            return Ok(Refused::Because(GoogleLoginProblem::TokenInvalid));
        }
        Why::Closed(email) => {
            let nobody = Identifier::Email(email);
            let about = About::Nobody(&nobody);
            record(app, caller, about, "registration closed").await?;
            return Ok(Refused::RegistrationClosed);
        }
        Why::Suspended(user) => {
            let refusal = Refused::Because(GoogleLoginProblem::Suspended);
            (About::Whom(user), "suspended", refusal)
        }
        Why::Deleted(user) => {
            let refusal = Refused::Because(GoogleLoginProblem::TokenInvalid);
            (About::Whom(user), "deleted", refusal)
        }
        Why::Taken(user) => {
            let refusal = Refused::Because(GoogleLoginProblem::Taken);
            (About::Whom(user), "not linked", refusal)
        }
    };
    record(app, caller, about, reason).await?;
    Ok(refusal)
}

/// Records an attempt that started nothing.
async fn record(app: &App, caller: &Caller, about: About<'_>, reason: &str) -> Result<(), Fault> {
    let tx = app.begin().await?;
    let event = Event::new(Action::GoogleLoginRefused, about).with(json!({ "reason": reason }));
    audit::attempt(&tx, app, &caller.client, event).await?;
    tx.commit().await
}

//! Signing in with an ID token.

use serde_json::json;

use super::credential::{self, CredentialProblem, GoogleCredential, GoogleUser};
use super::resolve_account::resolve_account;
use super::step::{LoginRejection, Step};
use crate::app::App;
use crate::domain::caller::Caller;
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::deletion::{self, CancellationOffer};
use crate::services::refused::Refused;
use crate::services::sign_in::{self, SessionTokens};
use crate::services::throttle::{self, RateLimit};
use crate::stores::{Tx, identity, redemption, user};

/// RFC 8176 has no value for federated sign-in; this one is widely used.
const AMR: &str = "fed";
/// Attempts when concurrent requests change the account. The other request has committed by then, so
/// the next attempt sees its result.
const MAX_ATTEMPTS: usize = 4;

/// Why the sign-in was refused.
#[derive(Debug)]
pub enum GoogleLoginProblem {
    /// The token is invalid or was used before, or no account may be opened with it.
    TokenInvalid,
    /// The account is suspended.
    Suspended,
    /// An account has the address, and the token does not prove its ownership.
    Taken,
    /// Its owner has deleted the account, and can still keep it.
    Deleted(CancellationOffer),
}

impl From<CredentialProblem> for GoogleLoginProblem {
    fn from(_: CredentialProblem) -> Self {
        Self::TokenInvalid
    }
}

/// Signs in the user of an ID token. An unknown identity gets an account, or is linked to the one
/// with its address.
pub async fn login(
    app: &App,
    caller: &Caller,
    input: GoogleCredential,
) -> Result<SessionTokens, Refused<GoogleLoginProblem>> {
    throttle::charge(app, &caller.client, RateLimit::GoogleLogin).await?;
    let google_user = match credential::check(app, &caller.client, &input).await {
        Ok(google_user) => google_user,
        Err(refused) => return Err(reject_token(app, caller, refused).await?),
    };
    for _ in 0..MAX_ATTEMPTS {
        let tx = app.begin().await?;
        match resolve(&tx, app, caller, &google_user).await? {
            Step::SignIn(user) => {
                let tokens = start(&tx, app, caller, *user).await?;
                tx.commit().await?;
                app.wake_outbox();
                return Ok(tokens);
            }
            Step::OfferCancellation(owner) => {
                if let Some(offer) = offer_cancellation(tx, app, caller, owner).await? {
                    return Err(Refused::Because(GoogleLoginProblem::Deleted(offer)));
                }
            }
            Step::Retry => {}
            Step::Reject(rejection) => {
                // SQLite has one writer: release it before the rejection is recorded.
                drop(tx);
                return Err(reject(app, caller, rejection).await?);
            }
        }
    }
    Err(Fault::new("the account kept changing during a Google sign-in").into())
}

async fn resolve(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    google_user: &GoogleUser,
) -> Result<Step, Fault> {
    let now = app.clock.now();
    if !redemption::record(tx, &google_user.token_digest, google_user.expires_at, now).await? {
        return Ok(Step::Reject(LoginRejection::Replayed));
    }
    let known = identity::find(tx, &google_user.issuer, &google_user.subject).await?;
    let Some(known) = known else {
        return resolve_account(tx, app, caller, google_user).await;
    };
    let Some(owner) = user::find_by_id(tx, known.user_id).await? else {
        return Ok(Step::Retry);
    };
    let user = owner.user;
    if user.is_deleted() {
        return Ok(Step::Reject(LoginRejection::Deleted(user.id)));
    }
    if user.is_suspended() {
        return Ok(Step::Reject(LoginRejection::Suspended(user.id)));
    }
    let Some(user) = user::record_login(tx, user.id, user.credential_version, now).await? else {
        return Ok(Step::Retry);
    };
    identity::touch(tx, known.id, now).await?;
    Ok(Step::SignIn(Box::new(user)))
}

async fn start(tx: &Tx, app: &App, caller: &Caller, user: User) -> Result<SessionTokens, Fault> {
    let event = Event::new(Action::LoginSucceeded, Subject::User(user.id))
        .by_user(user.id)
        .with(json!({ "method": "google" }));
    audit::record(tx, app, &caller.client, event).await?;
    sign_in::start(tx, app, &caller.client, user, &[AMR]).await
}

/// Makes a token to keep the account, and consumes the ID token; `None` if the account was erased or
/// restored meanwhile, when the sign-in starts over.
async fn offer_cancellation(
    tx: Tx,
    app: &App,
    caller: &Caller,
    owner: UserId,
) -> Result<Option<CancellationOffer>, Fault> {
    let offer = deletion::offer_cancellation(&tx, app, owner).await?;
    if offer.is_some() {
        let event = Event::new(Action::GoogleLoginRefused, Subject::User(owner))
            .with(json!({ "reason": "deleted" }));
        audit::record_attempt(&tx, app, &caller.client, event).await?;
        tx.commit().await?;
    }
    Ok(offer)
}

async fn reject_token(
    app: &App,
    caller: &Caller,
    refused: Refused<CredentialProblem>,
) -> Result<Refused<GoogleLoginProblem>, Fault> {
    if let Refused::Because(CredentialProblem::Token(error)) = &refused {
        tracing::debug!(%error, "an ID token was refused");
        record(app, caller, Subject::System, &error.to_string()).await?;
    }
    Ok(refused.widen())
}

async fn reject(
    app: &App,
    caller: &Caller,
    rejection: LoginRejection,
) -> Result<Refused<GoogleLoginProblem>, Fault> {
    let (subject, reason, refusal) = match rejection {
        LoginRejection::Replayed => (
            Subject::System,
            "replayed",
            Refused::Because(GoogleLoginProblem::TokenInvalid),
        ),
        LoginRejection::EmailNotVerified(None) => (
            Subject::System,
            "no address",
            Refused::Because(GoogleLoginProblem::TokenInvalid),
        ),
        LoginRejection::EmailNotVerified(Some(email)) => {
            let identifier = Identifier::Email(email);
            let subject = Subject::UnknownIdentifier(&identifier);
            record(app, caller, subject, "unverified address").await?;
            return Ok(Refused::Because(GoogleLoginProblem::TokenInvalid));
        }
        LoginRejection::RegistrationClosed(email) => {
            let identifier = Identifier::Email(email);
            let subject = Subject::UnknownIdentifier(&identifier);
            record(app, caller, subject, "registration closed").await?;
            return Ok(Refused::RegistrationClosed);
        }
        LoginRejection::Suspended(user) => {
            let refusal = Refused::Because(GoogleLoginProblem::Suspended);
            (Subject::User(user), "suspended", refusal)
        }
        LoginRejection::Deleted(user) => {
            let refusal = Refused::Because(GoogleLoginProblem::TokenInvalid);
            (Subject::User(user), "deleted", refusal)
        }
        LoginRejection::Taken(user) => {
            let refusal = Refused::Because(GoogleLoginProblem::Taken);
            (Subject::User(user), "not linked", refusal)
        }
    };
    record(app, caller, subject, reason).await?;
    Ok(refusal)
}

/// Records a refused sign-in.
async fn record(
    app: &App,
    caller: &Caller,
    subject: Subject<'_>,
    reason: &str,
) -> Result<(), Fault> {
    let event = Event::new(Action::GoogleLoginRefused, subject).with(json!({ "reason": reason }));
    audit::record_attempt_alone(app, &caller.client, event).await
}

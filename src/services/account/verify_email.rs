//! Verifying an e-mail address.

use std::convert::Infallible;

use chrono::Duration;
use secrecy::SecretString;

use crate::app::App;
use crate::domain::caller::{Caller, SignedIn};
use crate::domain::identifier::Identifier;
use crate::domain::password::Password;
use crate::domain::user::{Contact, User};
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::messages::parts::{Link, ValidFor};
use crate::messages::{Channel, Message, Recipient};
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::erasure;
use crate::services::links;
use crate::services::outbox;
use crate::services::ownership::{self, AddressProof};
use crate::services::refused::Refused;
use crate::services::sign_in::{self, Authentication, SessionTokens};
use crate::services::throttle::{self, LimitKey, RateLimit};
use crate::stores::link::LinkPurpose;
use crate::stores::user::{Credentials, TieBreak};
use crate::stores::{Tx, decoy, user};

/// The token of a link and the password of the registration.
#[derive(Debug)]
pub struct EmailVerification {
    /// The token from the link.
    pub token: String,
    /// Required unless the caller is signed in to the account. Checked if given.
    pub password: Option<SecretString>,
}

/// Why the address was not verified.
#[derive(Debug, PartialEq, Eq)]
pub enum VerifyEmailProblem {
    /// Unknown, used, expired, or for an address that the account no longer has.
    TokenInvalid,
    /// The password is wrong.
    InvalidCredentials,
    /// The account is suspended.
    Suspended,
}

/// Redeems a confirmation link and signs in.
///
/// Requires the password, as a click alone proves too little: an attacker may have registered this
/// address, hoping that its owner confirms it (account pre-hijacking).
pub async fn verify_email(
    app: &App,
    caller: &Caller,
    input: EmailVerification,
) -> Result<SessionTokens, Refused<VerifyEmailProblem>> {
    throttle::charge(app, &caller.client, RateLimit::RedeemLink).await?;
    let presented = links::find(app, LinkPurpose::VerifyEmail, &input.token).await?;
    let presented = presented.ok_or(Refused::Because(VerifyEmailProblem::TokenInvalid))?;
    let owner = user::find_by_id(&app.database, presented.link.user_id).await?;
    let owner = owner
        .filter(|owner| !owner.user.is_deleted())
        .filter(|owner| presented.sent_to(&owner.user) == Some(Contact::Email))
        .ok_or(Refused::Because(VerifyEmailProblem::TokenInvalid))?;
    let is_own = |person: &&SignedIn| person.user() == owner.user.id;
    let authentication = match (caller.signed_in().filter(is_own), input.password) {
        // A link is no authentication: the session rests on the earlier one.
        (Some(person), None) => Authentication::of_session(person),
        (_, password) => {
            check_password(app, caller, &owner, password).await?;
            Authentication::now(app, &["pwd"])
        }
    };
    if owner.user.is_suspended() {
        return Err(Refused::Because(VerifyEmailProblem::Suspended));
    }
    let tx = app.begin().await?;
    // Locked first, as everywhere that links are deleted.
    let locked = user::lock(&tx, owner.user.id).await?;
    if locked.is_none_or(|user| user.is_deleted()) || !presented.consume(&tx, app).await? {
        return Err(Refused::Because(VerifyEmailProblem::TokenInvalid));
    }
    let tokens = confirm(&tx, app, caller, owner, authentication).await?;
    tx.commit().await?;
    Ok(tokens)
}

async fn check_password(
    app: &App,
    caller: &Caller,
    owner: &Credentials,
    typed: Option<SecretString>,
) -> Result<(), Refused<VerifyEmailProblem>> {
    let attempted = typed
        .ok_or_else(|| {
            let message = "give the password that was chosen at registration";
            Violation::new("password", ViolationRule::Required, message)
        })
        .and_then(Password::attempt)?;
    let limit = RateLimit::StepUp {
        user: owner.user.id,
    };
    throttle::charge(app, &caller.client, limit).await?;
    let verified = app
        .hasher
        .verify(attempted, owner.password_hash.clone())
        .await;
    let verification = verified?;
    if verification.matches {
        return Ok(());
    }
    let event = Event::new(Action::EmailVerificationFailed, Subject::of(owner));
    audit::record_alone(app, &caller.client, event).await?;
    Err(Refused::Because(VerifyEmailProblem::InvalidCredentials))
}

async fn confirm(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    owner: Credentials,
    authentication: Authentication,
) -> Result<SessionTokens, Refused<VerifyEmailProblem>> {
    let now = app.clock.now();
    let id = owner.user.id;
    let user = user::record_login(tx, id, owner.user.credential_version, now).await?;
    let user = user.ok_or(Refused::Because(VerifyEmailProblem::TokenInvalid))?;
    let proof = AddressProof::WithCredentials;
    let updated =
        ownership::mark_verified(tx, app, &caller.client, &owner, Contact::Email, proof).await?;
    let user = updated.unwrap_or(user);
    Ok(sign_in::start_with(tx, app, &caller.client, user, authentication).await?)
}

/// Sends a new confirmation link if an account needs one.
///
/// The answer and the work are the same if none does.
pub async fn request_email_verification(
    app: &App,
    caller: &Caller,
    typed: &str,
) -> Result<(), Refused<Infallible>> {
    let sent = request_link(app, caller, typed).await;
    if erasure::interrupted(&sent) {
        return request_link(app, caller, typed).await;
    }
    sent
}

async fn request_link(app: &App, caller: &Caller, typed: &str) -> Result<(), Refused<Infallible>> {
    let identifier = Identifier::read(typed, None);
    throttle::charge(
        app,
        &caller.client,
        RateLimit::RequestMessage {
            key: LimitKey::Identifier(&identifier),
        },
    )
    .await?;
    if !matches!(identifier, Identifier::Email(_)) {
        let message = "this is not an e-mail address";
        let violation = Violation::new("email", ViolationRule::InvalidEmail, message);
        return Err(violation.into());
    }
    let tie_break = caller.signed_in().map_or(TieBreak::Owner, |person| {
        TieBreak::PreferUser(person.user())
    });
    let found = user::find_by_identifier(&app.database, &identifier, tie_break).await?;
    let tx = app.begin().await?;
    if let Some(found) = found.as_ref().filter(|found| !found.user.email_verified) {
        send_link(&tx, app, &found.user).await?;
    } else {
        decoy::write(&tx, app.new_id()).await?;
        let recipient = Recipient {
            channel: Channel::Email,
            to: "",
            locale: None,
        };
        let link = Link(app.config.links.base_url.as_str());
        let valid = ValidFor::Hours(app.config.links.confirmation_seconds / 3600);
        let message = Message::VerifyEmail(link, valid);
        outbox::enqueue_decoy(&tx, app, &recipient, &message, None).await?;
    }
    let subject = found
        .as_ref()
        .map_or(Subject::UnknownIdentifier(&identifier), Subject::of);
    let event = Event::new(Action::EmailVerificationRequested, subject);
    audit::record_attempt(&tx, app, &caller.client, event).await?;
    tx.commit().await?;
    app.wake_outbox();
    Ok(())
}

/// Stores a new link and enqueues its message. Two statements.
pub(super) async fn send_link(tx: &Tx, app: &App, user: &User) -> Result<(), Fault> {
    let (Some(to), Some(address)) = (user.email.as_deref(), links::address(user, Contact::Email))
    else {
        return Ok(());
    };
    let lifetime = Duration::seconds(app.config.links.confirmation_seconds);
    let purpose = LinkPurpose::VerifyEmail;
    let created = links::create(tx, app, user, purpose, address, lifetime).await?;
    let valid = ValidFor::Hours(lifetime.num_hours());
    let message = Message::VerifyEmail(Link(created.url.as_str()), valid);
    let recipient = outbox::email_recipient(user, to);
    outbox::enqueue(
        tx,
        app,
        user,
        &recipient,
        &message,
        Some(created.expires_at),
    )
    .await
}

//! Requesting a password reset.

use std::convert::Infallible;

use chrono::Duration;

use crate::app::App;
use crate::domain::caller::Caller;
use crate::domain::code::CodePurpose;
use crate::domain::identifier::Identifier;
use crate::domain::role::AuthProvider;
use crate::domain::user::{Contact, User};
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::messages::parts::{Link, SignIn, ValidFor};
use crate::messages::{Channel, Message, Recipient};
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::code::{self, CodePool, CodeSubject};
use crate::services::refused::Refused;
use crate::services::throttle::{self, LimitKey, RateLimit, Target};
use crate::services::{device, erasure, links, outbox, ownership};
use crate::stores::link::LinkPurpose;
use crate::stores::user::{Credentials, TieBreak};
use crate::stores::{Tx, decoy, user};

/// Sends a link by mail or a code by text message, if an account can be recovered.
///
/// The answer and the work are the same if none can.
pub async fn request_password_reset(
    app: &App,
    caller: &Caller,
    typed: &str,
    device_token: Option<&str>,
) -> Result<(), Refused<Infallible>> {
    let sent = send(app, caller, typed, device_token).await;
    if erasure::interrupted(&sent) {
        return send(app, caller, typed, device_token).await;
    }
    sent
}

async fn send(
    app: &App,
    caller: &Caller,
    typed: &str,
    device_token: Option<&str>,
) -> Result<(), Refused<Infallible>> {
    let identifier = Identifier::read(typed, app.config.phone.region());
    let device = device::read(app, device_token);
    let key = LimitKey::device_or(device.as_ref(), &identifier);
    let limit = RateLimit::RequestMessage { key };
    throttle::charge(app, &caller.client, limit).await?;
    let Some(contact) = identifier.contact() else {
        let message = "give an e-mail address, or a phone number with its country code";
        let rule = ViolationRule::InvalidFormat;
        let violation = Violation::new("emailOrPhone", rule, message);
        return Err(violation.into());
    };
    outbox::check_sms_allowed(app, "emailOrPhone", &identifier)?;
    let found = user::find_by_identifier(&app.database, &identifier, TieBreak::Owner).await?;
    let target = Target::new(&identifier, found.as_ref(), device.as_ref());
    let limit = RateLimit::RequestMessageAccount { target };
    throttle::charge(app, &caller.client, limit).await?;
    let recoverable = found
        .as_ref()
        .filter(|found| ownership::can_recover_with(&found.user, contact));
    let tx = match contact {
        Contact::Email => {
            let tx = app.begin().await?;
            mail(&tx, app, recoverable).await?;
            tx
        }
        Contact::Phone => text(app, recoverable, &identifier, CodePool::of(target)).await?,
    };
    let subject = found
        .as_ref()
        .map_or(Subject::UnknownIdentifier(&identifier), Subject::of);
    let event = Event::new(Action::PasswordResetRequested, subject).by(caller);
    audit::record_attempt(&tx, app, &caller.client, event).await?;
    tx.commit().await?;
    app.wake_outbox();
    Ok(())
}

/// Sends a link, or a reminder to sign in with Google to accounts without a password. Every branch
/// executes two statements: keep them equal.
async fn mail(tx: &Tx, app: &App, recoverable: Option<&Credentials>) -> Result<(), Fault> {
    let lifetime = Duration::seconds(app.config.links.reset_seconds);
    let valid = ValidFor::Minutes(lifetime.num_minutes());
    let base = app.config.links.base_url.as_str();
    let Some((owner, to)) =
        recoverable.and_then(|found| Some((found, found.user.email.as_deref()?)))
    else {
        decoy::write(tx, app.new_id()).await?;
        let recipient = Recipient {
            channel: Channel::Email,
            to: "",
            locale: None,
        };
        let message = Message::ResetPassword(Link(base), valid);
        return outbox::enqueue_decoy(tx, app, &recipient, &message, None).await;
    };
    let recipient = outbox::email_recipient(&owner.user, to);
    if signs_in_with_google(owner) {
        decoy::write(tx, app.new_id()).await?;
        let message = Message::SignInWithGoogle(SignIn(base));
        return outbox::enqueue(tx, app, &owner.user, &recipient, &message, None).await;
    }
    let address = address(&owner.user, Contact::Email)?;
    let purpose = LinkPurpose::ResetPassword;
    let created = links::create(tx, app, &owner.user, purpose, address, lifetime).await?;
    let message = Message::ResetPassword(Link(created.url.as_str()), valid);
    outbox::enqueue(
        tx,
        app,
        &owner.user,
        &recipient,
        &message,
        Some(created.expires_at),
    )
    .await
}

/// Sends a code, which is issued before the transaction begins: a transaction must not wait for the
/// shared store.
async fn text(
    app: &App,
    recoverable: Option<&Credentials>,
    identifier: &Identifier,
    pool: CodePool,
) -> Result<Tx, Refused<Infallible>> {
    let purpose = CodePurpose::ResetPassword;
    let subject = recoverable.map_or(CodeSubject::Unknown, |found| CodeSubject::User(&found.user));
    let issued = code::issue(app, subject, purpose, identifier, pool).await?;
    let message = Message::code(purpose, issued.code.reveal(), issued.minutes);
    let until = Some(issued.expires_at);
    let tx = app.begin().await?;
    if let Some((user, to)) =
        recoverable.and_then(|found| Some((&found.user, found.user.phone.as_deref()?)))
    {
        let recipient = outbox::sms_recipient(user, to);
        outbox::enqueue(&tx, app, user, &recipient, &message, until).await?;
    } else {
        let recipient = Recipient {
            channel: Channel::Sms,
            to: "",
            locale: None,
        };
        outbox::enqueue_decoy(&tx, app, &recipient, &message, until).await?;
    }
    Ok(tx)
}

fn address(user: &User, contact: Contact) -> Result<String, Fault> {
    links::address(user, contact)
        .ok_or_else(|| Fault::new("a reset for an account without this address"))
}

/// Whether the account has no password and signs in with Google.
fn signs_in_with_google(owner: &Credentials) -> bool {
    owner.password_hash.is_none() && owner.user.auth_provider == AuthProvider::Google
}

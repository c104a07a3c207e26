//! Writing messages to the outbox, in the transaction that they report.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::app::App;
use crate::crypto::keyring::Purpose;
use crate::domain::email::EmailAddress;
use crate::domain::identifier::Identifier;
use crate::domain::ids::{MessageId, UserId};
use crate::domain::user::User;
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::messages::{Body, Channel, Message, Recipient};
use crate::stores::Tx;
use crate::stores::outbox_message::{self, DECOY_CHANNEL};

/// Enqueues a message about this person's account, which is dropped if it is not sent before `until`,
/// and withdrawn when the account is deleted.
pub(super) async fn enqueue(
    tx: &Tx,
    app: &App,
    person: &User,
    recipient: &Recipient<'_>,
    message: &Message<'_>,
    until: Option<DateTime<Utc>>,
) -> Result<(), Fault> {
    let (channel, person) = (recipient.channel.as_str(), Some(person.id));
    write(tx, app, recipient, message, until, (channel, person)).await
}

/// Enqueues a decoy that is never sent, at the same cost as a real message.
///
/// Otherwise the response time would reveal whether an address has an account.
pub(super) async fn enqueue_decoy(
    tx: &Tx,
    app: &App,
    recipient: &Recipient<'_>,
    message: &Message<'_>,
    until: Option<DateTime<Utc>>,
) -> Result<(), Fault> {
    write(tx, app, recipient, message, until, (DECOY_CHANNEL, None)).await
}

async fn write(
    tx: &Tx,
    app: &App,
    recipient: &Recipient<'_>,
    message: &Message<'_>,
    until: Option<DateTime<Utc>>,
    (channel, user): (&'static str, Option<UserId>),
) -> Result<(), Fault> {
    let id: MessageId = app.new_id();
    let to = delivery_address(recipient);
    let recipient = Recipient {
        to: &to,
        ..*recipient
    };
    let body = serde_json::to_vec(&app.templates.render(&recipient, message))?;
    let sealed_body = app
        .keyring
        .seal(Purpose::Outbox, &app.random, id.uuid().as_bytes(), &body);
    let new = outbox_message::NewMessage {
        id,
        kind: message.kind(),
        channel,
        sealed_body,
        expires_at: until,
        user,
    };
    outbox_message::insert(tx, new, app.clock.now()).await
}

/// The form of an address that the protocol needs; the form that was typed is only displayed.
///
/// Registering another spelling of a domain must not divert mail from its owner.
fn delivery_address<'a>(recipient: &Recipient<'a>) -> Cow<'a, str> {
    match (recipient.channel, EmailAddress::parse(recipient.to)) {
        (Channel::Email, Ok(address)) => Cow::Owned(address.deliverable()),
        _ => Cow::Borrowed(recipient.to),
    }
}

/// A user's mailbox, in their language.
pub(super) fn email_recipient<'a>(user: &'a User, to: &'a str) -> Recipient<'a> {
    Recipient {
        channel: Channel::Email,
        to,
        locale: user.locale.as_deref(),
    }
}

/// A user's phone, in their language.
pub(super) fn sms_recipient<'a>(user: &'a User, to: &'a str) -> Recipient<'a> {
    Recipient {
        channel: Channel::Sms,
        to,
        locale: user.locale.as_deref(),
    }
}

/// Whether text messages may be sent to this identifier, if it is a phone number; otherwise a
/// violation at `path`.
///
/// Checked for every number that is to get a message, with or without an account.
pub(super) fn check_sms_allowed(
    app: &App,
    path: &str,
    named: &Identifier,
) -> Result<(), Violation> {
    let Identifier::Phone(number) = named else {
        return Ok(());
    };
    match app.config.sms.destination(number) {
        Ok(_) => Ok(()),
        Err(rule) => {
            let rule = rule.to_string();
            Err(Violation::new(path, ViolationRule::NotAllowed, rule))
        }
    }
}

/// Every verified address of a user.
pub(super) fn verified_addresses(user: &User) -> impl Iterator<Item = Recipient<'_>> {
    let email = user.email.as_deref().filter(|_| user.email_verified);
    let phone = user.phone.as_deref().filter(|_| user.phone_verified);
    let email_recipient = email.map(|email| email_recipient(user, email));
    email_recipient
        .into_iter()
        .chain(phone.map(|phone| sms_recipient(user, phone)))
}

/// Opens the body of a claimed message. The fault contains no part of it.
pub(super) fn open(app: &App, id: MessageId, sealed: &[u8]) -> Result<Body, Fault> {
    let body = app
        .keyring
        .open(Purpose::Outbox, id.uuid().as_bytes(), sealed)?;
    // The parser's own error would quote the text.
    serde_json::from_slice(&body).map_err(|_| Fault::new("the contents are no message"))
}

//! Putting messages into the outbox, in the transaction of what they announce.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::app::App;
use crate::crypto::keyring::Purpose;
use crate::domain::email::EmailAddress;
use crate::domain::identifier::Identifier;
use crate::domain::ids::MessageId;
use crate::domain::user::User;
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::messages::{Body, Channel, Message, Recipient};
use crate::stores::Tx;
use crate::stores::outbox_message::{self, NOWHERE};

/// Adds a message to the transaction; after `until` it has no point and is not sent any more.
pub(super) async fn enqueue(
    tx: &Tx,
    app: &App,
    recipient: &Recipient<'_>,
    message: &Message<'_>,
    until: Option<DateTime<Utc>>,
) -> Result<(), Fault> {
    write(
        tx,
        app,
        recipient,
        message,
        until,
        recipient.channel.as_str(),
    )
    .await
}

/// Adds a message that nobody gets, at the price of one that somebody does.
///
/// Without it the time of an answer would tell whether an address has an account.
pub(super) async fn enqueue_decoy(
    tx: &Tx,
    app: &App,
    recipient: &Recipient<'_>,
    message: &Message<'_>,
    until: Option<DateTime<Utc>>,
) -> Result<(), Fault> {
    write(tx, app, recipient, message, until, NOWHERE).await
}

async fn write(
    tx: &Tx,
    app: &App,
    recipient: &Recipient<'_>,
    message: &Message<'_>,
    until: Option<DateTime<Utc>>,
    channel: &'static str,
) -> Result<(), Fault> {
    let id: MessageId = app.new_id();
    let to = deliverable(recipient);
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
    };
    outbox_message::insert(tx, new, app.clock.now()).await
}

/// Where a message goes: what somebody typed is for showing, this is what protocols carry.
///
/// Whoever registers another spelling of a domain must not keep its owner from getting mail.
fn deliverable<'a>(recipient: &Recipient<'a>) -> Cow<'a, str> {
    match (recipient.channel, EmailAddress::parse(recipient.to)) {
        (Channel::Email, Ok(address)) => Cow::Owned(address.deliverable()),
        _ => Cow::Borrowed(recipient.to),
    }
}

/// A person's mailbox, in the language they prefer.
pub(super) fn by_mail<'a>(user: &'a User, to: &'a str) -> Recipient<'a> {
    Recipient {
        channel: Channel::Email,
        to,
        locale: user.locale.as_deref(),
    }
}

/// A person's phone, in the language they prefer.
pub(super) fn by_text<'a>(user: &'a User, to: &'a str) -> Recipient<'a> {
    Recipient {
        channel: Channel::Sms,
        to,
        locale: user.locale.as_deref(),
    }
}

/// Whether text messages go to this identifier, if it is a phone number; the violation is at `path`.
///
/// Asked wherever a number is named to get a message, whether or not somebody has it.
pub(super) fn check_texts(app: &App, path: &str, named: &Identifier) -> Result<(), Violation> {
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

/// Every address that a person proved.
pub(super) fn proven(user: &User) -> impl Iterator<Item = Recipient<'_>> {
    let email = user.email.as_deref().filter(|_| user.email_verified);
    let phone = user.phone.as_deref().filter(|_| user.phone_verified);
    let by_mail = email.map(|email| by_mail(user, email));
    by_mail
        .into_iter()
        .chain(phone.map(|phone| by_text(user, phone)))
}

/// Opens the contents of a claimed message. The fault names no part of them.
pub(super) fn open(app: &App, id: MessageId, sealed: &[u8]) -> Result<Body, Fault> {
    let body = app
        .keyring
        .open(Purpose::Outbox, id.uuid().as_bytes(), sealed)?;
    // The parser's own error would quote what it stumbled over.
    serde_json::from_slice(&body).map_err(|_| Fault::new("the contents are no message"))
}

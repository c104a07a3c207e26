//! Requesting a code.

use std::convert::Infallible;

use serde_json::json;

use super::{CodeRequest, contact, is_applicable, tie_break};
use crate::app::App;
use crate::domain::caller::Caller;
use crate::domain::code::CodePurpose;
use crate::domain::identifier::Identifier;
use crate::domain::user::Contact;
use crate::messages::{Channel, Message, Recipient};
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::code::{self, CodeSubject};
use crate::services::refused::Refused;
use crate::services::throttle::RateLimit;
use crate::services::{erasure, outbox};
use crate::stores::user;

/// A code has been sent, if an account can use it.
#[derive(Clone, Copy, Debug)]
pub struct OtpSent {
    /// Lifetime of the code in seconds.
    pub expires_in: i64,
    /// Seconds until another one can be requested.
    pub resend_after: i64,
}

/// Sends a code of this purpose, if an account can use it.
///
/// The answer and the work are the same if none can.
pub async fn request_otp(
    app: &App,
    caller: &Caller,
    typed: &str,
    purpose: CodePurpose,
    device_token: Option<&str>,
) -> Result<OtpSent, Refused<Infallible>> {
    let sent = send(app, caller, typed, purpose, device_token).await;
    if erasure::interrupted(&sent) {
        return send(app, caller, typed, purpose, device_token).await;
    }
    sent
}

async fn send(
    app: &App,
    caller: &Caller,
    typed: &str,
    purpose: CodePurpose,
    device_token: Option<&str>,
) -> Result<OtpSent, Refused<Infallible>> {
    let identifier = Identifier::read(typed, app.config.phone.region());
    let request = CodeRequest::new(app, caller, purpose, &identifier, device_token);
    let key = request.key();
    request.charge(RateLimit::RequestMessage { key }).await?;
    let contact = contact(purpose, &identifier)?;
    outbox::check_sms_allowed(app, "emailOrPhone", &identifier)?;

    let found = user::find_by_identifier(&app.database, &identifier, tie_break(caller)).await?;
    if request.person.is_none() {
        let target = request.target(found.as_ref());
        request
            .charge(RateLimit::RequestMessageAccount { target })
            .await?;
    }
    let applicable = found
        .as_ref()
        .filter(|found| is_applicable(caller, &found.user, purpose, contact));
    let subject = applicable.map_or(CodeSubject::Unknown, |found| CodeSubject::User(&found.user));
    let issued = code::issue(
        app,
        subject,
        purpose,
        &identifier,
        request.pool(found.as_ref()),
    )
    .await?;

    let message = Message::code(purpose, issued.code.reveal(), issued.minutes);
    let recipient = Recipient {
        channel: match contact {
            Contact::Email => Channel::Email,
            Contact::Phone => Channel::Sms,
        },
        to: applicable.map_or("", |found| stored(&found.user, contact)),
        locale: applicable.and_then(|found| found.user.locale.as_deref()),
    };
    let tx = app.begin().await?;
    let until = Some(issued.expires_at);
    if let Some(found) = applicable {
        outbox::enqueue(&tx, app, &found.user, &recipient, &message, until).await?;
    } else {
        outbox::enqueue_decoy(&tx, app, &recipient, &message, until).await?;
    }
    let subject = found
        .as_ref()
        .map_or(Subject::UnknownIdentifier(&identifier), Subject::of);
    let event = Event::new(Action::CodeRequested, subject)
        .by(caller)
        .with(json!({ "purpose": purpose.as_str() }));
    audit::record_attempt(&tx, app, &caller.client, event).await?;
    tx.commit().await?;
    app.wake_outbox();
    Ok(OtpSent {
        expires_in: issued.seconds,
        resend_after: app.config.otp.resend_seconds.into(),
    })
}

/// Messages go to the stored address, never to a spelling that was typed (CVE-2019-19844).
fn stored(user: &crate::domain::user::User, contact: Contact) -> &str {
    let address = match contact {
        Contact::Email => &user.email,
        Contact::Phone => &user.phone,
    };
    address.as_deref().unwrap_or_default()
}

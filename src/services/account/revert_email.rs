//! Reverting a change of address by the link sent to the old one.

use std::convert::Infallible;

use chrono::Duration;
use serde_json::json;

use crate::app::App;
use crate::domain::caller::Caller;
use crate::domain::email::EmailAddress;
use crate::domain::identifier::Identifier;
use crate::domain::session::RevocationReason;
use crate::domain::user::{Contact, User};
use crate::fault::Fault;
use crate::messages::parts::{Link, ValidFor};
use crate::messages::{Channel, Message, Recipient};
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::recovery::{self, KeptIdentities};
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};
use crate::services::{links, outbox, ownership};
use crate::stores::link::LinkPurpose;
use crate::stores::session::SessionSet;
use crate::stores::user::{self, Credentials};
use crate::stores::{Tx, link, password, session};

/// Why the account keeps the new address.
#[derive(Debug, PartialEq, Eq)]
pub enum RevertEmailChangeProblem {
    /// The token is unknown, used or expired.
    TokenInvalid,
    /// Another account has the old address by now.
    Taken,
}

/// Moves the account back to its old address.
///
/// The owner reports that an attacker had access. So the password, every session, later links,
/// recent identities and the verification of the phone number are removed, and a reset link is sent.
pub async fn revert_email_change(
    app: &App,
    caller: &Caller,
    token: &str,
) -> Result<(), Refused<RevertEmailChangeProblem, Infallible>> {
    throttle::charge(app, &caller.client, RateLimit::RedeemLink).await?;
    let presented = links::find(app, LinkPurpose::RevertEmail, token).await?;
    let presented = presented.ok_or(Refused::Because(RevertEmailChangeProblem::TokenInvalid))?;
    let found = user::find_by_id(&app.database, presented.link.user_id).await?;
    let owner = found.filter(|owner| !owner.user.is_deleted());
    let owner = owner.ok_or(Refused::Because(RevertEmailChangeProblem::TokenInvalid))?;
    let old = EmailAddress::parse(&presented.link.address)?;

    let tx = app.begin().await?;
    let now = app.clock.now();
    let (id, version) = (owner.user.id, owner.user.credential_version);
    let renewed = user::renew_credentials(&tx, id, version, now).await?;
    if renewed.is_none() || !presented.consume(&tx, app).await? {
        return Err(Refused::Because(RevertEmailChangeProblem::TokenInvalid));
    }
    let identifier = Identifier::Email(old.clone());
    if !ownership::claim_address(&tx, app, &caller.client, &identifier, id).await?
        || user::change_address(&tx, id, &identifier, now)
            .await?
            .is_none()
    {
        return Err(Refused::Because(RevertEmailChangeProblem::Taken));
    }
    let reason = RevocationReason::EmailReverted;
    let restored = user::mark_unverified(&tx, id, Contact::Phone).await?;
    password::delete(&tx, id).await?;
    session::revoke(&tx, id, SessionSet::All, reason, now).await?;
    let ending = (id, KeptIdentities::None);
    recovery::unlink_recent_identities(&tx, app, &caller.client, &restored, ending).await?;
    // Older revert links lead further back and may be the owner's.
    link::delete_since(&tx, &presented.link).await?;
    send_reset(&tx, app, &owner.user, &old).await?;
    record(&tx, app, caller, &owner, &old).await?;
    tx.commit().await?;
    app.wake_outbox();
    Ok(())
}

async fn send_reset(tx: &Tx, app: &App, owner: &User, old: &EmailAddress) -> Result<(), Fault> {
    let lifetime = Duration::seconds(app.config.links.reset_seconds);
    let purpose = LinkPurpose::ResetPassword;
    let address = old.canonical().to_owned();
    let created = links::create(tx, app, owner, purpose, address, lifetime).await?;
    let valid = ValidFor::Minutes(lifetime.num_minutes());
    let message = Message::EmailReverted(Link(created.url.as_str()), valid);
    let recipient = Recipient {
        channel: Channel::Email,
        to: old.as_str(),
        locale: owner.locale.as_deref(),
    };
    outbox::enqueue(
        tx,
        app,
        owner,
        &recipient,
        &message,
        Some(created.expires_at),
    )
    .await
}

async fn record(
    tx: &Tx,
    app: &App,
    caller: &Caller,
    owner: &Credentials,
    old: &EmailAddress,
) -> Result<(), Fault> {
    let subject = Subject::of(owner);
    let changes = json!({ "email": { "before": owner.user.email, "after": old.as_str() } });
    let event = Event::new(Action::EmailReverted, subject)
        .by_user(owner.user.id)
        .with(changes);
    audit::record(tx, app, &caller.client, event).await
}

//! Deleting one's own account, for as long as one can take that back.

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use crate::app::App;
use crate::domain::caller::{Caller, Fresh};
use crate::domain::role::Role;
use crate::domain::session::RevocationReason;
use crate::domain::user::{Contact, User};
use crate::fault::Fault;
use crate::messages::parts::{Link, ValidFor};
use crate::messages::{Message, Recipient};
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::deletion::{self, Terms};
use crate::services::refused::Refused;
use crate::services::staff_change::{changed, read_reason};
use crate::services::throttle::{self, RateLimit};
use crate::services::{links, outbox};
use crate::stores::link::LinkPurpose;
use crate::stores::user::{self, LockScope};
use crate::stores::{Tx, session};

/// Why the account was not deleted.
#[derive(Debug, PartialEq, Eq)]
pub enum DeleteAccountProblem {
    /// There would be no administrator left.
    LastAdmin,
}

/// Deletes the caller's account and sends them a link to keep it; returns until when they can.
pub async fn delete_my_account(
    app: &App,
    caller: &Caller,
    person: Fresh<'_>,
    mut reason: Option<String>,
) -> Result<DateTime<Utc>, Refused<DeleteAccountProblem>> {
    let id = person.user();
    let limit = RateLimit::AccountChange { user: id };
    throttle::charge(app, &caller.client, limit).await?;
    read_reason(&mut reason)?;
    let tx = app.begin().await?;
    let now = app.clock.now();
    // All administrators are held, so that the last two cannot both leave.
    let held = user::lock_for_administration(&tx, [id, id], LockScope::BothAndAdmins).await?;
    let owner = held.into_iter().find(|user| user.id == id);
    let session = session::find_with_user(&tx, person.session()).await?;
    let is_live = session.is_some_and(|(session, _)| session.is_live(now));
    let owner = owner.filter(|owner| is_live && owner.may_sign_in());
    let owner = owner.ok_or(Refused::Unauthenticated)?;
    if owner.role == Role::Admin && user::count_other_admins(&tx, id).await? == 0 {
        return Err(Refused::Because(DeleteAccountProblem::LastAdmin));
    }
    let restorable_until = now + Duration::days(app.config.lifecycle.grace_days);
    let terms = Terms {
        by: id,
        reason: reason.clone(),
        restorable_until,
        ended_as: RevocationReason::Deleted,
    };
    let (deleted, sessions) = deletion::delete(&tx, app, &owner, terms).await?;
    send_link(&tx, app, &deleted, restorable_until).await?;
    let mut changes = changed("isDeleted", json!(false), json!(true));
    changes.insert("sessions".to_owned(), json!(sessions));
    if let Some(reason) = reason {
        changes.insert("reason".to_owned(), json!(reason));
    }
    let event = Event::new(Action::AccountDeleted, Subject::User(id))
        .by(caller)
        .with(changes.into());
    audit::record(&tx, app, &caller.client, event).await?;
    tx.commit().await?;
    app.wake_outbox();
    Ok(restorable_until)
}

/// Sends the link to the verified e-mail address, else to the verified number; to an account without
/// either, to the address that it has.
async fn send_link(tx: &Tx, app: &App, owner: &User, until: DateTime<Utc>) -> Result<(), Fault> {
    let Some((contact, recipient)) = recipient(owner) else {
        return Ok(());
    };
    let purpose = LinkPurpose::CancelDeletion;
    let address = links::address(owner, contact);
    let address = address.ok_or_else(|| Fault::new("an account without this address"))?;
    let lifetime = until - app.clock.now();
    let created = links::create(tx, app, owner, purpose, address, lifetime).await?;
    let valid = ValidFor::Days(lifetime.num_days());
    let message = Message::AccountDeleted(Link(created.url.as_str()), valid);
    outbox::enqueue(tx, app, owner, &recipient, &message, Some(until)).await
}

fn recipient(owner: &User) -> Option<(Contact, Recipient<'_>)> {
    let email = owner.email.as_deref();
    let email = email.map(|to| (Contact::Email, outbox::email_recipient(owner, to)));
    let phone = owner.phone.as_deref();
    let phone = phone.map(|to| (Contact::Phone, outbox::sms_recipient(owner, to)));
    let is_verified = |(contact, _): &(Contact, Recipient<'_>)| owner.has_verified(*contact);
    email
        .filter(is_verified)
        .or(phone.filter(is_verified))
        .or(email)
        .or(phone)
}

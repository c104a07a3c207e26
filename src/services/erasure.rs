//! Erasing an account: its rows, its key and what is kept about it elsewhere.
//!
//! Audit events stay. What they say about the person is sealed under the key that is removed here, so
//! it cannot be read any more.

use crate::app::App;
use crate::domain::caller::Client;
use crate::domain::email::EmailAddress;
use crate::domain::ids::MessageId;
use crate::domain::session::RevocationReason;
use crate::domain::user::User;
use crate::fault::Fault;
use crate::services::audit::{self, Event};
use crate::services::avatar;
use crate::services::code;
use crate::services::refused::Refused;
use crate::stores::session::{self, SessionSet};
use crate::stores::{Tx, import_record, outbox_message, person_key, refresh_token, user};

/// An account that is gone once the transaction commits.
pub(super) struct Erased {
    person: User,
    messages: Vec<MessageId>,
}

/// Erases a locked account and records it by this event, which names the person by id alone.
pub(super) async fn erase(
    tx: &Tx,
    app: &App,
    client: &Client,
    held: &User,
    event: Event<'_>,
) -> Result<Erased, Fault> {
    let (id, now) = (held.id, app.clock.now());
    refresh_token::lock_of_user(tx, id).await?;
    let messages = outbox_message::ids_of_user(tx, id).await?;
    avatar::enqueue_removal(tx, app, held).await?;
    // Revoked first, which tells open connections that they have ended.
    session::revoke(tx, id, SessionSet::All, RevocationReason::Erased, now).await?;
    // What stays says that the next import leaves the person out.
    import_record::forget(tx, held).await?;
    if !user::delete(tx, id).await? {
        return Err(Fault::new("an account changed while it was held"));
    }
    person_key::delete(tx, id).await?;
    audit::record(tx, app, client, event).await?;
    Ok(Erased {
        person: held.clone(),
        messages,
    })
}

/// Removes what is kept about erased people outside of the tables, after the commit. Whatever cannot
/// be reached expires by itself; nothing there names a person.
pub(super) async fn forget(app: &App, erased: &[Erased]) {
    app.wake_removing();
    for Erased { person, .. } in erased {
        code::drop_all(app, person).await;
    }
    let addresses: Vec<String> = erased
        .iter()
        .flat_map(|one| addresses(&one.person))
        .collect();
    let messages = erased.iter().flat_map(|one| &one.messages).copied();
    let messages: Vec<MessageId> = messages.collect();
    if let Err(fault) = app.forget_mail(&messages, &addresses).await {
        tracing::warn!(
            ?fault,
            "the development mailbox keeps mail to an erased account"
        );
    }
    if let Err(fault) = app.database.empty_log().await {
        tracing::warn!(?fault, "the write-ahead log was not emptied");
    }
}

/// Every form of the addresses that messages are sent to.
fn addresses(person: &User) -> impl Iterator<Item = String> + use<> {
    let email = person.email.clone();
    let parsed = email
        .as_deref()
        .and_then(|email| EmailAddress::parse(email).ok());
    let deliverable = parsed.map(|email| email.deliverable());
    [email, deliverable, person.phone.clone()]
        .into_iter()
        .flatten()
}

/// Whether a request failed because the account that it found was erased meanwhile. Once repeated, it
/// finds none.
pub(super) fn interrupted<T, P, I>(outcome: &Result<T, Refused<P, I>>) -> bool {
    matches!(outcome, Err(Refused::Fault(fault)) if crate::app::is_orphaned(fault))
}

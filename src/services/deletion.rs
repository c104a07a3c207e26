//! Soft deletion: what it ends, the sealed copy that it leaves, and how it is reversed.
//!
//! The rows of the account and of its password stay, marked. Identities are unlinked, so that others
//! can link them, and the copy says which. It is sealed under the person's key: erasing the key erases
//! it everywhere, also in backups.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::app::App;
use crate::domain::deletion::{DeletedRecord, Taken};
use crate::domain::ids::{DeletedRecordId, IdentityId, UserId};
use crate::domain::session::RevocationReason;
use crate::domain::token::PlainToken;
use crate::domain::user::{Contact, User};
use crate::fault::Fault;
use crate::services::audit;
use crate::services::links;
use crate::stores::link::{self, LinkPurpose};
use crate::stores::session::{self, SessionSet};
use crate::stores::{
    Tx, data_export, deleted_record, erasure_request, identity, outbox_message, person_key, user,
};

/// The layout of the copy.
const VERSION: u32 = 1;
/// How long the token is valid that a sign-in to a deleted account returns.
const CANCELLATION_MINUTES: i64 = 10;

/// An account as it was when it was deleted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeletedData {
    version: u32,
    /// Every column of the account.
    user: Value,
    /// Every linked identity.
    identities: Vec<Value>,
    reason: Option<String>,
}

impl DeletedData {
    /// The account and its identities, as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        json!({ "version": self.version, "user": self.user, "identities": self.identities })
            .to_string()
    }

    /// Why it was deleted.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    fn identities(&self) -> Result<Vec<IdentityId>, Fault> {
        let ids = self.identities.iter().map(|identity| {
            let id = identity.get("id").and_then(Value::as_str);
            let id = id.and_then(|id| id.parse().ok());
            id.ok_or_else(|| Fault::new("the copy of a deleted account has an identity without id"))
        });
        ids.collect()
    }
}

/// Opens the copy of a deleted account; `None` without the person's key.
pub fn open(
    app: &App,
    record: &DeletedRecord,
    sealed_key: Option<&[u8]>,
) -> Result<Option<DeletedData>, Fault> {
    let Some(sealed_key) = sealed_key else {
        return Ok(None);
    };
    let key = audit::open_person_key(app, record.user, sealed_key)?;
    let plain = key.open(&bound_to(record.id), &record.sealed_data)?;
    Ok(Some(serde_json::from_slice(&plain)?))
}

/// Binds the copy to its row, and keeps it apart from audit details under the same key.
fn bound_to(id: DeletedRecordId) -> Vec<u8> {
    [b"deleted-record".as_slice(), id.uuid().as_bytes()].concat()
}

/// Who deletes an account, and on what terms.
pub(super) struct Terms {
    pub(super) by: UserId,
    pub(super) reason: Option<String>,
    pub(super) restorable_until: DateTime<Utc>,
    pub(super) ended_as: RevocationReason,
}

/// Soft-deletes a locked, live account; returns it as written, and how many sessions ended.
///
/// Ends sessions, links, codes and device tokens, and withdraws messages that were not delivered.
pub(super) async fn delete(
    tx: &Tx,
    app: &App,
    held: &User,
    terms: Terms,
) -> Result<(User, u64), Fault> {
    let (id, now) = (held.id, app.clock.now());
    data_export::delete_all_of_user(tx, id).await?;
    let sealed_key = if let Some(sealed_key) = person_key::find(tx, id).await? {
        sealed_key
    } else {
        let sealed_key = audit::new_person_key(app, id);
        person_key::insert(tx, id, sealed_key.clone(), now).await?;
        sealed_key
    };
    let gone = || Fault::new("an account changed while it was held");
    let data = DeletedData {
        version: VERSION,
        user: user::as_json(tx, id).await?.ok_or_else(gone)?,
        identities: identity::unlink_all(tx, id, now).await?,
        reason: terms.reason,
    };
    let record: DeletedRecordId = app.new_id();
    let key = audit::open_person_key(app, id, &sealed_key)?;
    let data = serde_json::to_vec(&data)?;
    let new = deleted_record::NewRecord {
        id: record,
        user: id,
        pid: held.pid.clone(),
        deleted_by: terms.by,
        deleted_at: now,
        restorable_until: terms.restorable_until,
        sealed_data: key.seal(&app.random, &bound_to(record), &data),
    };
    deleted_record::insert(tx, new).await?;
    let deleted = user::mark_deleted(tx, id, now).await?.ok_or_else(gone)?;
    let sessions = session::revoke(tx, id, SessionSet::All, terms.ended_as, now).await?;
    // The oldest revert link works again once the account does: a thief who has moved the account and
    // then deletes it must not end the owner's way back.
    link::delete_all_but_first_revert(tx, id, now).await?;
    outbox_message::withdraw(tx, id).await?;
    Ok((deleted, sessions))
}

/// The outcome of an attempt to restore an account.
pub(super) enum Restoration {
    /// It is live again.
    Done(Box<User>),
    /// Another account has taken these.
    Taken(Vec<Taken>),
    /// Another account took something just now: the transaction is lost, and the next attempt sees it.
    Raced,
}

/// Attempts to restore an account; each sees what the one before collided with.
pub(super) const MAX_ATTEMPTS: usize = 4;

/// Makes a locked, deleted account live again, with its password, addresses and identities. Sessions,
/// codes and device tokens stay ended.
pub(super) async fn restore(
    tx: &Tx,
    app: &App,
    held: &User,
    record: &DeletedRecord,
) -> Result<Restoration, Fault> {
    let sealed_key = person_key::find(tx, held.id).await?;
    let data = open(app, record, sealed_key.as_deref())?;
    let data = data.ok_or_else(|| Fault::new("a deleted account has no key"))?;
    let identities = data.identities()?;
    let addresses = user::taken_addresses(tx, held).await?;
    let mut taken: Vec<Taken> = addresses
        .into_iter()
        .map(|contact| match contact {
            Contact::Email => Taken::Email,
            Contact::Phone => Taken::Phone,
        })
        .collect();
    if identity::are_linked_elsewhere(tx, held.id, &identities).await? {
        taken.push(Taken::GoogleIdentity);
    }
    if !taken.is_empty() {
        return Ok(Restoration::Taken(taken));
    }
    deleted_record::delete(tx, held.id).await?;
    erasure_request::delete(tx, held.id).await?;
    link::delete_of_user(tx, held.id, LinkPurpose::CancelDeletion).await?;
    outbox_message::withdraw(tx, held.id).await?;
    let Some(restored) = user::mark_restored(tx, held.id).await? else {
        return Ok(Restoration::Raced);
    };
    if !identity::relink(tx, held.id, &identities).await? {
        return Ok(Restoration::Raced);
    }
    Ok(Restoration::Done(Box::new(restored)))
}

/// The fault of a restoration that collided with others each time.
pub(super) fn kept_changing() -> Fault {
    Fault::new("the addresses of an account kept changing while it was restored")
}

/// What the owner of a deleted account gets by signing in: a token to keep it.
#[derive(Debug)]
pub struct CancellationOffer {
    /// The token, for `cancelAccountDeletion`.
    pub token: PlainToken,
    /// Until when the account can be kept.
    pub restorable_until: DateTime<Utc>,
}

/// Makes a token with which an owner who has just authenticated can keep the account; `None` when it
/// cannot be kept any more.
pub(super) async fn offer_cancellation(
    tx: &Tx,
    app: &App,
    owner: UserId,
) -> Result<Option<CancellationOffer>, Fault> {
    let now = app.clock.now();
    let Some(held) = user::lock(tx, owner).await?.filter(User::is_deleted) else {
        return Ok(None);
    };
    let record = deleted_record::lock(tx, owner).await?;
    let Some(record) = record.filter(|record| record.is_cancellable(now)) else {
        return Ok(None);
    };
    let lifetime = Duration::minutes(CANCELLATION_MINUTES).min(record.restorable_until - now);
    let (purpose, nowhere) = (LinkPurpose::CancelDeletion, String::new());
    let created = links::create(tx, app, &held, purpose, nowhere, lifetime).await?;
    Ok(Some(CancellationOffer {
        token: created.token,
        restorable_until: record.restorable_until,
    }))
}

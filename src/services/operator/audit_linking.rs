//! Linking audit events into the chain, after they are written and without blocking the writers.
//!
//! The row with the head of the chain is the lease: one instance at a time extends the chain, in
//! short transactions, and the lock of an instance that dies ends with its connection.

use chrono::{DateTime, Utc};

use crate::app::App;
use crate::fault::Fault;
use crate::services::audit::{AuditMac, MacCheck};
use crate::stores::Tx;
use crate::stores::audit_chain::{self, Checkpoint, Head};
use crate::stores::audit_link::{self, Link};

/// Links of one transaction, to keep transactions short.
const BATCH_SIZE: u64 = 1_000;
/// Transactions in one run, so that a shutdown does not wait long for it.
const MAX_BATCHES: usize = 20;

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Linked {
    /// How many events were linked.
    pub events: u64,
    /// Whether the checkpoint of a day was written.
    pub checkpoint: bool,
    /// Whether events may be left, because another instance holds the chain or they are many.
    pub is_partial: bool,
}

/// Links waiting events, up to `MAX_BATCHES` batches, and writes the checkpoint of a day that is
/// over. Safe to run on every instance at once.
pub async fn link_waiting(app: &App) -> Result<Linked, Fault> {
    let mut total = Linked::default();
    for _ in 0..MAX_BATCHES {
        if !is_due(app).await? {
            return Ok(total);
        }
        let Some((linked, checkpoint)) = extend(app).await? else {
            break; // Another instance holds the chain.
        };
        total.events += linked;
        total.checkpoint |= checkpoint;
        if linked < BATCH_SIZE {
            return Ok(total);
        }
    }
    total.is_partial = true;
    Ok(total)
}

/// Whether a day ended since the last link, so that its checkpoint is missing.
pub(super) fn is_checkpoint_due(linked_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    linked_at.is_some_and(|linked_at| linked_at.date_naive() < now.date_naive())
}

async fn is_due(app: &App) -> Result<bool, Fault> {
    if audit_link::any_queued(&app.database).await? {
        return Ok(true);
    }
    let head = audit_chain::find(&app.database).await?;
    Ok(head.is_some_and(|(head, _)| is_checkpoint_due(head.linked_at, app.clock.now())))
}

/// One transaction of [`link_waiting`]; `None` if another instance holds the chain.
async fn extend(app: &App) -> Result<Option<(u64, bool)>, Fault> {
    let tx = app.begin().await?;
    let Some(mut head) = lock(&tx, app).await? else {
        return Ok(None);
    };
    let now = app.clock.now();
    let ended = ended_day(&head, now);
    let checkpoint = ended.is_some();
    if let Some(ended) = ended {
        write_checkpoint(&tx, app, ended).await?;
        // The next day starts here even without an event.
        head.linked_at = Some(now);
    }
    let mut links = Vec::new();
    for (event, mac) in audit_link::queued(&tx, BATCH_SIZE).await? {
        let mut link = Link {
            position: head.position + 1,
            event,
            hash: Vec::new(),
        };
        link.hash = AuditMac(app).link(&head.hash, &link, &mac);
        head.position = link.position;
        head.hash.clone_from(&link.hash);
        head.linked_at = Some(now);
        links.push(link);
    }
    let linked = u64::try_from(links.len())?;
    if !links.is_empty() {
        audit_link::append(&tx, links).await?;
    }
    if linked > 0 || checkpoint {
        write_head(&tx, app, head).await?;
    }
    tx.commit().await?;
    Ok(Some((linked, checkpoint)))
}

/// Locks the head of the chain; `None` if another instance holds it.
///
/// Refuses to extend a chain whose head has an invalid MAC: a new MAC would hide the change.
pub(super) async fn lock(tx: &Tx, app: &App) -> Result<Option<Head>, Fault> {
    let Some((head, mac)) = audit_chain::lock(tx).await? else {
        return Ok(None);
    };
    if AuditMac(app).check_head(&head, &mac) == MacCheck::Valid {
        return Ok(Some(head));
    }
    Err(Fault::new(
        "the end of the audit chain is not as idgate wrote it, so nothing is linked to it; run \
         `idgate audit verify`, then restore the row of audit_chain from a backup",
    ))
}

/// Writes the head that [`lock`] returned.
pub(super) async fn write_head(tx: &Tx, app: &App, head: Head) -> Result<(), Fault> {
    let mac = AuditMac(app).head(&head);
    audit_chain::update(tx, head, mac).await
}

async fn write_checkpoint(tx: &Tx, app: &App, ended: Checkpoint) -> Result<(), Fault> {
    // Logged for comparison elsewhere: rows restored from an old backup have valid MACs.
    let hash = hex::encode(&ended.hash);
    tracing::info!(
        day = ended.day,
        position = ended.position,
        hash,
        "audit checkpoint"
    );
    let mac = AuditMac(app).checkpoint(&ended);
    audit_chain::insert_checkpoint(tx, ended, mac, app.clock.now()).await
}

/// The checkpoint to write if the last link was made before today.
///
/// Days are those of linking: an event is linked after it happened, so everything that a day's
/// checkpoint covers happened on that day or before.
fn ended_day(head: &Head, now: DateTime<Utc>) -> Option<Checkpoint> {
    let linked_at = head.linked_at?;
    is_checkpoint_due(head.linked_at, now).then(|| Checkpoint {
        day: linked_at.date_naive().to_string(),
        position: head.position,
        hash: head.hash.clone(),
    })
}

//! Linking audit events to a chain, after they were written and without holding up who writes.
//!
//! The row that says where the chain ends is the lease: one instance at a time extends the chain,
//! in transactions that are short, and the lock of one that dies ends with its connection.

use chrono::{DateTime, Utc};

use crate::app::App;
use crate::fault::Fault;
use crate::services::audit::{Author, Proof};
use crate::stores::Tx;
use crate::stores::audit_chain::{self, Checkpoint, Head};
use crate::stores::audit_link::{self, Link};

/// Links of one transaction, so that none is long.
const AT_ONCE: u64 = 1_000;
/// Transactions of one round, so that a stop does not wait long for it.
const MOST_STEPS: usize = 20;

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// Events that have a link now.
    pub linked: u64,
    /// Whether a day was over and got its checkpoint.
    pub checkpoint: bool,
}

/// Links what waits, or the first of very much, and writes the checkpoint of a day that is over; safe on every instance at
/// once.
pub async fn seal(app: &App) -> Result<Sealed, Fault> {
    let mut sealed = Sealed::default();
    for _ in 0..MOST_STEPS {
        if !is_due(app).await? {
            break;
        }
        let Some((linked, checkpoint)) = extend(app).await? else {
            break; // Another instance is at it.
        };
        sealed.linked += linked;
        sealed.checkpoint |= checkpoint;
        if linked < AT_ONCE {
            break;
        }
    }
    Ok(sealed)
}

async fn is_due(app: &App) -> Result<bool, Fault> {
    if audit_link::any_waiting(&app.database).await? {
        return Ok(true);
    }
    let head = audit_chain::find(&app.database).await?;
    Ok(head.is_some_and(|(head, _)| ended_day(&head, app.clock.now()).is_some()))
}

/// One transaction of [`seal`]; `None` if another instance holds the chain.
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
        // The next day begins here, also when it brings no event.
        head.linked_at = Some(now);
    }
    let mut links = Vec::new();
    for (event, mac) in audit_link::waiting(&tx, AT_ONCE).await? {
        let mut link = Link {
            position: head.position + 1,
            event,
            hash: Vec::new(),
        };
        link.hash = Proof(app).of_link(&head.hash, &link, &mac);
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

/// Takes the lease on the chain; `None` if another instance has it.
///
/// An end that idgate did not write is not built upon: a new code over it would hide the change.
pub(super) async fn lock(tx: &Tx, app: &App) -> Result<Option<Head>, Fault> {
    let Some((head, mac)) = audit_chain::lock(tx).await? else {
        return Ok(None);
    };
    if Proof(app).head(&head, &mac) == Author::Idgate {
        return Ok(Some(head));
    }
    Err(Fault::new(
        "the end of the audit chain is not as idgate wrote it, so nothing is linked to it; run \
         `idgate audit verify`, then restore the row of audit_chain from a backup",
    ))
}

/// Moves the end of the chain that [`lock`] took.
pub(super) async fn write_head(tx: &Tx, app: &App, head: Head) -> Result<(), Fault> {
    let mac = Proof(app).of_head(&head);
    audit_chain::update(tx, head, mac).await
}

async fn write_checkpoint(tx: &Tx, app: &App, ended: Checkpoint) -> Result<(), Fault> {
    // Whoever keeps the log elsewhere can compare: rows that are put back as they once were still
    // prove themselves.
    let hash = hex(&ended.hash);
    tracing::info!(
        day = ended.day,
        position = ended.position,
        hash,
        "audit checkpoint"
    );
    let mac = Proof(app).of_checkpoint(&ended);
    audit_chain::insert_checkpoint(tx, ended, mac, app.clock.now()).await
}

/// The checkpoint that is missing, if the last link was made on a day before this one.
///
/// Days are those of linking. An event is linked after it happened, so what a day's checkpoint
/// covers happened on that day or before.
fn ended_day(head: &Head, now: DateTime<Utc>) -> Option<Checkpoint> {
    let linked_on = head.linked_at?.date_naive();
    (linked_on < now.date_naive()).then(|| Checkpoint {
        day: linked_on.to_string(),
        position: head.position,
        hash: head.hash.clone(),
    })
}

/// A hash as people compare it.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

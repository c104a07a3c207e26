//! Removing audit events past their retention, in whole days from the start of the chain.
//!
//! The head of the chain first records, under its MAC, through which checkpoint rows are removed;
//! only then do the triggers permit it. `idgate audit verify` reports any other removal.

use chrono::Days;
use serde_json::json;

use crate::app::App;
use crate::domain::caller::Client;
use crate::fault::Fault;
use crate::services::audit::{self, Action, AuditMac, Event, MacCheck, Subject};
use crate::services::operator::audit_linking::{lock, write_head};
use crate::stores::audit_chain::Checkpoint;
use crate::stores::{audit_chain, audit_link};

/// Links removed in one transaction, to keep transactions short.
const BATCH_SIZE: i64 = 2_000;

/// Removes events older than `retention.audit_events_days`, in at most so many batches, and returns
/// how many. `report` learns the size of each batch.
pub async fn remove_old(
    app: &App,
    max_batches: usize,
    report: &mut (dyn FnMut(u64) + Send),
) -> Result<u64, Fault> {
    if let Some(old) = last_expired(app).await? {
        advance_floor(app, old).await?;
    }
    let mut removed = 0;
    for _ in 0..max_batches {
        match remove_batch(app).await? {
            Some(count) => {
                removed += count;
                report(count);
            }
            None => break,
        }
    }
    Ok(removed)
}

/// How many events [`remove_old`] would remove.
pub async fn due(app: &App) -> Result<u64, Fault> {
    let head = audit_chain::find(&app.database).await?;
    let expired = last_expired(app).await?.map(|(old, _)| old.position);
    let floor = head.map(|(head, _)| head.removed_through).max(expired);
    let first = audit_link::first_position(&app.database).await?;
    Ok(match (first, floor) {
        (Some(first), Some(floor)) => u64::try_from(floor - first + 1).unwrap_or(0),
        _ => 0,
    })
}

/// The checkpoint of the last day that is not kept; `None` if there is none or all are kept.
async fn last_expired(app: &App) -> Result<Option<(Checkpoint, Vec<u8>)>, Fault> {
    let days = app.config.retention.audit_events_days;
    let today = app.clock.now().date_naive();
    let Some(kept_from) = today.checked_sub_days(Days::new(days.into())) else {
        return Ok(None);
    };
    if days == 0 {
        return Ok(None);
    }
    audit_chain::checkpoint_before(&app.database, kept_from.to_string()).await
}

/// Moves `removed_through` up to the checkpoint of the last expired day, if it changed.
async fn advance_floor(app: &App, (old, mac): (Checkpoint, Vec<u8>)) -> Result<(), Fault> {
    let known = audit_chain::find(&app.database).await?;
    if known.is_some_and(|(head, _)| head.removed_through >= old.position) {
        return Ok(());
    }
    if AuditMac(app).check_checkpoint(&old, &mac) != MacCheck::Valid {
        return Err(Fault::new(format!(
            "the audit checkpoint of {} is not as idgate wrote it, so nothing is removed; run \
             `idgate audit verify`",
            old.day
        )));
    }
    let tx = app.begin().await?;
    let Some(mut head) = lock(&tx, app).await? else {
        return Ok(());
    };
    if head.removed_through >= old.position {
        return Ok(());
    }
    let changes = json!({
        "day": old.day,
        "position": { "before": head.removed_through, "after": old.position },
    });
    head.removed_through = old.position;
    write_head(&tx, app, head).await?;
    let client = Client::command_line(app.random.uuid_v7(app.clock.now()).to_string());
    let event = Event::new(Action::AuditRemoved, Subject::System).with(changes);
    audit::record(&tx, app, &client, event).await?;
    tx.commit().await
}

/// Removes one batch up to `removed_through`; `None` if nothing is left or another instance holds
/// the chain.
async fn remove_batch(app: &App) -> Result<Option<u64>, Fault> {
    let head = audit_chain::find(&app.database).await?;
    let floor = head.map_or(0, |(head, _)| head.removed_through);
    let Some(first) = audit_link::first_position(&app.database).await? else {
        return Ok(None);
    };
    if first > floor {
        return Ok(None);
    }
    let tx = app.begin().await?;
    let Some(head) = lock(&tx, app).await? else {
        return Ok(None);
    };
    let through = head
        .removed_through
        .min(first.saturating_add(BATCH_SIZE - 1));
    let removed = audit_link::remove_through(&tx, through).await?;
    tx.commit().await?;
    Ok(Some(removed))
}

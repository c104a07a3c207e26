//! Removing audit events whose time is over, in whole days and from the start of the chain.
//!
//! First the end of the chain says, under its code, through which checkpoint rows go; only then
//! do the triggers let them go. What was removed otherwise is missed by `idgate audit verify`.

use chrono::Days;
use serde_json::json;

use crate::app::App;
use crate::domain::caller::Client;
use crate::fault::Fault;
use crate::services::audit::{self, About, Action, Author, Event, Proof};
use crate::services::operator::audit_seal::{lock, write_head};
use crate::stores::{audit_chain, audit_link};

/// Links removed in one transaction, so that none is long.
const AT_ONCE: i64 = 2_000;
/// Transactions of one round; the next round goes on.
const MOST_STEPS: usize = 20;

/// Removes what `audit.retention_days` no longer keeps and says how many events that were.
pub async fn remove_old(app: &App) -> Result<u64, Fault> {
    let days = app.config.audit.retention_days;
    if days == 0 {
        return Ok(0);
    }
    announce(app, days).await?;
    let mut removed = 0;
    for _ in 0..MOST_STEPS {
        match remove_some(app).await? {
            Some(count) => removed += count,
            None => break,
        }
    }
    Ok(removed)
}

/// Moves the mark up to the last day that is old enough, if there is a new one.
async fn announce(app: &App, days: u32) -> Result<(), Fault> {
    let today = app.clock.now().date_naive();
    let Some(kept_from) = today.checked_sub_days(Days::new(days.into())) else {
        return Ok(());
    };
    let before = kept_from.to_string();
    let Some((old, mac)) = audit_chain::checkpoint_before(&app.database, before).await? else {
        return Ok(());
    };
    let known = audit_chain::find(&app.database).await?;
    if known.is_some_and(|(head, _)| head.removed_through >= old.position) {
        return Ok(());
    }
    if Proof(app).checkpoint(&old, &mac) != Author::Idgate {
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
    let event = Event::new(Action::AuditRemoved, About::System).with(changes);
    audit::record(&tx, app, &client, event).await?;
    tx.commit().await
}

/// Removes one batch below the mark; `None` when nothing is left there, or another instance is
/// at it.
async fn remove_some(app: &App) -> Result<Option<u64>, Fault> {
    let marked = audit_chain::find(&app.database).await?;
    let marked = marked.map_or(0, |(head, _)| head.removed_through);
    let Some(first) = audit_link::first_position(&app.database).await? else {
        return Ok(None);
    };
    if first > marked {
        return Ok(None);
    }
    let tx = app.begin().await?;
    let Some(head) = lock(&tx, app).await? else {
        return Ok(None);
    };
    let through = head.removed_through.min(first.saturating_add(AT_ONCE - 1));
    let removed = audit_link::remove_through(&tx, through).await?;
    tx.commit().await?;
    Ok(Some(removed))
}

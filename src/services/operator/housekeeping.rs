//! Removing what has no use any more: sealed successors, ended sessions, expired links, spent proofs, traces of
//! messages, old keys, audit events whose time is over.

use chrono::Duration;

use crate::app::App;
use crate::fault::Fault;
use crate::services::audit;
use crate::services::operator::{audit_retention, keys};
use crate::stores::{link, outbox_message, refresh_token, session, spent_proof};

/// What one round removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Refresh-token successors whose window of repetition is over.
    pub successors: u64,
    /// Used refresh tokens that nobody could present any more.
    pub tokens: u64,
    /// Sessions that ended long enough ago.
    pub sessions: u64,
    /// Links past their expiry.
    pub links: u64,
    /// Redeemed digests that could not be presented any more.
    pub proofs: u64,
    /// Messages that were delivered or given up long enough ago.
    pub messages: u64,
    /// Signing keys whose last token has expired.
    pub keys: u64,
    /// Attempts of strangers that were counted, and are one event for each kind and hour now.
    pub attempts: u64,
    /// Audit events that retention no longer keeps.
    pub events: u64,
}

/// One round of tidying; safe to run on every instance at once.
pub async fn tidy(app: &App) -> Result<Removed, Fault> {
    let now = app.clock.now();
    let window = Duration::seconds(app.config.sessions.grace_seconds);
    let tx = app.begin().await?;
    let successors = refresh_token::forget_successors(&tx, now - window).await?;
    let tokens = refresh_token::delete_expired(&tx, now).await?;
    let kept = Duration::seconds(app.config.sessions.keep_ended_seconds);
    let sessions = session::delete_ended(&tx, now - kept).await?;
    let links = link::delete_expired(&tx, now).await?;
    let proofs = spent_proof::delete_expired(&tx, now).await?;
    tx.commit().await?;
    let outbox = &app.config.outbox;
    let messages = outbox_message::purge(
        &app.database,
        now - Duration::seconds(outbox.keep_delivered_seconds),
        now - Duration::seconds(outbox.keep_dead_seconds),
    )
    .await?;
    Ok(Removed {
        successors,
        tokens,
        sessions,
        links,
        proofs,
        messages,
        keys: keys::retire(app).await?,
        attempts: audit::summarize_attempts(app).await?,
        events: audit_retention::remove_old(app).await?,
    })
}

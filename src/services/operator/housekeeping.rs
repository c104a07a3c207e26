//! Deleting expired data: sealed successors, sessions, links, consumed proofs, messages, signing keys
//! and audit events.

use chrono::Duration;

use crate::app::App;
use crate::fault::Fault;
use crate::services::audit;
use crate::services::operator::{audit_retention, keys};
use crate::stores::{link, outbox_message, redemption, refresh_token, session};

/// How much one run removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Sealed successors of refresh tokens whose grace period is over.
    pub successors: u64,
    /// Consumed refresh tokens that have expired.
    pub tokens: u64,
    /// Sessions that ended long enough ago.
    pub sessions: u64,
    /// Expired links.
    pub links: u64,
    /// Consumed proofs that have expired.
    pub proofs: u64,
    /// Messages that were delivered or given up long enough ago.
    pub messages: u64,
    /// Signing keys whose last token has expired.
    pub keys: u64,
    /// Counted attempts, now summarized in one event per kind and hour.
    pub attempts: u64,
    /// Audit events past their retention.
    pub events: u64,
}

impl Removed {
    /// Whether anything was removed, so that more may follow soon.
    #[must_use]
    pub fn is_something(&self) -> bool {
        *self != Self::default()
    }
}

/// Removes the sealed successors of refresh tokens whose grace period is over; returns how many.
pub async fn forget_successors(app: &App) -> Result<u64, Fault> {
    let window = Duration::seconds(app.config.sessions.grace_seconds);
    refresh_token::forget_successors(&app.database, app.clock.now() - window).await
}

/// One run of housekeeping. Safe to run on every instance at once.
pub async fn tidy(app: &App) -> Result<Removed, Fault> {
    let now = app.clock.now();
    let successors = forget_successors(app).await?;
    let tx = app.begin().await?;
    let tokens = refresh_token::delete_expired(&tx, now).await?;
    let kept = Duration::seconds(app.config.sessions.keep_ended_seconds);
    let sessions = session::delete_ended(&tx, now - kept).await?;
    let links = link::delete_expired(&tx, now).await?;
    let proofs = redemption::delete_expired(&tx, now).await?;
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

//! What operators see and do about the outbox: how full it is, what was given up, sending it again.

use crate::app::App;
use crate::domain::ids::{MessageId, RemovalId};
use crate::fault::Fault;
use crate::stores::{media_removal, outbox_message};

pub use crate::stores::media_removal::Removal;
pub use crate::stores::outbox_message::{DeadLetter, Requeued};

/// The dead letters, newest first.
pub async fn dead_letters(app: &App, limit: u64) -> Result<Vec<DeadLetter>, Fault> {
    outbox_message::dead_letters(&app.database, limit).await
}

/// The removals of stored objects that have failed so far, newest first.
pub async fn failed_removals(app: &App, limit: u64) -> Result<Vec<Removal>, Fault> {
    media_removal::failed(&app.database, limit).await
}

/// Tries failed removals again now: one, or all; returns how many.
pub async fn retry_removals(app: &App, id: Option<RemovalId>) -> Result<u64, Fault> {
    let count = media_removal::hasten(&app.database, id, app.clock.now()).await?;
    app.wake_removing();
    Ok(count)
}

/// Makes one dead letter due again, or all of them.
pub async fn retry(app: &App, id: Option<MessageId>) -> Result<Requeued, Fault> {
    let requeued = outbox_message::requeue(&app.database, id, app.clock.now()).await?;
    app.wake_outbox();
    Ok(requeued)
}

/// Counts what waits and writes it to the metrics.
pub async fn measure(app: &App) -> Result<(), Fault> {
    let depth = outbox_message::depth(&app.database).await?;
    let now = app.clock.now();
    for channel in ["email", "sms"] {
        let found = depth.iter().find(|depth| depth.channel == channel);
        let (waiting, dead) = found.map_or((0, 0), |depth| (depth.waiting, depth.dead));
        let oldest = found.and_then(|depth| depth.oldest);
        let age = oldest.map_or(0, |oldest| (now - oldest).num_seconds().max(0));
        app.metrics.outbox(channel, waiting, dead, age);
    }
    let backlog = media_removal::backlog(&app.database, now).await?;
    let age = backlog
        .oldest
        .map_or(0, |oldest| (now - oldest).num_seconds().max(0));
    app.metrics.outbox("media", backlog.waiting, 0, age);
    app.metrics.upkeep();
    Ok(())
}

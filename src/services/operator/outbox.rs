//! What operators see and do about the outbox: how full it is, what was given up, sending it again.

use crate::app::App;
use crate::domain::ids::MessageId;
use crate::fault::Fault;
use crate::stores::outbox_message;

pub use crate::stores::outbox_message::{DeadMessage, Revived};

/// Messages that were given up, newest first.
pub async fn dead(app: &App, limit: u64) -> Result<Vec<DeadMessage>, Fault> {
    outbox_message::dead(&app.database, limit).await
}

/// Makes one dead message due again, or all of them.
pub async fn retry(app: &App, id: Option<MessageId>) -> Result<Revived, Fault> {
    let revived = outbox_message::revive(&app.database, id, app.clock.now()).await?;
    app.wake_outbox();
    Ok(revived)
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
    app.metrics.upkeep();
    Ok(())
}

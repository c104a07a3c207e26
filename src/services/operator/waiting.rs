//! Noticing what waits for background work: what other processes left, and what became due.
//!
//! What this process writes wakes its own loops at once.

use crate::app::App;
use crate::fault::Fault;
use crate::services::operator::audit_linking;
use crate::stores::waiting;

/// Wakes the loops that have something to do, and loads the signing keys if they changed.
///
/// Costs one statement if nothing waits.
pub async fn look(app: &App) -> Result<(), Fault> {
    let now = app.clock.now();
    let known: Vec<String> = app
        .signing_keys()
        .keys()
        .iter()
        .map(|key| key.kid().to_owned())
        .collect();
    let (channels, storage) = (app.channels(), app.media.storage());
    let found = waiting::find(&app.database, &channels, storage, &known, now).await?;
    if found.messages {
        app.wake_outbox();
    }
    if found.exports {
        app.wake_exports();
    }
    if found.removals {
        app.wake_removing();
    }
    if found.events || audit_linking::is_checkpoint_due(found.linked_at, now) {
        app.wake_linking();
    }
    // Keys are published and withdrawn, and not changed.
    let count = i64::try_from(known.len())?;
    if (found.keys, found.known_keys) != (count, count) {
        app.load_signing_keys().await?;
    }
    Ok(())
}

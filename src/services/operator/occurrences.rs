//! Telling what happened: to whoever listens at this instance, and to the other instances.

use std::sync::Arc;

use crate::app::App;
use crate::fault::Fault;

/// Waits for the next transactions that did something and tells of them, here before elsewhere.
///
/// What the shared store does not take is lost to the other instances, and counted.
pub async fn tell(app: &App) {
    let announcements = app.database.announcements();
    let occurrences = announcements.next().await;
    let lost = announcements.take_lost();
    if lost > 0 {
        tracing::warn!(lost, "more happened at once than could be announced");
        app.metrics.occurrences_lost("queue", lost);
    }
    app.hub.spread(Arc::from(occurrences.as_slice()));
    if !app.config.subscriptions.enabled {
        return;
    }
    let now = app.clock.now();
    let published = app.volatile.publish(now, &app.hub, &occurrences).await;
    if let Err(failure) = published {
        tracing::debug!(%failure, "other instances do not hear what happened");
        let count = u64::try_from(occurrences.len()).unwrap_or(u64::MAX);
        app.metrics.occurrences_lost("shared_store", count);
    }
}

/// Listens to the other instances until the shared store is away; says why it is.
pub async fn hear(app: &App) -> Fault {
    app.volatile.listen(&app.hub).await.into()
}

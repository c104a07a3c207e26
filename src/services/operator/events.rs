//! Publishing domain events: to the subscribers of this instance, and to the other instances.

use std::sync::Arc;

use crate::app::App;
use crate::domain::event::DomainEvent;
use crate::fault::Fault;

/// Waits for the next events and publishes them, locally first. Audit events wake their linking.
///
/// Events that the shared store does not accept are lost to other instances, and counted.
pub async fn publish(app: &App) {
    let queue = app.database.event_queue();
    let events = queue.next().await;
    let lost = queue.take_lost();
    if lost > 0 {
        tracing::warn!(lost, "domain events were dropped: the queue was full");
        app.metrics.events_lost("queue", lost);
    }
    if events
        .iter()
        .any(|event| matches!(event, DomainEvent::Audited { .. }))
    {
        app.wake_linking();
    }
    app.event_bus.publish(Arc::from(events.as_slice()));
    if !app.config.subscriptions.enabled {
        return;
    }
    let now = app.clock.now();
    let published = app.volatile.publish(now, &app.event_bus, &events).await;
    if let Err(failure) = published {
        tracing::debug!(%failure, "other instances do not hear what happened");
        let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
        app.metrics.events_lost("shared_store", count);
    }
}

/// Receives the events of other instances until the shared store fails; returns the fault.
pub async fn receive(app: &App) -> Fault {
    app.volatile.listen(&app.event_bus).await.into()
}

//! Relays domain events between the stores, the subscribers and the other instances.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::services::operator::events;

/// Pause before the next attempt after the shared store went away.
const RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// Starts the loops that publish the events of this instance and receive those of the others.
pub fn start_event_relay(app: &Arc<App>, tracker: &TaskTracker, stop: &CancellationToken) {
    let (publisher, stop_publishing) = (Arc::clone(app), stop.clone());
    tracker.spawn(stop_publishing.run_until_cancelled_owned(async move {
        loop {
            events::publish(&publisher).await;
        }
    }));
    if !app.config.subscriptions.enabled {
        return;
    }
    let (receiver, stop_receiving) = (Arc::clone(app), stop.clone());
    tracker.spawn(stop_receiving.run_until_cancelled_owned(async move {
        let mut connected = receiver.event_bus.connected();
        let mut is_logged = false;
        loop {
            connected.mark_unchanged();
            let fault = events::receive(&receiver).await;
            // Logged once per outage, and not if the store is down for requests as well: then they
            // log it.
            let is_new = connected.has_changed().unwrap_or(false) || !is_logged;
            let answers = receiver.volatile.ping(receiver.clock.now()).await.is_ok();
            if is_new && answers {
                tracing::warn!(?fault, work = "news", "other instances are not heard");
            }
            is_logged = true;
            tokio::time::sleep(RECONNECT_DELAY).await;
        }
    }));
}

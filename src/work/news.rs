//! Telling and hearing what happens.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::services::operator::occurrences;

/// How long the shared store is left alone after it went away.
const AWAY: Duration = Duration::from_secs(1);

/// Starts the loops that carry what happens to those who listen, here and at other instances.
pub fn start_news(app: &Arc<App>, tracker: &TaskTracker, stop: &CancellationToken) {
    let (telling, stop_telling) = (Arc::clone(app), stop.clone());
    tracker.spawn(stop_telling.run_until_cancelled_owned(async move {
        loop {
            occurrences::tell(&telling).await;
        }
    }));
    if !app.config.subscriptions.enabled {
        return;
    }
    let (hearing, stop_hearing) = (Arc::clone(app), stop.clone());
    tracker.spawn(stop_hearing.run_until_cancelled_owned(async move {
        let mut connected = hearing.hub.connected();
        let mut is_known = false;
        loop {
            connected.mark_unchanged();
            let fault = occurrences::hear(&hearing).await;
            // Once for each time that the store goes away, unless it is away for requests as well:
            // then it says so itself.
            let is_news = connected.has_changed().unwrap_or(false) || !is_known;
            let answers = hearing.volatile.ping(hearing.clock.now()).await.is_ok();
            if is_news && answers {
                tracing::warn!(?fault, work = "news", "other instances are not heard");
            }
            is_known = true;
            tokio::time::sleep(AWAY).await;
        }
    }));
}

//! The background loops: delivery, key reloading, housekeeping, metrics, audit linking, event relay.
//!
//! A loop decides when; `services::operator` does the work, so that tests can run it directly.

mod event_relay;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::fault::Fault;
use crate::services::operator::{audit_linking, delivery, housekeeping, outbox};

pub use event_relay::start_event_relay;

/// How soon keys that another process rotated or withdrew are noticed.
const KEY_RELOAD: Duration = Duration::from_secs(5);
const TIDYING: Duration = Duration::from_secs(30);
/// The maximum age of the metrics.
const MEASURING: Duration = Duration::from_secs(15);
/// The usual delay before an audit event is linked.
const SEALING: Duration = Duration::from_millis(500);
/// The interval of deliveries that nothing triggers.
const OUTBOX_IDLE: Duration = Duration::from_secs(2);

/// Starts the loops. They end when the token is cancelled; the tracker waits for them.
pub fn start(app: &Arc<App>, tracker: &TaskTracker, stop: &CancellationToken) {
    let keys = app.clone();
    tracker.spawn(every("signing keys", KEY_RELOAD, stop.clone(), move || {
        let app = keys.clone();
        async move { app.load_signing_keys().await }
    }));
    let tidying = app.clone();
    tracker.spawn(every("tidying", TIDYING, stop.clone(), move || {
        let app = tidying.clone();
        async move { housekeeping::tidy(&app).await.map(drop) }
    }));
    let measuring = app.clone();
    tracker.spawn(every("measuring", MEASURING, stop.clone(), move || {
        let app = measuring.clone();
        async move {
            let is_raised = app.code_alarm.is_raised(app.clock.now());
            app.metrics.code_guessing_alarm(is_raised);
            outbox::measure(&app).await
        }
    }));
    let sealing = app.clone();
    tracker.spawn(every("audit chain", SEALING, stop.clone(), move || {
        let app = sealing.clone();
        async move { audit_linking::link_waiting(&app).await.map(drop) }
    }));
    start_event_relay(app, tracker, stop);
    if app.config.outbox.enabled {
        tracker.spawn(deliver(app.clone(), stop.clone()));
    }
}

async fn every<F>(
    name: &'static str,
    pause: Duration,
    stop: CancellationToken,
    mut round: impl FnMut() -> F,
) where
    F: Future<Output = Result<(), Fault>>,
{
    let mut streak = Streak::new(name);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        streak.note(round().await.err());
    }
}

/// Consecutive failures: only the first and the recovery are logged.
struct Streak {
    work: &'static str,
    failures: u32,
}

impl Streak {
    fn new(work: &'static str) -> Self {
        Self { work, failures: 0 }
    }

    fn note(&mut self, fault: Option<Fault>) {
        let work = self.work;
        match fault {
            Some(fault) if self.failures == 0 => {
                self.failures = 1;
                tracing::warn!(?fault, work, "a round of background work failed");
            }
            Some(fault) => {
                self.failures = self.failures.saturating_add(1);
                tracing::debug!(?fault, work, "a round of background work failed again");
            }
            None if self.failures > 0 => {
                let failures = std::mem::take(&mut self.failures);
                tracing::info!(work, failures, "background work goes on");
            }
            None => {}
        }
    }
}

async fn deliver(app: Arc<App>, stop: CancellationToken) {
    let mut streak = Streak::new("outbox");
    loop {
        let outcome = delivery::deliver_while(&app, || !stop.is_cancelled()).await;
        match outcome {
            // More messages may have become due meanwhile.
            Ok(count) if count > 0 => streak.note(None),
            Ok(_) => {
                streak.note(None);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = app.outbox_woken() => {}
                    () = tokio::time::sleep(OUTBOX_IDLE) => {}
                }
            }
            Err(fault) => {
                streak.note(Some(fault));
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(OUTBOX_IDLE) => {}
                }
            }
        }
        if stop.is_cancelled() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;

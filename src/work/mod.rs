//! The background loops: rounds that begin by themselves, and loops that are woken.
//!
//! A loop decides when; `services::operator` does the work, so that tests can run it directly.

mod event_relay;
mod round;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::fault::Fault;
use crate::services::operator::{audit_linking, data_exports, delivery, media_removal};

pub use event_relay::start_event_relay;
pub use round::Round;

/// The delay before an audit event is linked, together with those that follow meanwhile.
const SEALING: Duration = Duration::from_millis(500);
/// The pause before an export of personal data is written, also after one that failed.
const BEFORE_EXPORT: Duration = Duration::from_secs(1);
/// The pause before a batch of removals.
const BETWEEN_REMOVALS: Duration = Duration::from_millis(100);
/// The pause after a delivery run that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// Starts the loops. They end when the token is cancelled; the tracker waits for them.
pub fn start(app: &Arc<App>, tracker: &TaskTracker, stop: &CancellationToken) {
    for round in Round::ALL {
        let app = Arc::clone(app);
        let run = move || {
            let app = Arc::clone(&app);
            async move { round.run(&app).await }
        };
        let pause = move |found| round.pause(found);
        tracker.spawn(every(round.name(), pause, stop.clone(), run));
    }
    let (woken, linking) = (Arc::clone(app), Arc::clone(app));
    tracker.spawn(when_woken(
        "audit chain",
        stop.clone(),
        move || {
            let app = Arc::clone(&woken);
            async move { app.linking_woken().await }
        },
        || tokio::time::sleep(SEALING),
        move || {
            let app = Arc::clone(&linking);
            async move { Ok(audit_linking::link_waiting(&app).await?.is_partial) }
        },
    ));
    let (woken, writing) = (Arc::clone(app), Arc::clone(app));
    tracker.spawn(when_woken(
        "data exports",
        stop.clone(),
        move || {
            let app = Arc::clone(&woken);
            async move { app.exports_woken().await }
        },
        || tokio::time::sleep(BEFORE_EXPORT),
        move || {
            let app = Arc::clone(&writing);
            async move { data_exports::write_next(&app).await }
        },
    ));
    start_event_relay(app, tracker, stop);
    if app.config.outbox.enabled {
        start_removing(app, tracker, stop);
        tracker.spawn(deliver(app.clone(), stop.clone()));
    }
}

/// Starts the loop that removes stored objects. It is apart from delivery, so that a storage that hangs
/// delays no message.
fn start_removing(app: &Arc<App>, tracker: &TaskTracker, stop: &CancellationToken) {
    let (woken, removing) = (Arc::clone(app), Arc::clone(app));
    tracker.spawn(when_woken(
        "media removals",
        stop.clone(),
        move || {
            let app = Arc::clone(&woken);
            async move { app.removing_woken().await }
        },
        || tokio::time::sleep(BETWEEN_REMOVALS),
        move || {
            let app = Arc::clone(&removing);
            async move { media_removal::remove_due(&app).await }
        },
    ));
}

/// Runs rounds, each of which says whether it found something to do; that decides the next pause.
async fn every<F>(
    name: &'static str,
    pause: impl Fn(bool) -> Duration,
    stop: CancellationToken,
    mut round: impl FnMut() -> F,
) where
    F: Future<Output = Result<bool, Fault>>,
{
    let mut streak = Streak::new(name);
    let mut found = true;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause(found)) => {}
        }
        let outcome = round().await;
        // What failed may have been something.
        found = *outcome.as_ref().unwrap_or(&true);
        streak.note(outcome.err());
    }
}

/// Runs a round after each wake-up, one for all within the pause, and again if it failed or says
/// that something is left.
async fn when_woken<W, P, F>(
    name: &'static str,
    stop: CancellationToken,
    woken: impl Fn() -> W,
    pause: impl Fn() -> P,
    mut round: impl FnMut() -> F,
) where
    W: Future<Output = ()>,
    P: Future<Output = ()>,
    F: Future<Output = Result<bool, Fault>>,
{
    let mut streak = Streak::new(name);
    let mut is_left = false;
    loop {
        let waiting = async {
            if !is_left {
                woken().await;
            }
            pause().await;
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = waiting => {}
        }
        let outcome = round().await;
        is_left = *outcome.as_ref().unwrap_or(&true);
        streak.note(outcome.err());
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
                }
            }
            Err(fault) => {
                streak.note(Some(fault));
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(AFTER_FAILURE) => {}
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

//! Tracks the outcome of statements: whether writes succeed, since when not, and which pooled
//! connections are too old to be trusted.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::{ConnAcquireErr, DbErr};

use super::connection::spawn;
use super::failure::Failure;
use super::reach::Server;
use crate::fault::unreachable::CONNECT_TIMEOUT;
use crate::telemetry::Metrics;

/// The minimum time between two replacements of a whole pool, so that an outage does not cause a
/// storm of reconnects.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The minimum time between two log lines about outages.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// For this time after a failure a successful write does not end the outage, unless it is a probe: a
/// full disk may have room for a small write.
const RECOVERY_DELAY: Duration = Duration::from_secs(10);

/// Shared by the pools and transactions of one database.
#[derive(Default)]
pub(super) struct Watch {
    server: Option<Server>,
    state: Mutex<State>,
    metrics: OnceLock<Metrics>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Watch").finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    swept: Option<Instant>,
    /// A sweep that was requested too soon after another one.
    due: Option<Instant>,
    /// When the server was last probed.
    probed: Option<Instant>,
    written: Option<Instant>,
    logged: Option<Instant>,
    outage: Option<Outage>,
}

/// From the first failed write to the first successful one.
#[derive(Clone, Copy, Debug)]
struct Outage {
    since: Instant,
    last: Instant,
    failures: u64,
    is_logged: bool,
}

impl Watch {
    /// Watches the connections to this server, or to a file.
    pub(super) fn over(server: Option<Server>) -> Self {
        Self {
            server,
            ..Self::default()
        }
    }

    /// Counts failures in these metrics from now on.
    pub(super) fn report_to(&self, metrics: Metrics) {
        let _ = self.metrics.set(metrics);
    }

    /// Records an error, whether or not the step is retried.
    ///
    /// A single dead connection is not an outage, see [`Watch::gave_up`].
    pub(super) fn note(&self, error: &DbErr) {
        let failure = Failure::of(error);
        if !failure.is_unavailable() {
            return;
        }
        if let Some(metrics) = self.metrics.get() {
            metrics.database_failure(failure.as_str());
        }
        if failure.retires() {
            self.sweep();
        }
        if failure.is_outage() && !failure.is_retried() {
            self.begin_outage(failure, error);
        }
    }

    /// Records that an operation failed with this error, which was recorded before.
    pub(super) fn gave_up(self: &Arc<Self>, error: &DbErr) {
        let failure = Failure::of(error);
        if failure.is_outage() && failure.is_retried() {
            self.begin_outage(failure, error);
        }
        if matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)) {
            self.probe();
        }
    }

    /// Probes the server, because a timeout of the pool does not tell whether the server is down or
    /// the pool is exhausted.
    fn probe(self: &Arc<Self>) {
        let Some(server) = self.server.clone() else {
            return;
        };
        if self.is_failing() || !self.state().may_probe(Instant::now()) {
            return;
        }
        let watch = Arc::clone(self);
        spawn(async move {
            if let Err(unreachable) = server.reach(CONNECT_TIMEOUT).await {
                watch.log_outage(Failure::Connection, &unreachable);
            }
        });
    }

    fn begin_outage(&self, failure: Failure, error: &DbErr) {
        let server = self.server.as_ref();
        match server.and_then(|server| server.why(error)) {
            Some(unreachable) => self.log_outage(failure, &unreachable),
            None => self.log_outage(failure, error),
        }
    }

    fn log_outage(&self, failure: Failure, error: &dyn fmt::Display) {
        let now = Instant::now();
        let server = self.server.as_ref().map(Server::place);
        let is_logged = self.state().fail(now);
        if is_logged {
            tracing::warn!(
                kind = failure.as_str(),
                server,
                %error,
                "the database does not take writes; requests that need it are answered with \
                 SERVICE_UNAVAILABLE until it does"
            );
        } else {
            tracing::debug!(kind = failure.as_str(), %error, "a statement failed");
        }
    }

    /// Records a durable write.
    pub(super) fn written(&self) {
        self.note_success(false);
    }

    /// Records a successful probe write.
    pub(super) fn probed(&self) {
        self.note_success(true);
    }

    fn note_success(&self, is_probe: bool) {
        let now = Instant::now();
        let over = self.state().succeed(now, is_probe);
        if let Some(outage) = over {
            let seconds = now.duration_since(outage.since).as_secs();
            let failures = outage.failures;
            tracing::info!(seconds, failures, "the database takes writes again");
        }
    }

    /// Whether the last writes failed.
    pub(super) fn is_failing(&self) -> bool {
        self.state().outage.is_some()
    }

    /// Whether a write has failed since this instant, and none succeeded after it.
    pub(super) fn failed_since(&self, instant: Instant) -> bool {
        self.state()
            .outage
            .is_some_and(|outage| outage.last >= instant)
    }

    /// Whether a write succeeded within this time, and none failed after it.
    pub(super) fn has_written_within(&self, span: Duration) -> bool {
        let state = self.state();
        state.outage.is_none() && state.written.is_some_and(|at| at.elapsed() < span)
    }

    /// Distrusts all connections older than now.
    pub(super) fn sweep(&self) {
        self.state().sweep(Instant::now());
    }

    /// The same, without the minimum time between sweeps.
    pub(super) fn sweep_now(&self) {
        let mut state = self.state();
        state.due = None;
        state.swept = Some(Instant::now());
    }

    /// Whether a connection of this age was opened after the last sweep.
    pub(super) fn trusts(&self, age: Duration) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        state.catch_up(now);
        state
            .swept
            .is_none_or(|swept| age < now.duration_since(swept))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether this failure is logged at `warn`.
    fn fail(&mut self, now: Instant) -> bool {
        if let Some(outage) = &mut self.outage {
            outage.failures += 1;
            outage.last = now;
            return false;
        }
        let is_logged = self
            .logged
            .is_none_or(|logged| now.duration_since(logged) >= LOG_INTERVAL);
        if is_logged {
            self.logged = Some(now);
        }
        self.outage = Some(Outage {
            since: now,
            last: now,
            failures: 1,
            is_logged,
        });
        is_logged
    }

    /// Whether the server may be probed again.
    fn may_probe(&mut self, now: Instant) -> bool {
        let may_probe = self
            .probed
            .is_none_or(|probed| now.duration_since(probed) >= LOG_INTERVAL);
        if may_probe {
            self.probed = Some(now);
        }
        may_probe
    }

    /// The outage that ended, if that is logged.
    fn succeed(&mut self, now: Instant, is_probe: bool) -> Option<Outage> {
        let is_recent = self
            .outage
            .is_some_and(|outage| now.duration_since(outage.last) < RECOVERY_DELAY);
        if is_recent && !is_probe {
            return None;
        }
        self.written = Some(now);
        self.outage.take().filter(|outage| outage.is_logged)
    }

    fn sweep(&mut self, now: Instant) {
        self.due = Some(now);
        self.catch_up(now);
    }

    fn catch_up(&mut self, now: Instant) {
        let may_sweep = self
            .swept
            .is_none_or(|swept| now.duration_since(swept) >= SWEEP_INTERVAL);
        if may_sweep && let Some(due) = self.due.take() {
            self.swept = Some(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_and_its_end_are_logged_once() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut state = State::default();
        assert!(state.fail(at(0)));
        for moment in 1..100 {
            assert!(!state.fail(at(moment)));
        }
        let over = state.succeed(at(200), true).expect("an end that is logged");
        assert_eq!((over.failures, over.since), (100, at(0)));
        assert!(state.succeed(at(201), true).is_none());
    }

    #[test]
    fn an_outage_that_comes_and_goes_does_not_fill_the_log() {
        let start = Instant::now();
        let mut state = State::default();
        let mut lines = 0;
        for moment in 0..60_000 {
            let now = start + Duration::from_millis(moment);
            lines += u32::from(state.fail(now));
            lines += u32::from(state.succeed(now, true).is_some());
        }
        assert_eq!(lines, 12, "six beginnings in a minute, and their ends");
    }

    #[test]
    fn without_probes_an_outage_ends_some_time_after_its_last_failure() {
        let start = Instant::now();
        let mut state = State::default();
        assert!(state.fail(start));
        assert!(state.succeed(start + RECOVERY_DELAY / 2, false).is_none());
        assert!(!state.fail(start + RECOVERY_DELAY / 2));
        assert!(state.succeed(start + RECOVERY_DELAY, false).is_none());
        assert!(state.succeed(start + RECOVERY_DELAY * 2, false).is_some());
    }

    #[test]
    fn a_pool_is_replaced_once_a_second_at_most() {
        let start = Instant::now();
        let mut state = State::default();
        state.sweep(start);
        state.sweep(start + SWEEP_INTERVAL / 2);
        assert_eq!(state.swept, Some(start));
        // A sweep that came too soon is delayed, not lost.
        state.catch_up(start + SWEEP_INTERVAL);
        assert_eq!(state.swept, Some(start + SWEEP_INTERVAL / 2));
        state.catch_up(start + SWEEP_INTERVAL * 9);
        assert_eq!(state.swept, Some(start + SWEEP_INTERVAL / 2));
    }

    #[test]
    fn only_connections_made_after_a_sweep_are_used() {
        let watch = Arc::new(Watch::default());
        assert!(watch.trusts(Duration::from_hours(1)));
        watch.sweep();
        assert!(!watch.trusts(Duration::from_secs(1)));
        assert!(watch.trusts(Duration::ZERO));
    }

    #[test]
    fn one_dead_connection_is_no_outage_and_having_no_other_is() {
        let watch = Arc::new(Watch::default());
        let error = DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::ConnectionClosed);
        watch.note(&error);
        assert!(!watch.is_failing());
        let before = Instant::now();
        watch.gave_up(&error);
        assert!(watch.is_failing() && watch.failed_since(before));
        assert!(!watch.has_written_within(Duration::from_mins(1)));
        watch.written();
        assert!(watch.is_failing(), "a small write proves little");
        watch.probed();
        assert!(!watch.is_failing() && watch.has_written_within(Duration::from_mins(1)));
    }

    #[test]
    fn a_lock_timeout_is_no_outage() {
        let watch = Arc::new(Watch::default());
        watch.gave_up(&DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout));
        watch.gave_up(&DbErr::Custom("a mistake".into()));
        assert!(!watch.is_failing());
    }
}

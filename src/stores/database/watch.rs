//! What the statements of this process have met: whether writes get through, since when not, and
//! which connections are too old to be trusted.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::{ConnAcquireErr, DbErr};

use super::connection::spawn;
use super::failure::Failure;
use super::reach::Server;
use crate::fault::unreachable::CONNECT_TIMEOUT;
use crate::telemetry::Metrics;

/// A whole pool is replaced this often at most: while no connection is better than another,
/// replacing them all for each failed statement would be a load of its own.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(1);

/// An outage that comes and goes is told this often at most.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// For so long after a failure a write that got through does not end the outage, unless it was made
/// to prove it: a full disk has room for a small write after it had none for a large one.
const DOUBTED_FOR: Duration = Duration::from_secs(10);

/// What is known, shared by the pools and transactions of one database.
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
    /// A sweep that came too soon after another one.
    due: Option<Instant>,
    /// When the server was last asked why there is no connection.
    asked: Option<Instant>,
    written: Option<Instant>,
    told: Option<Instant>,
    outage: Option<Outage>,
}

/// From the first write that failed until one gets through.
#[derive(Clone, Copy, Debug)]
struct Outage {
    since: Instant,
    last: Instant,
    failures: u64,
    is_told: bool,
}

impl Watch {
    /// Knows nothing yet of the connections to this server, or to a file.
    pub(super) fn over(server: Option<Server>) -> Self {
        Self {
            server,
            ..Self::default()
        }
    }

    /// Counts failures here from now on.
    pub(super) fn report_to(&self, metrics: Metrics) {
        let _ = self.metrics.set(metrics);
    }

    /// Notes an error, whether or not the step is tried again.
    ///
    /// A single dead connection is no outage yet: see [`Watch::gave_up`].
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

    /// Notes that what was being done ended with this error, which was noted before.
    pub(super) fn gave_up(self: &Arc<Self>, error: &DbErr) {
        let failure = Failure::of(error);
        if failure.is_outage() && failure.is_retried() {
            self.begin_outage(failure, error);
        }
        if matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)) {
            self.ask_why();
        }
    }

    /// Asks the server why the pool made no connection: it does not say whether the server is away
    /// or others have them all.
    fn ask_why(self: &Arc<Self>) {
        let Some(server) = self.server.clone() else {
            return;
        };
        if self.is_failing() || !self.state().may_ask(Instant::now()) {
            return;
        }
        let watch = Arc::clone(self);
        spawn(async move {
            if let Err(unreachable) = server.reach(CONNECT_TIMEOUT).await {
                watch.tell_outage(Failure::Connection, &unreachable);
            }
        });
    }

    fn begin_outage(&self, failure: Failure, error: &DbErr) {
        let server = self.server.as_ref();
        match server.and_then(|server| server.why(error)) {
            Some(unreachable) => self.tell_outage(failure, &unreachable),
            None => self.tell_outage(failure, error),
        }
    }

    fn tell_outage(&self, failure: Failure, error: &dyn fmt::Display) {
        let now = Instant::now();
        let server = self.server.as_ref().map(Server::place);
        let is_told = self.state().fail(now);
        if is_told {
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

    /// Notes that something was written and is durable.
    pub(super) fn written(&self) {
        self.note_success(false);
    }

    /// Notes that as much could be written as anybody needs.
    pub(super) fn proven(&self) {
        self.note_success(true);
    }

    fn note_success(&self, is_proof: bool) {
        let now = Instant::now();
        let over = self.state().succeed(now, is_proof);
        if let Some(outage) = over {
            let seconds = now.duration_since(outage.since).as_secs();
            let failures = outage.failures;
            tracing::info!(seconds, failures, "the database takes writes again");
        }
    }

    /// Whether writes fail, as far as anybody has tried.
    pub(super) fn is_failing(&self) -> bool {
        self.state().outage.is_some()
    }

    /// Whether a write has failed since this instant, and none got through after it.
    pub(super) fn failed_since(&self, instant: Instant) -> bool {
        self.state()
            .outage
            .is_some_and(|outage| outage.last >= instant)
    }

    /// Whether something was written in this time, and nothing has failed after it.
    pub(super) fn has_written_within(&self, span: Duration) -> bool {
        let state = self.state();
        state.outage.is_none() && state.written.is_some_and(|at| at.elapsed() < span)
    }

    /// Lets no connection be used again that is older than this moment.
    pub(super) fn sweep(&self) {
        self.state().sweep(Instant::now());
    }

    /// The same, however soon after another one: for who comes seldom enough.
    pub(super) fn sweep_now(&self) {
        let mut state = self.state();
        state.due = None;
        state.swept = Some(Instant::now());
    }

    /// Whether a connection of this age was made after the last sweep.
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
    /// Whether this failure is to be told in a line.
    fn fail(&mut self, now: Instant) -> bool {
        if let Some(outage) = &mut self.outage {
            outage.failures += 1;
            outage.last = now;
            return false;
        }
        let is_told = self
            .told
            .is_none_or(|told| now.duration_since(told) >= BETWEEN_LINES);
        if is_told {
            self.told = Some(now);
        }
        self.outage = Some(Outage {
            since: now,
            last: now,
            failures: 1,
            is_told,
        });
        is_told
    }

    /// Whether the server may be asked again.
    fn may_ask(&mut self, now: Instant) -> bool {
        let may_ask = self
            .asked
            .is_none_or(|asked| now.duration_since(asked) >= BETWEEN_LINES);
        if may_ask {
            self.asked = Some(now);
        }
        may_ask
    }

    /// The outage that is over, if its end is to be told.
    fn succeed(&mut self, now: Instant, is_proof: bool) -> Option<Outage> {
        let is_doubted = self
            .outage
            .is_some_and(|outage| now.duration_since(outage.last) < DOUBTED_FOR);
        if is_doubted && !is_proof {
            return None;
        }
        self.written = Some(now);
        self.outage.take().filter(|outage| outage.is_told)
    }

    fn sweep(&mut self, now: Instant) {
        self.due = Some(now);
        self.catch_up(now);
    }

    fn catch_up(&mut self, now: Instant) {
        let may_sweep = self
            .swept
            .is_none_or(|swept| now.duration_since(swept) >= BETWEEN_SWEEPS);
        if may_sweep && let Some(due) = self.due.take() {
            self.swept = Some(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_once_and_so_is_its_end() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut state = State::default();
        assert!(state.fail(at(0)));
        for moment in 1..100 {
            assert!(!state.fail(at(moment)));
        }
        let over = state.succeed(at(200), true).expect("an end that is told");
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
    fn where_nobody_asks_for_a_proof_an_outage_ends_some_time_after_its_last_failure() {
        let start = Instant::now();
        let mut state = State::default();
        assert!(state.fail(start));
        assert!(state.succeed(start + DOUBTED_FOR / 2, false).is_none());
        assert!(!state.fail(start + DOUBTED_FOR / 2));
        assert!(state.succeed(start + DOUBTED_FOR, false).is_none());
        assert!(state.succeed(start + DOUBTED_FOR * 2, false).is_some());
    }

    #[test]
    fn a_pool_is_replaced_once_a_second_at_most() {
        let start = Instant::now();
        let mut state = State::default();
        state.sweep(start);
        state.sweep(start + BETWEEN_SWEEPS / 2);
        assert_eq!(state.swept, Some(start));
        // What came too soon is not forgotten.
        state.catch_up(start + BETWEEN_SWEEPS);
        assert_eq!(state.swept, Some(start + BETWEEN_SWEEPS / 2));
        state.catch_up(start + BETWEEN_SWEEPS * 9);
        assert_eq!(state.swept, Some(start + BETWEEN_SWEEPS / 2));
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
        watch.proven();
        assert!(!watch.is_failing() && watch.has_written_within(Duration::from_mins(1)));
    }

    #[test]
    fn waiting_for_a_lock_in_vain_is_no_outage() {
        let watch = Arc::new(Watch::default());
        watch.gave_up(&DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout));
        watch.gave_up(&DbErr::Custom("a mistake".into()));
        assert!(!watch.is_failing());
    }
}

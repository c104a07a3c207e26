//! What became of one subscription: its log line, and its metric.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::Metrics;
use super::request::{Interest, Level, LogPolicy, Operation, Outcome, level, milliseconds};

/// One subscription while it lasts; its line is written when it is dropped.
#[derive(Debug)]
pub struct Listening {
    operation: Operation,
    started: Instant,
    events: AtomicU64,
    ending: OnceLock<(Outcome, &'static str)>,
    metrics: Metrics,
    policy: LogPolicy,
    is_sampled: bool,
}

impl Listening {
    /// Begins to count. The draw decides about sampling.
    #[must_use]
    pub fn begin(
        policy: LogPolicy,
        metrics: &Metrics,
        operation: Operation,
        draw: impl FnOnce() -> [u8; 4],
    ) -> Self {
        Self {
            operation,
            started: Instant::now(),
            events: AtomicU64::new(0),
            ending: OnceLock::new(),
            metrics: metrics.clone(),
            is_sampled: policy.sample.includes(draw),
            policy,
        }
    }

    /// Counts an event that is sent.
    pub fn told(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    /// Says how it ends; what is said first counts, and nothing said means that the client completed it.
    pub fn ends(&self, outcome: Outcome, ended: &'static str) {
        let _ = self.ending.set((outcome, ended));
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let Operation {
            name,
            document,
            kind,
        } = &self.operation;
        let ending = self.ending.get().copied();
        let (outcome, ended) = ending.unwrap_or((Outcome::OK, "completed"));
        self.metrics.subscription(name.clone(), ended);
        let Some(level) = level(
            self.policy.log,
            Interest::Ordinary,
            outcome,
            false,
            self.is_sampled,
        ) else {
            return;
        };
        let (duration_ms, events) = (
            milliseconds(self.started.elapsed()),
            self.events.load(Ordering::Relaxed),
        );
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: "idgate::request",
                    $level,
                    {
                        outcome = outcome.code,
                        operation = &**name,
                        document = document.as_deref(),
                        kind = *kind,
                        ended,
                        events,
                        duration_ms,
                    },
                    "subscription"
                )
            };
        }
        if level == Level::Warn {
            line!(tracing::Level::WARN);
        } else {
            line!(tracing::Level::INFO);
        }
    }
}

//! The log entry of a subscription, and its metric.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::Metrics;
use super::request::totals::milliseconds;
use super::request::{Level, LogPolicy, Operation, Outcome, RequestKind, level};

/// The log entry of a subscription, written when it is dropped.
#[derive(Debug)]
pub struct SubscriptionLog {
    operation: Operation,
    started: Instant,
    events: AtomicU64,
    ending: OnceLock<(Outcome, &'static str)>,
    metrics: Metrics,
    policy: LogPolicy,
    is_sampled: bool,
}

impl SubscriptionLog {
    /// Starts to measure. The random draw decides about sampling.
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
    pub fn record_event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    /// Records why it ends; the first reason counts. Without one the client completed it.
    pub fn record_end(&self, outcome: Outcome, ended: &'static str) {
        let _ = self.ending.set((outcome, ended));
    }
}

impl Drop for SubscriptionLog {
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
            RequestKind::Ordinary,
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
        macro_rules! entry {
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
            entry!(tracing::Level::WARN);
        } else {
            entry!(tracing::Level::INFO);
        }
    }
}

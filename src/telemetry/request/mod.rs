//! What one request was and how it went: its log line, and the metrics of its operation.
//!
//! Whatever runs for a request notes here what it learns, without a handle being passed through every
//! layer: the [`Record`] travels with the task. Every text of a line comes from a closed set that
//! is compiled in, or from trusted documents; nothing that a client wrote is ever noted.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::Metrics;
use super::waits::{Wait, Waits};

tokio::task_local! {
    static CURRENT: Arc<Record>;
}

/// The operation of documents that are not compiled in, and of requests refused before it was known.
pub const OTHER: &str = "other";
/// The outcome of a request that was answered as asked.
pub const OK: &str = "OK";
/// The outcome of a request whose client left before the answer.
const CANCELLED: &str = "CANCELLED";

/// Which requests get a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestLog {
    /// None.
    Off,
    /// Those that failed by no fault of the client.
    Errors,
    /// Those, and the slow ones.
    Slow,
    /// Those, and of the others as many as the sampling rate says.
    All,
}

/// Which requests and subscriptions are logged.
#[derive(Clone, Copy, Debug)]
pub struct LogPolicy {
    /// The classes of requests.
    pub log: RequestLog,
    /// The sample of those that neither failed nor were slow.
    pub sample: Fraction,
    /// The duration from which a request is slow.
    pub slow: Duration,
}

/// A part of a whole, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fraction(f64);

impl TryFrom<f64> for Fraction {
    type Error = &'static str;

    fn try_from(number: f64) -> Result<Self, &'static str> {
        // The range holds no NaN either.
        if (0.0..=1.0).contains(&number) {
            Ok(Self(number))
        } else {
            Err("the number is not between 0 and 1")
        }
    }
}

impl Fraction {
    /// Whether a draw falls into this part. Nothing is drawn for none and all.
    pub(super) fn includes(self, draw: impl FnOnce() -> [u8; 4]) -> bool {
        if self.0 <= 0.0 || self.0 >= 1.0 {
            return self.0 >= 1.0;
        }
        f64::from(u32::from_be_bytes(draw())) < self.0 * (f64::from(u32::MAX) + 1.0)
    }
}

/// How a request ended, in few words for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// It was answered as asked.
    #[default]
    Ok,
    /// The client asked for what it cannot have.
    Refused,
    /// Something here broke, was away, or took too long.
    Failed,
    /// The client left before the answer.
    Cancelled,
}

impl Class {
    /// Its label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How a request or an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The code that the client was told, or [`OK`].
    pub code: &'static str,
    /// What kind of end that is.
    pub class: Class,
}

impl Outcome {
    /// Answered as asked.
    pub const OK: Self = Self {
        code: OK,
        class: Class::Ok,
    };
    const CANCELLED: Self = Self {
        code: CANCELLED,
        class: Class::Cancelled,
    };

    /// What a status alone says, for answers that are no GraphQL.
    fn of_status(status: u16) -> Self {
        let (code, class) = match status {
            ..400 => return Self::OK,
            400..500 => ("REFUSED", Class::Refused),
            _ => ("FAILED", Class::Failed),
        };
        Self { code, class }
    }
}

/// An operation, by names that are compiled in, or that the operator's trusted documents have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The name in its trusted document, else its only root field, else [`OTHER`].
    pub name: Cow<'static, str>,
    /// The id of the trusted document, if it is one.
    pub document: Option<String>,
    /// `query`, `mutation` or `subscription`.
    pub kind: &'static str,
}

/// What is learnt about a request while it runs.
#[derive(Debug, Default)]
pub struct Facts {
    /// The surface that serves it: `public`, `staff` or `router`.
    pub surface: &'static str,
    /// Whether it came to `/graphql`.
    pub is_graphql: bool,
    /// What it runs.
    pub operation: Option<Operation>,
    /// What kind of caller it is; nothing while nobody asked.
    pub caller: Option<&'static str>,
    /// Bytes of its body that were read.
    pub request_bytes: Option<u64>,
    /// What the answer says.
    pub outcome: Option<Outcome>,
}

/// One request while it runs.
#[derive(Debug)]
pub struct Record {
    started: Instant,
    facts: Mutex<Facts>,
    waits: Waits,
}

impl Record {
    pub(super) fn waits(&self) -> &Waits {
        &self.waits
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes something about the request that runs; nothing happens outside of one.
pub fn note(learnt: impl FnOnce(&mut Facts)) {
    current(|record| learnt(&mut record.facts()));
}

pub(super) fn current(look: impl FnOnce(&Record)) {
    // An error means that no request runs here.
    let _ = CURRENT.try_with(|record| look(record));
}

/// How much a request's line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// People and programs asking for something.
    Ordinary,
    /// Supervisors that ask every second whether we live, and what we count.
    Probe,
}

/// The line of one request, written when the answer is ready, or when the client leaves before.
#[derive(Debug)]
pub struct Line {
    record: Arc<Record>,
    metrics: Metrics,
    policy: LogPolicy,
    is_sampled: bool,
    interest: Interest,
    is_written: bool,
}

impl Line {
    /// Begins to measure. The draw decides about sampling.
    #[must_use]
    pub fn begin(
        policy: LogPolicy,
        metrics: &Metrics,
        surface: &'static str,
        interest: Interest,
        draw: impl FnOnce() -> [u8; 4],
    ) -> Self {
        let facts = Facts {
            surface,
            ..Facts::default()
        };
        Self {
            record: Arc::new(Record {
                started: Instant::now(),
                facts: Mutex::new(facts),
                waits: Waits::default(),
            }),
            metrics: metrics.clone(),
            is_sampled: policy.sample.includes(draw),
            policy,
            interest,
            is_written: false,
        }
    }

    /// Runs what serves the request; what it notes goes into this line.
    pub async fn scope<F: Future>(&self, serving: F) -> F::Output {
        CURRENT.scope(Arc::clone(&self.record), serving).await
    }

    /// Writes the line of an answered request; the length of a stream is not known.
    pub fn finish(mut self, status: u16, response_bytes: Option<u64>) {
        self.is_written = true;
        let noted = self.record.facts().outcome;
        let outcome = noted.unwrap_or_else(|| Outcome::of_status(status));
        self.write(outcome, Some(status), response_bytes);
    }

    fn write(&self, outcome: Outcome, status: Option<u16>, response_bytes: Option<u64>) {
        let took = self.record.started.elapsed();
        let facts = self.record.facts();
        let operation = facts.operation.as_ref();
        if facts.is_graphql {
            let name = operation.map_or(Cow::Borrowed(OTHER), |it| it.name.clone());
            self.metrics.operation(name, outcome, took);
        }
        // An event that is sent hours later does not make its request slow.
        let is_slow = took >= self.policy.slow;
        let Some(level) = level(
            self.policy.log,
            self.interest,
            outcome,
            is_slow,
            self.is_sampled,
        ) else {
            return;
        };
        let duration_ms = milliseconds(took);
        let waits = is_slow.then_some(&self.record.waits);
        let waited = |wait| waits.and_then(|it| it.milliseconds(wait));
        let count = |wait| waits.and_then(|it| it.count(wait));
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: "idgate::request",
                    $level,
                    {
                        http.status = status,
                        outcome = outcome.code,
                        surface = facts.surface,
                        operation = operation.map(|it| &*it.name),
                        document = operation.and_then(|it| it.document.as_deref()),
                        kind = operation.map(|it| it.kind),
                        caller = facts.caller,
                        duration_ms,
                        request_bytes = facts.request_bytes,
                        response_bytes,
                        database_ms = waited(Wait::Database),
                        statements = count(Wait::Database),
                        pool_ms = waited(Wait::Pool),
                        shared_store_ms = waited(Wait::SharedStore),
                        hashing_ms = waited(Wait::Hashing),
                        hashes = count(Wait::Hashing),
                        provider_ms = waited(Wait::Provider),
                    },
                    "request"
                )
            };
        }
        match level {
            Level::Debug => line!(tracing::Level::DEBUG),
            Level::Info => line!(tracing::Level::INFO),
            Level::Warn => line!(tracing::Level::WARN),
        }
    }
}

impl Drop for Line {
    /// A client that leaves takes the future that serves it away.
    fn drop(&mut self) {
        if !self.is_written {
            self.write(Outcome::CANCELLED, None, None);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Debug,
    Info,
    Warn,
}

/// Whether there is a line, and how loud.
pub(super) fn level(
    log: RequestLog,
    interest: Interest,
    outcome: Outcome,
    is_slow: bool,
    is_sampled: bool,
) -> Option<Level> {
    if interest == Interest::Probe {
        // A draining instance says 503 to its balancer on purpose.
        return (log == RequestLog::All).then_some(Level::Debug);
    }
    let has_failed = outcome.class == Class::Failed;
    match log {
        RequestLog::Errors | RequestLog::Slow | RequestLog::All if has_failed => Some(Level::Warn),
        RequestLog::Slow | RequestLog::All if is_slow => Some(Level::Warn),
        RequestLog::All if is_sampled => Some(Level::Info),
        _ => None,
    }
}

/// Milliseconds with their thousandths.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    let micros = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1000.0
}

#[cfg(test)]
mod tests;

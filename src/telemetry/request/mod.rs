//! The log entry of a request, and the metrics of its operation.
//!
//! The [`Record`] is task-local, so that every layer can [`note`] what it learns. Text comes from
//! closed sets that are compiled in, or from trusted documents, never from a client.

pub(super) mod totals;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use self::totals::{Wait, Waits, milliseconds};
use super::Metrics;

tokio::task_local! {
    static CURRENT: Arc<Record>;
}

/// The operation of unknown documents, and of requests refused before it is known.
pub const OTHER: &str = "other";
/// The outcome of a successful request.
pub const OK: &str = "OK";
/// The outcome of a request whose client disconnected before the response.
const CANCELLED: &str = "CANCELLED";

/// Which requests are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestLog {
    /// None.
    Off,
    /// Failed ones; refusals are not failures.
    Errors,
    /// Failed and slow ones.
    Slow,
    /// Failed and slow ones, and a sample of the others.
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
    /// Whether a random draw falls into this part. Nothing is drawn for 0 and 1.
    pub(super) fn includes(self, draw: impl FnOnce() -> [u8; 4]) -> bool {
        if self.0 <= 0.0 || self.0 >= 1.0 {
            return self.0 >= 1.0;
        }
        f64::from(u32::from_be_bytes(draw())) < self.0 * (f64::from(u32::MAX) + 1.0)
    }
}

/// The class of an outcome, a label of metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// Successful.
    #[default]
    Ok,
    /// Refused: a problem with the request.
    Refused,
    /// Failed: a fault, an unavailable dependency or a timeout.
    Failed,
    /// The client disconnected before the response.
    Cancelled,
}

impl Class {
    /// The value of the label.
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
    /// The code in the response, or [`OK`].
    pub code: &'static str,
    /// Its class.
    pub class: Class,
}

impl Outcome {
    /// Successful.
    pub const OK: Self = Self {
        code: OK,
        class: Class::Ok,
    };
    const CANCELLED: Self = Self {
        code: CANCELLED,
        class: Class::Cancelled,
    };

    /// The outcome of an HTTP status, for responses that are not GraphQL.
    fn of_status(status: u16) -> Self {
        let (code, class) = match status {
            ..400 => return Self::OK,
            400..500 => ("REFUSED", Class::Refused),
            _ => ("FAILED", Class::Failed),
        };
        Self { code, class }
    }
}

/// An operation. Its names are compiled in, or those of the operator's trusted documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The name in its trusted document, else its only root field, else [`OTHER`].
    pub name: Cow<'static, str>,
    /// The id of the trusted document, if it is one.
    pub document: Option<String>,
    /// `query`, `mutation`, `subscription` or `rest`.
    pub kind: &'static str,
}

/// What is known about a request.
#[derive(Debug, Default)]
pub struct Fields {
    /// The surface that serves it: `public`, `staff` or `router`.
    pub surface: &'static str,
    /// Whether it came to a surface of operations, which are counted: `/graphql` or `/api/v1`.
    pub has_operation: bool,
    /// The operation.
    pub operation: Option<Operation>,
    /// The kind of caller; `None` before authentication.
    pub caller: Option<&'static str>,
    /// Bytes of the body that were read.
    pub request_bytes: Option<u64>,
    /// The outcome of the response.
    pub outcome: Option<Outcome>,
}

/// One request while it runs.
#[derive(Debug)]
pub struct Record {
    started: Instant,
    fields: Mutex<Fields>,
    waits: Waits,
}

impl Record {
    pub(super) fn waits(&self) -> &Waits {
        &self.waits
    }

    fn fields(&self) -> MutexGuard<'_, Fields> {
        self.fields.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Updates what is known about the current request; does nothing outside of one.
pub fn note(update: impl FnOnce(&mut Fields)) {
    current(|record| update(&mut record.fields()));
}

pub(super) fn current(access: impl FnOnce(&Record)) {
    // Fails outside of a request.
    let _ = CURRENT.try_with(|record| access(record));
}

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// A request of a client.
    Ordinary,
    /// A health check or a scrape of metrics, every few seconds.
    Probe,
}

/// The log entry of a request, written when the response is ready or the client disconnects.
#[derive(Debug)]
pub struct LogEntry {
    record: Arc<Record>,
    metrics: Metrics,
    policy: LogPolicy,
    is_sampled: bool,
    kind: RequestKind,
    is_written: bool,
}

impl LogEntry {
    /// Starts to measure. The random draw decides about sampling.
    #[must_use]
    pub fn begin(
        policy: LogPolicy,
        metrics: &Metrics,
        surface: &'static str,
        kind: RequestKind,
        draw: impl FnOnce() -> [u8; 4],
    ) -> Self {
        let fields = Fields {
            surface,
            ..Fields::default()
        };
        Self {
            record: Arc::new(Record {
                started: Instant::now(),
                fields: Mutex::new(fields),
                waits: Waits::default(),
            }),
            metrics: metrics.clone(),
            is_sampled: policy.sample.includes(draw),
            policy,
            kind,
            is_written: false,
        }
    }

    /// Runs the handler of the request; what it notes goes into this entry.
    pub async fn scope<F: Future>(&self, serving: F) -> F::Output {
        CURRENT.scope(Arc::clone(&self.record), serving).await
    }

    /// Writes the entry of a finished request; the length of a stream is unknown.
    pub fn finish(mut self, status: u16, response_bytes: Option<u64>) {
        self.is_written = true;
        let noted = self.record.fields().outcome;
        let outcome = noted.unwrap_or_else(|| Outcome::of_status(status));
        self.write(outcome, Some(status), response_bytes);
    }

    fn write(&self, outcome: Outcome, status: Option<u16>, response_bytes: Option<u64>) {
        let took = self.record.started.elapsed();
        let fields = self.record.fields();
        let operation = fields.operation.as_ref();
        if fields.has_operation {
            let name = operation.map_or(Cow::Borrowed(OTHER), |operation| operation.name.clone());
            self.metrics.operation(name, outcome, took);
        }
        let is_slow = took >= self.policy.slow;
        let Some(level) = level(
            self.policy.log,
            self.kind,
            outcome,
            is_slow,
            self.is_sampled,
        ) else {
            return;
        };
        let duration_ms = milliseconds(took);
        let waits = is_slow.then_some(&self.record.waits);
        let waited = |wait| waits.and_then(|waits| waits.milliseconds(wait));
        let count = |wait| waits.and_then(|waits| waits.count(wait));
        macro_rules! entry {
            ($level:expr) => {
                tracing::event!(
                    target: "idgate::request",
                    $level,
                    {
                        http.status = status,
                        outcome = outcome.code,
                        surface = fields.surface,
                        operation = operation.map(|operation| &*operation.name),
                        document = operation.and_then(|operation| operation.document.as_deref()),
                        kind = operation.map(|operation| operation.kind),
                        caller = fields.caller,
                        duration_ms,
                        request_bytes = fields.request_bytes,
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
            Level::Debug => entry!(tracing::Level::DEBUG),
            Level::Info => entry!(tracing::Level::INFO),
            Level::Warn => entry!(tracing::Level::WARN),
        }
    }
}

impl Drop for LogEntry {
    /// When the client disconnects, the future of the handler is dropped.
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

/// The level of the entry, if there is one.
pub(super) fn level(
    log: RequestLog,
    kind: RequestKind,
    outcome: Outcome,
    is_slow: bool,
    is_sampled: bool,
) -> Option<Level> {
    if kind == RequestKind::Probe {
        // A draining instance answers 503 to probes on purpose.
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

#[cfg(test)]
mod tests;

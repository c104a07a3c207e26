//! Logs, request ids and metrics: how they look and what carries them.
//!
//! Uses nothing of ours and may be used by all. What is worth a log line is said where it happens;
//! fields never hold a secret or a personal value.

mod labels;
pub mod request;
pub mod subscription;
pub mod waits;

use std::borrow::Cow;
use std::fmt;
use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};
use serde::Deserialize;
use tracing::Span;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use uuid::{Builder, Uuid};

use labels::Labels;

/// The longest request id taken from outside.
const LONGEST_REQUEST_ID: usize = 64;

/// A level or directives, such as `info,idgate=debug`, that are known to be readable.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Directives(String);

impl TryFrom<String> for Directives {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match EnvFilter::try_new(&text) {
            Ok(_) => Ok(Self(text)),
            // The library's own message quotes the text, which may have been meant elsewhere.
            Err(_) => Err("the value is neither a level nor a list of directives".to_owned()),
        }
    }
}

/// Who logs what people send, word for word, and so their tokens, where one asks for that much.
const TALKATIVE: [&str; 3] = [
    "tungstenite",
    "tungstenite::protocol",
    "tungstenite::protocol::frame",
];

impl Directives {
    /// What is let through: what is asked for, and never what a WebSocket carries.
    fn filter(&self) -> EnvFilter {
        TALKATIVE
            .iter()
            .filter_map(|target| format!("{target}=info").parse().ok())
            .fold(EnvFilter::new(&self.0), EnvFilter::add_directive)
    }
}

impl fmt::Display for Directives {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people on a terminal, for machines elsewhere.
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Starts writing logs to standard error, which leaves standard output to answers.
///
/// # Errors
///
/// When logs are already being written, as two subscribers would each get half.
pub fn start(log: &Directives, format: Format) -> Result<(), TryInitError> {
    let terminal = stderr().is_terminal();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(log.filter())
        .with_writer(stderr)
        .with_ansi(terminal);
    let json = match format {
        Format::Auto => !terminal,
        Format::Pretty => false,
        Format::Json => true,
    };
    if json {
        lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .finish()
            .try_init()
    } else {
        lines.finish().try_init()
    }
}

/// The span of one request, so that all its lines can be found by its id.
///
/// The route is the pattern that matched. A path that matched none is left out: somebody may have
/// pasted a token there. The span has the highest level, so that no directive takes the id away
/// from lines that it lets through.
#[must_use]
pub fn request_span(request_id: &str, method: &'static str, route: Option<&str>) -> Span {
    tracing::error_span!(
        "request",
        request.id = request_id,
        http.method = method,
        http.route = route
    )
}

/// A new request id from random bytes, as UUID text (RFC 9562 §5.4).
#[must_use]
pub fn request_id(random: [u8; 16]) -> String {
    let id: Uuid = Builder::from_random_bytes(random).into_uuid();
    id.to_string()
}

/// A request id from outside, when it can be logged and sent back as it is.
///
/// Anything else could forge log lines or headers.
#[must_use]
pub fn accepted_request_id(text: &str) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let fits = (1..=LONGEST_REQUEST_ID).contains(&text.len()) && text.bytes().all(plain);
    fits.then_some(text)
}

/// Attempts to deliver a message, by `channel` and `outcome` (delivered, postponed, dead).
const DELIVERIES: &str = "idgate_deliveries_total";
/// How long such an attempt took, by `channel`.
const DELIVERY_SECONDS: &str = "idgate_delivery_seconds";
/// Messages not delivered yet, by `channel`.
const OUTBOX_WAITING: &str = "idgate_outbox_waiting";
/// Messages given up, by `channel`.
const OUTBOX_DEAD: &str = "idgate_outbox_dead";
/// The age of the oldest message not delivered yet, by `channel`.
const OUTBOX_OLDEST: &str = "idgate_outbox_oldest_waiting_seconds";
/// Questions after leaked passwords, by `outcome` (known, unknown, unavailable).
const BREACHED_LOOKUPS: &str = "idgate_breached_lookups_total";
/// Requests and answers that met a limit, by `limit` (docs/edge.md has them all).
const LIMITS_MET: &str = "idgate_limits_met_total";
/// Requests with forwarding headers from peers that are no trusted proxy.
const UNTRUSTED_FORWARDING: &str = "idgate_untrusted_forwarding_total";
/// Requests refused before anything ran, by `code` of the answer.
const EDGE_REFUSALS: &str = "idgate_edge_refusals_total";
/// 1 while more wrong codes are typed than people mistype, else 0.
const CODE_GUESSING_ALARM: &str = "idgate_code_guessing_alarm";
/// Statements that the database could not run, by `kind` (see docs/operations.md).
const DATABASE_FAILURES: &str = "idgate_database_failures_total";

/// What strangers did that the audit log does not keep one by one, by `action`.
const AUDIT_UNRECORDED: &str = "idgate_audit_unrecorded_total";
/// What happened and was not told, by `at` (`queue`, `shared_store`).
const OCCURRENCES_LOST: &str = "idgate_occurrences_lost_total";
/// Connections on which somebody listens, by `over` (websocket, stream).
const LISTENERS: &str = "idgate_subscription_connections";
/// Such connections that ended, by `why`.
const LISTENERS_ENDED: &str = "idgate_subscription_connections_ended_total";

/// How long operations took, by `operation` and `outcome` (ok, refused, failed, cancelled).
const OPERATION_SECONDS: &str = "idgate_operation_duration_seconds";
/// Operations by `operation` and `code`, which is `OK` or what the client was told.
const OPERATIONS: &str = "idgate_operations_total";

/// Subscriptions that ended, by `operation` and `ended`.
const SUBSCRIPTIONS: &str = "idgate_subscriptions_ended_total";

/// Borders between the buckets of durations: from a loopback to the longest time limit.
const SECONDS: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// The same for operations, most of which take a few milliseconds.
const OPERATION_BORDERS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// What is counted, and the page that says it. Labels come from closed sets.
///
/// One for each `App` rather than one for the process, so that tests beside each other count apart.
#[derive(Clone)]
pub struct Metrics(Arc<PrometheusRecorder>, Labels);

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics that have counted nothing yet.
    #[must_use]
    pub fn new() -> Self {
        let duration = Matcher::Full(DELIVERY_SECONDS.to_owned());
        let operation = Matcher::Full(OPERATION_SECONDS.to_owned());
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(duration, &SECONDS)
            .and_then(|it| it.set_buckets_for_metric(operation, &OPERATION_BORDERS))
            // Only an empty list of borders is refused.
            .unwrap_or_default();
        let recorder = builder.build_recorder();
        with_local_recorder(&recorder, describe);
        Self(Arc::new(recorder), Labels::default())
    }

    /// Counts an attempt to deliver a message.
    pub fn delivery(&self, channel: &str, outcome: &'static str, took: Duration) {
        let channel = channel.to_owned();
        with_local_recorder(&*self.0, || {
            counter!(DELIVERIES, "channel" => channel.clone(), "outcome" => outcome).increment(1);
            histogram!(DELIVERY_SECONDS, "channel" => channel).record(took.as_secs_f64());
        });
    }

    /// Counts an operation and how long it took.
    pub fn operation(&self, name: Cow<'static, str>, outcome: request::Outcome, took: Duration) {
        let class = outcome.class.as_str();
        let name = self.1.of(name);
        with_local_recorder(&*self.0, || {
            counter!(OPERATIONS, "operation" => name.clone(), "code" => outcome.code).increment(1);
            histogram!(OPERATION_SECONDS, "operation" => name, "outcome" => class)
                .record(took.as_secs_f64());
        });
    }

    /// Counts a subscription that ended.
    pub fn subscription(&self, name: Cow<'static, str>, ended: &'static str) {
        let name = self.1.of(name);
        with_local_recorder(&*self.0, || {
            counter!(SUBSCRIPTIONS, "operation" => name, "ended" => ended).increment(1);
        });
    }

    /// Says how full the outbox is; the age is in seconds.
    pub fn outbox(&self, channel: &'static str, waiting: i64, dead: i64, oldest: i64) {
        with_local_recorder(&*self.0, || {
            gauge!(OUTBOX_WAITING, "channel" => channel).set(float(waiting));
            gauge!(OUTBOX_DEAD, "channel" => channel).set(float(dead));
            gauge!(OUTBOX_OLDEST, "channel" => channel).set(float(oldest));
        });
    }

    /// Counts a question after a leaked password.
    pub fn breached_lookup(&self, outcome: &'static str) {
        with_local_recorder(&*self.0, || {
            counter!(BREACHED_LOOKUPS, "outcome" => outcome).increment(1);
        });
    }

    /// Counts a request or an answer that met a limit.
    pub fn limit(&self, limit: &'static str) {
        with_local_recorder(&*self.0, || {
            counter!(LIMITS_MET, "limit" => limit).increment(1);
        });
    }

    /// Counts a request with forwarding headers that are not believed.
    pub fn untrusted_forwarding(&self) {
        with_local_recorder(&*self.0, || counter!(UNTRUSTED_FORWARDING).increment(1));
    }

    /// Says whether codes are being guessed at.
    pub fn code_guessing_alarm(&self, is_raised: bool) {
        with_local_recorder(&*self.0, || {
            gauge!(CODE_GUESSING_ALARM).set(f64::from(u8::from(is_raised)));
        });
    }

    /// Counts a request that was refused before anything ran.
    pub fn edge_refusal(&self, code: &'static str) {
        with_local_recorder(&*self.0, || {
            counter!(EDGE_REFUSALS, "code" => code).increment(1);
        });
    }

    /// Counts what the audit log does not keep.
    pub fn unrecorded(&self, action: &'static str) {
        with_local_recorder(&*self.0, || {
            counter!(AUDIT_UNRECORDED, "action" => action).increment(1);
        });
    }

    /// Counts a statement that the database could not run.
    pub fn database_failure(&self, kind: &'static str) {
        with_local_recorder(&*self.0, || {
            counter!(DATABASE_FAILURES, "kind" => kind).increment(1);
        });
    }

    /// Counts what happened and was not told to everybody who listens.
    pub fn occurrences_lost(&self, at: &'static str, count: u64) {
        with_local_recorder(&*self.0, || {
            counter!(OCCURRENCES_LOST, "at" => at).increment(count);
        });
    }

    /// Counts a connection on which somebody begins to listen.
    pub fn listener_began(&self, over: &'static str) {
        with_local_recorder(&*self.0, || gauge!(LISTENERS, "over" => over).increment(1));
    }

    /// Counts the end of such a connection.
    pub fn listener_ended(&self, over: &'static str, why: &'static str) {
        with_local_recorder(&*self.0, || {
            gauge!(LISTENERS, "over" => over).decrement(1);
            counter!(LISTENERS_ENDED, "why" => why).increment(1);
        });
    }

    /// Sorts recorded durations into their buckets; without it they pile up until somebody reads.
    pub fn upkeep(&self) {
        self.0.handle().run_upkeep();
    }

    /// The page that Prometheus reads (text format 0.0.4).
    #[must_use]
    pub fn render(&self) -> String {
        self.0.handle().render()
    }
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!(OPERATIONS, "Operations, by what became of them.");
    describe_histogram!(OPERATION_SECONDS, "Duration of an operation.");
    describe_counter!(SUBSCRIPTIONS, "Subscriptions that ended, by why.");
    describe_counter!(DELIVERIES, "Attempts to deliver a message.");
    describe_histogram!(
        DELIVERY_SECONDS,
        "Duration of an attempt to deliver a message."
    );
    describe_gauge!(OUTBOX_WAITING, "Messages that are not delivered yet.");
    describe_gauge!(OUTBOX_DEAD, "Messages that were given up.");
    describe_gauge!(
        OUTBOX_OLDEST,
        "Age of the oldest message that is not delivered yet."
    );
    describe_counter!(BREACHED_LOOKUPS, "Passwords looked up among leaked ones.");
    describe_counter!(LIMITS_MET, "Requests and answers that met a limit.");
    describe_gauge!(
        CODE_GUESSING_ALARM,
        "Whether one-time codes are being guessed at."
    );
    describe_counter!(EDGE_REFUSALS, "Requests refused before anything ran.");
    describe_counter!(
        AUDIT_UNRECORDED,
        "What strangers did that is counted instead of recorded."
    );
    describe_counter!(DATABASE_FAILURES, "Statements the database could not run.");
    describe_counter!(OCCURRENCES_LOST, "What happened and was not told live.");
    describe_gauge!(LISTENERS, "Connections with live events.");
    describe_counter!(LISTENERS_ENDED, "Connections with live events that ended.");
}

#[expect(clippy::cast_precision_loss, reason = "no gauge gets near 2^52")]
const fn float(number: i64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;

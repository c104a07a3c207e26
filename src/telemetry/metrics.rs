//! Metrics, in the text format of Prometheus.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};

use super::labels::Labels;
use super::request::Outcome;

/// Delivery attempts, by `channel` and `outcome` (delivered, postponed, dead).
const DELIVERIES: &str = "idgate_deliveries_total";
/// Duration of delivery attempts, by `channel`.
const DELIVERY_SECONDS: &str = "idgate_delivery_seconds";
/// Messages not delivered yet, by `channel`.
const OUTBOX_WAITING: &str = "idgate_outbox_waiting";
/// Dead letters, by `channel`.
const OUTBOX_DEAD: &str = "idgate_outbox_dead";
/// The age of the oldest message not delivered yet, by `channel`.
const OUTBOX_OLDEST: &str = "idgate_outbox_oldest_waiting_seconds";
/// Lookups of leaked passwords, by `outcome` (known, unknown, unavailable).
const BREACHED_LOOKUPS: &str = "idgate_breached_lookups_total";
/// Requests and responses that exceeded a limit, by `limit` (see docs/edge.md).
const LIMITS_MET: &str = "idgate_limits_met_total";
/// Requests with forwarding headers from peers that are not trusted proxies.
const UNTRUSTED_FORWARDING: &str = "idgate_untrusted_forwarding_total";
/// Requests refused before execution, by `code` of the response.
const EDGE_REFUSALS: &str = "idgate_edge_refusals_total";
/// 1 while one-time codes are being guessed, else 0.
const CODE_GUESSING_ALARM: &str = "idgate_code_guessing_alarm";
/// Failed statements, by `kind` (see docs/operations.md).
const DATABASE_FAILURES: &str = "idgate_database_failures_total";
/// Events that are counted instead of audited one by one, by `action`.
const AUDIT_UNRECORDED: &str = "idgate_audit_unrecorded_total";
/// Domain events that were lost, by `at` (`queue`, `shared_store`).
const EVENTS_LOST: &str = "idgate_occurrences_lost_total";
/// Open connections with subscriptions, by `over` (websocket, stream).
const CONNECTIONS: &str = "idgate_subscription_connections";
/// Closed connections with subscriptions, by `why`.
const CONNECTIONS_CLOSED: &str = "idgate_subscription_connections_ended_total";

/// Duration of operations, by `operation` and `outcome` (ok, refused, failed, cancelled).
const OPERATION_SECONDS: &str = "idgate_operation_duration_seconds";
/// Operations, by `operation` and `code`, which is `OK` or the code in the response.
const OPERATIONS: &str = "idgate_operations_total";
/// Subscriptions that ended, by `operation` and `ended`.
const SUBSCRIPTIONS: &str = "idgate_subscriptions_ended_total";

/// Histogram buckets of deliveries: from a loopback to the longest time limit.
const DELIVERY_BUCKETS: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// Histogram buckets of operations, most of which take a few milliseconds.
const OPERATION_BUCKETS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Counters and gauges, and their Prometheus page. Labels come from closed sets.
///
/// One per `App` rather than per process, so that parallel tests count separately.
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
    /// Metrics at zero.
    #[must_use]
    pub fn new() -> Self {
        let duration = Matcher::Full(DELIVERY_SECONDS.to_owned());
        let operation = Matcher::Full(OPERATION_SECONDS.to_owned());
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(duration, &DELIVERY_BUCKETS)
            .and_then(|builder| builder.set_buckets_for_metric(operation, &OPERATION_BUCKETS))
            // Only an empty list of buckets is refused.
            .unwrap_or_default();
        let recorder = builder.build_recorder();
        with_local_recorder(&recorder, describe);
        Self(Arc::new(recorder), Labels::default())
    }

    /// Counts a delivery attempt.
    pub fn delivery(&self, channel: &str, outcome: &'static str, took: Duration) {
        let channel = channel.to_owned();
        with_local_recorder(&*self.0, || {
            counter!(DELIVERIES, "channel" => channel.clone(), "outcome" => outcome).increment(1);
            histogram!(DELIVERY_SECONDS, "channel" => channel).record(took.as_secs_f64());
        });
    }

    /// Counts an operation with its duration.
    pub fn operation(&self, name: Cow<'static, str>, outcome: Outcome, took: Duration) {
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

    /// Sets the gauges of the outbox; the age is in seconds.
    pub fn outbox(&self, channel: &'static str, waiting: i64, dead: i64, oldest: i64) {
        with_local_recorder(&*self.0, || {
            gauge!(OUTBOX_WAITING, "channel" => channel).set(float(waiting));
            gauge!(OUTBOX_DEAD, "channel" => channel).set(float(dead));
            gauge!(OUTBOX_OLDEST, "channel" => channel).set(float(oldest));
        });
    }

    /// Counts a lookup of a leaked password.
    pub fn breached_lookup(&self, outcome: &'static str) {
        with_local_recorder(&*self.0, || {
            counter!(BREACHED_LOOKUPS, "outcome" => outcome).increment(1);
        });
    }

    /// Counts a request or a response that exceeded a limit.
    pub fn limit(&self, limit: &'static str) {
        with_local_recorder(&*self.0, || {
            counter!(LIMITS_MET, "limit" => limit).increment(1);
        });
    }

    /// Counts a request with forwarding headers that are not trusted.
    pub fn untrusted_forwarding(&self) {
        with_local_recorder(&*self.0, || counter!(UNTRUSTED_FORWARDING).increment(1));
    }

    /// Sets whether one-time codes are being guessed.
    pub fn code_guessing_alarm(&self, is_raised: bool) {
        with_local_recorder(&*self.0, || {
            gauge!(CODE_GUESSING_ALARM).set(f64::from(u8::from(is_raised)));
        });
    }

    /// Counts a request that was refused before execution.
    pub fn edge_refusal(&self, code: &'static str) {
        with_local_recorder(&*self.0, || {
            counter!(EDGE_REFUSALS, "code" => code).increment(1);
        });
    }

    /// Counts an event instead of auditing it.
    pub fn unrecorded(&self, action: &'static str) {
        with_local_recorder(&*self.0, || {
            counter!(AUDIT_UNRECORDED, "action" => action).increment(1);
        });
    }

    /// Counts a failed statement.
    pub fn database_failure(&self, kind: &'static str) {
        with_local_recorder(&*self.0, || {
            counter!(DATABASE_FAILURES, "kind" => kind).increment(1);
        });
    }

    /// Counts domain events that not all subscribers got.
    pub fn events_lost(&self, at: &'static str, count: u64) {
        with_local_recorder(&*self.0, || {
            counter!(EVENTS_LOST, "at" => at).increment(count);
        });
    }

    /// Counts an opened connection with subscriptions.
    pub fn connection_opened(&self, over: &'static str) {
        with_local_recorder(&*self.0, || {
            gauge!(CONNECTIONS, "over" => over).increment(1);
        });
    }

    /// Counts a closed connection with subscriptions.
    pub fn connection_closed(&self, over: &'static str, why: &'static str) {
        with_local_recorder(&*self.0, || {
            gauge!(CONNECTIONS, "over" => over).decrement(1);
            counter!(CONNECTIONS_CLOSED, "why" => why).increment(1);
        });
    }

    /// Moves recorded durations into their buckets; otherwise they accumulate until the next scrape.
    pub fn upkeep(&self) {
        self.0.handle().run_upkeep();
    }

    /// The page for Prometheus (text format 0.0.4).
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
    describe_counter!(EVENTS_LOST, "What happened and was not told live.");
    describe_gauge!(CONNECTIONS, "Connections with live events.");
    describe_counter!(
        CONNECTIONS_CLOSED,
        "Connections with live events that ended."
    );
}

#[expect(clippy::cast_precision_loss, reason = "no gauge gets near 2^52")]
const fn float(number: i64) -> f64 {
    number as f64
}

//! `[telemetry]`: what is logged and how.

use std::time::Duration;

use serde::de::Error as _;

use super::read::{Input, Read, Reason, read_from_text};
use super::section::{Check, section};
use crate::telemetry::request::{Fraction, LogPolicy, RequestLog};
use crate::telemetry::{Directives, Format};

section! {
    /// What is logged and how.
    pub struct Telemetry("telemetry") {
        /// What is logged: a level, or directives such as "info,idgate=debug".
        pub log: Directives = "info", overridden_by "RUST_LOG";
        /// The format of logs: "pretty", "json", or "auto" for pretty on a terminal and JSON elsewhere.
        pub format: Format = "auto";
        /// Which requests are logged: "off" none, "errors" failed ones, "slow" failed and slow ones,
        /// "all" those and a sample of the others.
        pub request_log: RequestLog = "all";
        /// The sample of requests to log that neither failed nor were slow, from 0 (none) to 1 (all).
        pub request_sample: Fraction = 1.0;
        /// Milliseconds from which a request is slow: it is logged as a warning, with what it waited
        /// for. 0 makes all requests slow.
        pub slow_ms: u64 = 1_000, in 0..=86_400_000;
    }
}

read_from_text!(Directives, Format, RequestLog);

impl Read for Fraction {
    fn read(input: Input<'_>) -> Result<Self, Reason> {
        Self::try_from(f64::read(input)?).map_err(Reason::custom)
    }
}

impl Telemetry {
    /// Which requests and subscriptions are logged.
    #[must_use]
    pub const fn request_policy(&self) -> LogPolicy {
        LogPolicy {
            log: self.request_log,
            sample: self.request_sample,
            slow: Duration::from_millis(self.slow_ms),
        }
    }
}

impl Check for Telemetry {}

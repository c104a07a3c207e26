//! Logs, request ids and metrics.
//!
//! Uses no other layer and may be used by all. Fields of logs never hold a secret or personal data.

mod labels;
mod metrics;
pub mod request;
pub mod subscription;
pub mod waits;

use std::fmt;
use std::io::{IsTerminal, stderr};

use serde::Deserialize;
use tracing::Span;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use uuid::{Builder, Uuid};

pub use self::metrics::Metrics;

/// The longest request id that is accepted from a client.
const MAX_REQUEST_ID_LENGTH: usize = 64;

/// A valid level or list of directives, such as `info,idgate=debug`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Directives(String);

impl TryFrom<String> for Directives {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match EnvFilter::try_new(&text) {
            Ok(_) => Ok(Self(text)),
            // The library's own message quotes the text, which may be a misplaced secret.
            Err(_) => Err("the value is neither a level nor a list of directives".to_owned()),
        }
    }
}

/// Targets that log payloads, and so access tokens, at the levels debug and trace.
const NOISY_TARGETS: [&str; 3] = [
    "tungstenite",
    "tungstenite::protocol",
    "tungstenite::protocol::frame",
];

impl Directives {
    /// The filter of the directives, without the payloads of WebSocket messages.
    fn filter(&self) -> EnvFilter {
        NOISY_TARGETS
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

/// The format of logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Pretty on a terminal, JSON elsewhere.
    Auto,
    /// Human-readable.
    Pretty,
    /// One JSON object per line.
    Json,
}

/// Starts logging to standard error; standard output is for the results of commands.
///
/// # Errors
///
/// When logging was already started.
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

/// The span of a request, which adds its id to all its log lines.
///
/// The route is the matched pattern; an unmatched path is left out, since it may hold a pasted
/// token. The span has the highest level, so that no filter removes the id.
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

/// A request id from a client, if it can be logged and sent back unchanged. Others could forge log
/// lines or headers.
#[must_use]
pub fn accepted_request_id(text: &str) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let fits = (1..=MAX_REQUEST_ID_LENGTH).contains(&text.len()) && text.bytes().all(plain);
    fits.then_some(text)
}

#[cfg(test)]
mod tests;

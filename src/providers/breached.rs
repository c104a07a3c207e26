//! Looking passwords up in breach data without revealing them (k-anonymity).

use std::time::Duration;

use aws_lc_rs::digest;
use reqwest::{Client, StatusCode};
use url::Url;

use super::http;
use crate::config;
use crate::fault::Fault;
use crate::telemetry::Metrics;
use crate::telemetry::waits::{Wait, timed};

/// The maximum size of an answer; a padded one has about a thousand lines of forty bytes.
const MAX_RESPONSE_BYTES: usize = 256 * 1024;
/// Hexadecimal digits of the hash that are sent, of forty: hundreds of passwords share them.
const PREFIX: usize = 5;

/// The result of a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Breached, at least as often as configured.
    Known,
    /// Not known to be breached.
    Unknown,
    /// No answer in time. Callers proceed as if it were unknown (fail open).
    Unavailable,
}

impl Lookup {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Unknown => "unknown",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A breached-password service.
#[derive(Clone)]
pub struct Breached {
    client: Client,
    url: Url,
    min_count: u64,
    metrics: Metrics,
}

impl std::fmt::Debug for Breached {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Breached").finish_non_exhaustive()
    }
}

impl Breached {
    /// The configured service, if any.
    pub fn configured(
        settings: &config::Breached,
        metrics: &Metrics,
    ) -> Result<Option<Self>, Fault> {
        let Some(mut url) = settings.address() else {
            return Ok(None);
        };
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Some(Self {
            client: http::client(Duration::from_millis(settings.timeout_milliseconds))?,
            url,
            min_count: settings.min_count,
            metrics: metrics.clone(),
        }))
    }

    /// Looks a password up. Never fails: an outage lets the password pass.
    pub async fn lookup(&self, password: &str) -> Lookup {
        let hash = sha1_hex(password);
        let (prefix, suffix) = hash.split_at(PREFIX);
        let lookup = match timed(Wait::Provider, self.range(prefix)).await {
            Ok(lines) if counted(&lines, suffix) >= self.min_count => Lookup::Known,
            Ok(_) => Lookup::Unknown,
            Err(reason) => {
                tracing::warn!(reason, "leaked passwords could not be looked up");
                Lookup::Unavailable
            }
        };
        self.metrics.breached_lookup(lookup.as_str());
        lookup
    }

    async fn range(&self, prefix: &str) -> Result<String, String> {
        let url = self.url.join(prefix).map_err(|error| error.to_string())?;
        // Padding hides the number of matching hashes from the network.
        let request = self.client.get(url).header("add-padding", "true");
        let response = request.send().await.map_err(http::no_answer)?;
        if response.status() != StatusCode::OK {
            return Err(format!("status {}", response.status().as_u16()));
        }
        let body = http::body(response, MAX_RESPONSE_BYTES).await;
        let body = body.ok_or("the answer broke off or is too long")?;
        String::from_utf8(body).map_err(|_| "the answer is no text".to_owned())
    }
}

/// How often the hash with this suffix was seen. Lines are `SUFFIX:COUNT`; padding has a count of 0.
fn counted(lines: &str, suffix: &str) -> u64 {
    lines
        .lines()
        .filter_map(|line| line.trim().split_once(':'))
        .find(|(end, _)| end.eq_ignore_ascii_case(suffix))
        .and_then(|(_, count)| count.trim().parse().ok())
        .unwrap_or(0)
}

/// Breach data is keyed by SHA-1; nothing else uses it.
fn sha1_hex(password: &str) -> String {
    use std::fmt::Write as _;
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    digest
        .as_ref()
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02X}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_found_by_the_end_of_its_hash() {
        let hash = sha1_hex("password");
        assert_eq!(hash, "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8");
        let suffix = &hash[PREFIX..];
        let lines = format!("0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n{suffix}:42\r\n");
        assert_eq!(counted(&lines, suffix), 42);
        assert_eq!(counted(&lines.to_lowercase(), suffix), 42);
    }

    #[test]
    fn padding_and_rubbish_count_for_nothing() {
        let suffix = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
        let padding = format!("{suffix}:0");
        for lines in ["", "<html>", ":", suffix, padding.as_str()] {
            assert_eq!(counted(lines, suffix), 0, "{lines}");
        }
        assert_eq!(counted(&format!("{suffix}:many"), suffix), 0);
    }
}

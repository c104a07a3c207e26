//! `[redis]`: short-lived shared state, or none.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::config::report::Review;
use crate::config::{service_url, values};

const REMEDY: &str = "Write redis://:password@host:6379 (rediss:// for TLS) with one host, and \
                      percent-encode what is special in a URL; or leave it empty.";

/// The store of short-lived state that instances share.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// The server's URL; `None` keeps the state inside this process.
    #[serde(deserialize_with = "values::optional_secret")]
    pub url: Option<SecretString>,
    /// The start of every key.
    pub prefix: String,
    /// Milliseconds to wait for an answer.
    pub timeout_milliseconds: u64,
    /// Connections to keep.
    pub pool: u32,
    /// Says that there is a single instance, so that production can do without.
    pub allow_in_process: bool,
}

impl Redis {
    pub(super) fn check(&self, review: &mut Review<'_>) {
        review.within(
            "redis.timeout_milliseconds",
            self.timeout_milliseconds,
            1..=10_000,
        );
        review.within("redis.pool", self.pool, 1..=1_000);
        let plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.');
        if self.prefix.is_empty() || self.prefix.len() > 64 || !self.prefix.chars().all(plain) {
            review.refuse(
                "redis.prefix",
                format!("{} cannot start a key", values::quoted(&self.prefix)),
                "Write 1 to 64 letters, digits, dots, dashes or underscores.",
            );
        }
        let Some(url) = &self.url else { return };
        if let Err(reason) = check_url(url.expose_secret()) {
            review.refuse("redis.url", reason, REMEDY);
        }
    }
}

/// The client ignores what it does not know, a database below 0 and a wrong fragment among it.
fn check_url(text: &str) -> Result<(), &'static str> {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    let url = match scheme {
        Some("redis" | "rediss" | "valkey" | "valkeys") => {
            let url = service_url::read(text)?;
            if !url.has_host() {
                return Err("the address names no host");
            }
            let database = url.path().trim_matches('/');
            if !database.is_empty() && database.parse::<u32>().is_err() {
                return Err("what follows the host is not the number of a database");
            }
            service_url::check_parameters(&url, |name| name == "protocol")?;
            url
        }
        Some("unix" | "redis+unix" | "valkey+unix") => {
            let url = service_url::read(text)?;
            if url.to_file_path().is_err() {
                return Err("the address names no socket");
            }
            let known = ["db", "user", "pass", "protocol"];
            service_url::check_parameters(&url, |name| known.contains(&name))?;
            url
        }
        _ => return Err("the address starts with neither redis:// nor rediss://"),
    };
    let mut numbers = url.query_pairs().filter(|(name, _)| name == "db");
    if numbers.any(|(_, value)| value.parse::<u32>().is_err()) {
        return Err("db is not the number of a database");
    }
    Ok(())
}

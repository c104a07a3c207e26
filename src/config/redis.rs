//! `[redis]`: short-lived shared state, or none.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::config::report::Review;
use crate::config::values;

const SCHEMES: [&str; 6] = [
    "redis://",
    "rediss://",
    "valkey://",
    "valkeys://",
    "redis+unix://",
    "unix://",
];

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
                format!("{:?} cannot start a key", self.prefix),
                "Write 1 to 64 letters, digits, dots, dashes or underscores.",
            );
        }
        let known = |url: &SecretString| {
            SCHEMES
                .iter()
                .any(|scheme| url.expose_secret().starts_with(scheme))
        };
        if self.url.as_ref().is_some_and(|url| !known(url)) {
            review.refuse(
                "redis.url",
                "the address starts with neither redis:// nor rediss://",
                "Write redis://host:6379 (rediss:// for TLS), or leave it empty.",
            );
        }
    }
}

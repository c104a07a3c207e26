//! `[redis]`: the store of short-lived shared state.

use secrecy::{ExposeSecret, SecretString};

use super::diagnostics::Diagnostics;
use super::redact::quoted;
use super::section::{Check, section};
use super::service_url;

const REMEDY: &str = "Write redis://:password@host:6379 (rediss:// for TLS) with one host, and \
                      percent-encode what is special in a URL; or leave it empty.";

section! {
    /// The store of short-lived state that instances share.
    pub struct Redis("redis") {
        /// The server for short-lived state: `redis://:password@host:6379`, or rediss:// for TLS. Empty
        /// keeps the state in the process.
        pub url: Option<SecretString> = "", alias "REDIS_URL";
        /// The prefix of every key, so that several services can share one server.
        pub prefix: String = "idgate";
        /// Milliseconds to wait for an answer before this instance counts on its own.
        pub timeout_milliseconds: u64 = 250, in 1..=10_000;
        /// Connections to keep open.
        pub pool: u32 = 8, in 1..=1_000;
        /// Declares that there is a single instance, so that production may run without Redis.
        pub allow_in_process: bool = false;
    }
}

impl Redis {
    /// Whether short-lived state stays inside this process.
    #[must_use]
    pub const fn is_in_process(&self) -> bool {
        self.url.is_none()
    }
}

impl Check for Redis {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        let plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.');
        if self.prefix.is_empty() || self.prefix.len() > 64 || !self.prefix.chars().all(plain) {
            diagnostics.refuse(
                "redis.prefix",
                format!("{} cannot start a key", quoted(&self.prefix)),
                "Write 1 to 64 letters, digits, dots, dashes or underscores.",
            );
        }
        let Some(url) = &self.url else { return };
        if let Err(reason) = check_url(url.expose_secret()) {
            diagnostics.refuse("redis.url", reason, REMEDY);
        }
    }
}

/// The client ignores unknown parameters, negative databases and fragments, so they are refused here.
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

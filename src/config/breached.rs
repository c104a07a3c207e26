//! `[breached]`: whether new passwords are looked up among leaked ones.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::config::report::Review;
use crate::config::{service_url, values};

/// The service that knows leaked passwords.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breached {
    /// Hidden, as it may hold credentials.
    #[serde(deserialize_with = "values::optional_secret")]
    url: Option<SecretString>,
    /// Milliseconds to wait for an answer.
    pub timeout_milliseconds: u64,
    /// How often a password must have been seen to be refused.
    pub min_count: u64,
}

impl Breached {
    /// Where ranges of hashes are asked for, credentials included; `None` asks nobody.
    #[must_use]
    pub fn address(&self) -> Option<Url> {
        service_url::read(self.url.as_ref()?.expose_secret()).ok()
    }

    pub(super) fn check(&self, review: &mut Review<'_>) {
        review.within(
            "breached.timeout_milliseconds",
            self.timeout_milliseconds,
            50..=10_000,
        );
        // Padding has a count of 0 and must not count.
        review.within("breached.min_count", self.min_count, 1..=1_000_000);
        let Some(written) = &self.url else { return };
        let refusal = match service_url::read(written.expose_secret()) {
            Err(reason) => Some(reason),
            Ok(url) if is_safe(&url) => values::credentials(&url).err(),
            Ok(_) => Some(
                "the answer could be forged on the way, or the address does not end with a path",
            ),
        };
        if let Some(reason) = refusal {
            review.refuse(
                "breached.url",
                reason,
                "Write an https address such as https://api.pwnedpasswords.com/range/.",
            );
        }
    }
}

fn is_safe(url: &Url) -> bool {
    let is_bare = url.has_host() && url.query().is_none();
    let is_secure = url.scheme() == "https" || (url.scheme() == "http" && values::is_loopback(url));
    is_bare && is_secure
}

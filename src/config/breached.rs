//! `[breached]`: whether new passwords are looked up among leaked ones.

use serde::Deserialize;
use url::Url;

use crate::config::report::Review;
use crate::config::values;

/// The service that knows leaked passwords.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breached {
    /// Where ranges of hashes are asked for; `None` asks nobody.
    #[serde(deserialize_with = "values::optional_url")]
    pub url: Option<Url>,
    /// Milliseconds to wait for an answer.
    pub timeout_milliseconds: u64,
    /// How often a password must have been seen to be refused.
    pub min_count: u64,
}

impl Breached {
    pub(super) fn check(&self, review: &mut Review<'_>) {
        review.within(
            "breached.timeout_milliseconds",
            self.timeout_milliseconds,
            50..=10_000,
        );
        // Padding has a count of 0 and must not count.
        review.within("breached.min_count", self.min_count, 1..=1_000_000);
        if let Some(url) = &self.url {
            let safe =
                url.scheme() == "https" || (url.scheme() == "http" && values::is_loopback(url));
            if !safe || url.query().is_some() || url.fragment().is_some() {
                review.refuse(
                    "breached.url",
                    "the answer could be forged on the way, or the address does not end with a path",
                    "Write an https address such as https://api.pwnedpasswords.com/range/.",
                );
            }
        }
    }
}

//! `[breached]`: whether new passwords are looked up among leaked ones.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::diagnostics::Diagnostics;
use super::section::{Check, section};
use super::service_url::{self, is_loopback};

section! {
    /// The service that knows leaked passwords.
    pub struct Breached("breached") {
        /// The k-anonymity range API to ask, such as `https://api.pwnedpasswords.com/range/`. Empty
        /// asks none.
        url: Option<SecretString> = "";
        /// Milliseconds to wait for the response; without one the password is accepted.
        pub timeout_milliseconds: u64 = 1_000, in 50..=10_000;
        /// Occurrences in leaks from which a password is refused. Padding occurs 0 times.
        pub min_count: u64 = 1, in 1..=1_000_000;
    }
}

impl Breached {
    /// The address of the API, credentials included; `None` asks none.
    #[must_use]
    pub fn address(&self) -> Option<Url> {
        service_url::read(self.url.as_ref()?.expose_secret()).ok()
    }
}

impl Check for Breached {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        let Some(written) = &self.url else { return };
        let refusal = match service_url::read(written.expose_secret()) {
            Err(reason) => Some(reason),
            Ok(url) if is_safe(&url) => service_url::credentials(&url).err(),
            Ok(_) => Some(
                "the answer could be forged on the way, or the address does not end with a path",
            ),
        };
        if let Some(reason) = refusal {
            diagnostics.refuse(
                "breached.url",
                reason,
                "Write an https address such as https://api.pwnedpasswords.com/range/.",
            );
        }
    }
}

fn is_safe(url: &Url) -> bool {
    let is_bare = url.has_host() && url.query().is_none();
    let is_secure = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
    is_bare && is_secure
}

//! `[links]`: links in messages.

use url::Url;

use super::declaration::{Check, section};
use super::diagnostics::Diagnostics;
use super::read::base_url;

section! {
    /// Where links lead and how long they are valid.
    pub struct Links("links") {
        /// The base URL of links in messages, usually the web application. Empty uses
        /// `server.public_url`.
        pub base_url: Url = "", with base_url;
        /// Whether idgate serves plain pages at these links. Empty is true in development if
        /// `links.base_url` leads to idgate.
        pub hosted: bool = "";
        /// Seconds for which a confirmation link is valid (one day).
        pub confirmation_seconds: i64 = 86_400, in 60..=2_592_000;
        /// Seconds for which a link to reset the password is valid (30 minutes).
        pub reset_seconds: i64 = 1_800, in 60..=86_400;
        /// Seconds for which a new address can be confirmed (30 minutes).
        pub change_seconds: i64 = 1_800, in 60..=86_400;
        /// Seconds for which the old address can revert a change of address (7 days).
        pub revert_seconds: i64 = 604_800, in 60..=2_592_000;
        /// Seconds for which an invitation is valid (7 days).
        pub invitation_seconds: i64 = 604_800, in 3_600..=2_592_000;
    }
}

impl Check for Links {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        diagnostics.web_address("links.base_url", &self.base_url);
    }
}

/// The path of `links.base_url` on this server, with a slash at both ends; `None` if links lead
/// elsewhere.
///
/// The path of the public URL is left out, because a proxy that serves idgate below a path strips it.
pub(super) fn path_here(base_url: &Url, public_url: &Url) -> Option<String> {
    if base_url.origin() != public_url.origin() {
        return None;
    }
    let below = public_url.path().trim_end_matches('/');
    let path = base_url.path().strip_prefix(below)?;
    path.starts_with('/').then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_here_only_below_the_public_url() {
        for (base, public, expected) in [
            ("https://id.test/", "https://id.test/", Some("/")),
            ("https://id.test/", "https://id.test", Some("/")),
            ("https://id.test/mine/", "https://id.test", Some("/mine/")),
            ("https://id.test/a/", "https://id.test/a", Some("/")),
            ("https://id.test/a/b/", "https://id.test/a/", Some("/b/")),
            ("https://id.test/ab/", "https://id.test/a", None),
            ("https://id.test/", "https://id.test/a", None),
            ("http://id.test/", "https://id.test/", None),
            ("https://id.test:8443/", "https://id.test/", None),
            ("https://app.test/", "https://id.test/", None),
        ] {
            let url = |text: &str| text.parse::<Url>().unwrap();
            let found = path_here(&url(base), &url(public));
            assert_eq!(found.as_deref(), expected, "{base} below {public}");
        }
    }
}

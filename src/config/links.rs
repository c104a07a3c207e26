//! `[links]`: links in messages.

use serde::Deserialize;
use url::Url;

use crate::config::report::Review;
use crate::config::values;

/// Where links lead and how long they work.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Links {
    /// What every link starts with, a slash at its end; never taken from a request.
    #[serde(deserialize_with = "values::base_url")]
    pub base_url: Url,
    /// Whether we serve pages of our own there.
    #[serde(deserialize_with = "values::switch")]
    pub hosted: bool,
    /// Seconds a confirmation link works.
    pub confirmation_seconds: i64,
    /// Seconds a link to set a new password works.
    pub reset_seconds: i64,
    /// Seconds a new address can be confirmed.
    pub change_seconds: i64,
    /// Seconds the old address can undo a change.
    pub revert_seconds: i64,
    /// Seconds an invitation works.
    pub invitation_seconds: i64,
}

impl Links {
    pub(super) fn check(&self, public_url: &Url, review: &mut Review<'_>) {
        if self.hosted && path_here(&self.base_url, public_url).is_none() {
            review.refuse(
                "links.hosted",
                format!("links lead to {}, not here", self.base_url),
                "Leave links.base_url empty, or turn the pages off.",
            );
        }
        let confirmation = self.confirmation_seconds;
        review.within("links.confirmation_seconds", confirmation, 60..=2_592_000);
        review.within("links.reset_seconds", self.reset_seconds, 60..=86_400);
        review.within("links.change_seconds", self.change_seconds, 60..=86_400);
        review.within("links.revert_seconds", self.revert_seconds, 60..=2_592_000);
        let invitation = self.invitation_seconds;
        review.within("links.invitation_seconds", invitation, 3600..=2_592_000);
        review.web_address("links.base_url", &self.base_url);
    }
}

/// The path below which links lead to this server: what `links.base_url` adds to the public URL,
/// with a slash at both ends. None where they lead elsewhere.
///
/// A proxy that serves us below a path takes that path away.
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

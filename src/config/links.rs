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
    pub(super) fn check(&self, review: &mut Review<'_>) {
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

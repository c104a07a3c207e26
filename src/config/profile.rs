//! `[profile]`: what is shown of people who have not said.

use serde::Deserialize;
use url::Url;

use crate::config::report::Review;
use crate::config::values;

/// Fallbacks of the profile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The picture of people who have none.
    #[serde(deserialize_with = "values::optional_url")]
    pub default_avatar_url: Option<Url>,
}

impl Profile {
    pub(super) fn check(&self, review: &mut Review<'_>) {
        // Everybody is sent this address, so credentials in it would be everybody's.
        let web = |url: &Url| {
            let is_anonymous = url.username().is_empty() && url.password().is_none();
            matches!(url.scheme(), "http" | "https") && is_anonymous
        };
        if self
            .default_avatar_url
            .as_ref()
            .is_some_and(|url| !web(url))
        {
            review.refuse(
                "profile.default_avatar_url",
                "the address is not one that browsers load pictures from, or it holds a user name",
                "Write an https URL, or leave it empty.",
            );
        }
    }
}

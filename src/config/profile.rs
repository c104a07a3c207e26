//! `[profile]`: defaults of profiles.

use url::Url;

use super::diagnostics::Diagnostics;
use super::section::{Check, section};

section! {
    /// Defaults of profiles.
    pub struct Profile("profile") {
        /// The avatar of accounts that have none. Empty shows none.
        pub default_avatar_url: Option<Url> = "";
    }
}

impl Check for Profile {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        // The address is public, so it may hold no credentials.
        let is_public = |url: &Url| {
            let is_anonymous = url.username().is_empty() && url.password().is_none();
            matches!(url.scheme(), "http" | "https") && is_anonymous
        };
        if self
            .default_avatar_url
            .as_ref()
            .is_some_and(|url| !is_public(url))
        {
            diagnostics.refuse(
                "profile.default_avatar_url",
                "the address is not one that browsers load pictures from, or it holds a user name",
                "Write an https URL, or leave it empty.",
            );
        }
    }
}

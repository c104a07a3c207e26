//! `[links]`: links in messages.

use url::Url;

use super::diagnostics::Diagnostics;
use super::read::base_url;
use super::section::{Check, section};

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

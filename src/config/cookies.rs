//! `[cookies]`: the refresh cookie of browsers.

use serde::Deserialize;

use super::read::read_from_text;
use super::section::{Check, section};

section! {
    /// Attributes of the refresh cookie.
    pub struct Cookies("cookies") {
        /// The `SameSite` attribute of the refresh cookie: "Lax" or "Strict".
        pub same_site: SameSite = "Lax";
    }
}

/// The `SameSite` attribute, without `None`: cross-site clients get the token in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum SameSite {
    /// Sent on top-level navigations from other sites too.
    Lax,
    /// Sent by requests from this site only.
    Strict,
}

read_from_text!(SameSite);

impl SameSite {
    /// The attribute's value in `Set-Cookie`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
        }
    }
}

impl Check for Cookies {}

//! `[cookies]`: the refresh cookie of browsers.

use serde::Deserialize;

/// Attributes of the refresh cookie.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cookies {
    /// Which cross-site requests carry it.
    pub same_site: SameSite,
}

/// The `SameSite` attribute; `None` is left out, as cross-site clients keep the token themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum SameSite {
    /// Sent when a person follows a link here.
    Lax,
    /// Sent from this site alone.
    Strict,
}

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

//! `[phone]`: how phone numbers are read.

use super::diagnostics::Diagnostics;
use super::redact::quoted;
use super::section::{Check, section};
use crate::domain::phone;

section! {
    /// How phone numbers are read.
    pub struct Phone("phone") {
        /// The country (ISO 3166-1 alpha-2) of numbers written without a country code. Empty refuses
        /// such numbers.
        default_region: Option<String> = "";
    }
}

impl Phone {
    /// The country of a number without a country code; `None` refuses such a number.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.default_region.as_deref()
    }
}

impl Check for Phone {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        if let Some(region) = self.region().filter(|region| !phone::is_country(region)) {
            let region = quoted(region);
            diagnostics.refuse(
                "phone.default_region",
                format!("{region} is not a country code of two capital letters"),
                "Write a code such as DE or AM, or leave it empty.",
            );
        }
    }
}

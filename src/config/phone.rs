//! `[phone]`: how phone numbers are read.

use serde::Deserialize;

use crate::config::report::Review;
use crate::config::values;
use crate::domain::phone;

/// How a number without a country code is understood.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phone {
    #[serde(deserialize_with = "values::optional_text")]
    default_region: Option<String>,
}

impl Phone {
    /// The country of such a number (ISO 3166-1 alpha-2); `None` refuses it.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.default_region.as_deref()
    }

    pub(super) fn check(&self, review: &mut Review<'_>) {
        let Some(region) = &self.default_region else {
            return;
        };
        if !phone::is_country(region) {
            review.refuse(
                "phone.default_region",
                format!(
                    "{} is not a country code of two capital letters",
                    values::quoted(region)
                ),
                "Write a code such as DE or AM, or leave it empty.",
            );
        }
    }
}

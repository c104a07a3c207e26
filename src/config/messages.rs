//! `[messages]`: the words of mails and text messages.
//!
//! Whether the files in the directory can be used is for `messages` to say, which reads them.

use std::path::PathBuf;

use serde::Deserialize;
use unic_langid::LanguageIdentifier;

use crate::config::report::Review;
use crate::config::values;

const LONGEST_NAME: usize = 40;

/// How messages name the service and where their words come from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    /// What the service calls itself.
    pub product_name: String,
    /// The language of those who prefer none that there is.
    pub default_locale: String,
    /// A directory with files that go before those in the binary.
    #[serde(deserialize_with = "values::optional_path")]
    pub templates_dir: Option<PathBuf>,
}

impl Messages {
    pub(super) fn check(&self, review: &mut Review<'_>) {
        let name = &self.product_name;
        let is_bare = name.trim() == name && !name.is_empty();
        if !is_bare || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            review.refuse(
                "messages.product_name",
                format!("{} cannot stand in a sentence", values::quoted(name)),
                "Write 1 to 40 characters on one line; up to 20 keep text messages in one part.",
            );
        }
        if let Some(directory) = &self.templates_dir {
            review.path("messages.templates_dir", directory);
        }
        if self.default_locale.parse::<LanguageIdentifier>().is_err() {
            review.refuse(
                "messages.default_locale",
                format!("{} is not a language", values::quoted(&self.default_locale)),
                "Write a BCP 47 tag such as en or pt-BR.",
            );
        }
    }
}

//! `[messages]`: the texts of mails and text messages.
//!
//! The files in the directory are read and validated by the layer `messages`.

use std::path::PathBuf;

use unic_langid::LanguageIdentifier;

use super::diagnostics::Diagnostics;
use super::redact::quoted;
use super::section::{Check, section};

const MAX_NAME_CHARS: usize = 40;

section! {
    /// How messages name the service and where their texts come from.
    pub struct Messages("messages") {
        /// The name of the service in mails and text messages.
        pub product_name: String = "idgate";
        /// The language for people whose languages have no texts: "en", "fr", or one that you added.
        pub default_locale: String = "en";
        /// A directory with your own texts and templates (see docs/messages.md). Empty uses the
        /// built-in ones.
        pub templates_dir: Option<PathBuf> = "";
    }
}

impl Check for Messages {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        let name = &self.product_name;
        let is_bare = name.trim() == name && !name.is_empty();
        if !is_bare || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
            diagnostics.refuse(
                "messages.product_name",
                format!("{} cannot stand in a sentence", quoted(name)),
                "Write 1 to 40 characters on one line; up to 20 keep text messages in one part.",
            );
        }
        if let Some(directory) = &self.templates_dir {
            diagnostics.path("messages.templates_dir", directory);
        }
        if self.default_locale.parse::<LanguageIdentifier>().is_err() {
            diagnostics.refuse(
                "messages.default_locale",
                format!("{} is not a language", quoted(&self.default_locale)),
                "Write a BCP 47 tag such as en or pt-BR.",
            );
        }
    }
}

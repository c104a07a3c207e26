//! What idgate says to people, by mail and by text message: kinds and words.
//!
//! `kinds` declares what can be said, of the `parts` that a message has. The words are in `assets/`, one file per language; `sources` finds them
//! and the operator's, `catalog` parses them, `languages` chooses among them, `view` selects the words
//! of a kind, and `templates` renders them. `load` puts these together and has `validate` try every
//! message before the first is sent. The services decide who gets which message, the providers send
//! it.

mod catalog;
mod kinds;
mod languages;
mod load;
mod page;
pub mod parts;
mod sources;
mod templates;
#[cfg(test)]
mod tests;
mod validate;
mod view;

use serde::{Deserialize, Serialize};

pub use self::kinds::Message;
pub use self::page::{Field, Form, Link, Page, Voice, words_of};
pub use self::sources::{Problem, TemplateError};
pub use self::templates::Templates;

/// The channel of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// To an e-mail address.
    Email,
    /// To a phone number.
    Sms,
}

impl Channel {
    /// The name in the outbox and the development mailbox.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

/// The recipient of a message.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    /// The channel.
    pub channel: Channel,
    /// The address or number.
    pub to: &'a str,
    /// The preferred language, a BCP 47 tag.
    pub locale: Option<&'a str>,
}

/// The rendered message: sealed until a worker delivers it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Body {
    /// The address or number it goes to.
    pub to: String,
    /// The subject line; empty in a text message.
    pub subject: String,
    /// The plain-text part.
    pub text: String,
    /// The HTML part; empty in a text message.
    pub html: String,
}

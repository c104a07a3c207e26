//! External services: mail, text messages, media, identity providers and breached passwords. Knows no rules
//! and no tables.

pub mod breached;
mod dev_mailbox;
pub mod google;
mod http;
pub mod mailer;
pub mod media;
pub mod sms;

use chrono::{DateTime, Utc};

use crate::domain::ids::MessageId;

pub use dev_mailbox::{DevMailbox, MailboxError, StoredMail};

/// A message to be sent.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// The idempotency key: the same id is the same message.
    pub id: MessageId,
    /// The kind of message.
    pub kind: &'a str,
    /// `email` or `sms`.
    pub channel: &'a str,
    /// The address or number of the recipient.
    pub to: &'a str,
    /// The subject line; empty in a text message.
    pub subject: &'a str,
    /// The plain-text part.
    pub text: &'a str,
    /// The HTML part; empty in a text message.
    pub html: &'a str,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// The current time, for signatures.
    pub now: DateTime<Utc>,
}

/// Why a provider did not accept a message.
///
/// The text is kept for operators: a status, an error code, a cause. It never contains the provider's
/// own words, which repeat addresses and sometimes the message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Permanent: the provider will never accept this message.
    #[error("{0}")]
    Permanent(String),
    /// Temporary, or the provider rejects us rather than the message.
    #[error("{0}")]
    Temporary(String),
}

/// The innermost cause of a failure, which names the problem but not the parties.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

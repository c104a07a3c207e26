//! Sending a message to a person.

mod dev_mailbox;

use chrono::{DateTime, Utc};

use crate::domain::ids::MessageId;

pub use dev_mailbox::{DevMailbox, StoredMail};

/// A message on its way out.
#[derive(Debug)]
pub struct Mail<'a> {
    /// The idempotency key: the same id is the same message.
    pub id: MessageId,
    /// What it is about.
    pub kind: &'a str,
    /// `email` or `sms`.
    pub channel: &'a str,
    /// The recipient.
    pub to: &'a str,
    /// The subject line.
    pub subject: &'a str,
    /// The plain-text part.
    pub text: &'a str,
    /// The HTML part.
    pub html: &'a str,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// A message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The mailbox directory cannot be written.
    #[error("the development mailbox cannot be written: {0}")]
    Mailbox(#[from] std::io::Error),
    /// The message cannot be written down.
    #[error("the message cannot be encoded: {0}")]
    Encoding(#[from] serde_json::Error),
}

/// The ways a message can leave.
#[derive(Clone, Debug)]
pub enum Mailer {
    /// Shown to the developer instead of sent.
    DevMailbox(DevMailbox),
}

impl Mailer {
    /// Hands the message over; returning `Ok` means it is somebody else's duty now.
    pub async fn send(&self, mail: &Mail<'_>) -> Result<(), MailError> {
        match self {
            Self::DevMailbox(mailbox) => mailbox.store(mail).await,
        }
    }
}

//! Sending mail: over SMTP, or into the development mailbox.

mod smtp;

use std::sync::Arc;

use super::{DevMailbox, Outgoing, SendError};
use crate::config;
use crate::fault::Fault;
use crate::fault::unreachable::Unreachable;

use smtp::Smtp;

/// The mail transports.
#[derive(Clone, Debug)]
pub enum Mailer {
    /// Stored for the developer instead of sent.
    DevMailbox(DevMailbox),
    /// Sent by a mail server.
    Smtp(Arc<Smtp>),
}

impl Mailer {
    /// The configured transport, if any. Does not connect yet.
    pub fn configured(settings: &config::Smtp) -> Result<Option<Self>, Fault> {
        Ok(Smtp::configured(settings)?.map(|smtp| Self::Smtp(Arc::new(smtp))))
    }

    /// Asks the server whether it accepts mail from us, without sending any.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn reach(&self) -> Result<(), Unreachable> {
        match self {
            Self::DevMailbox(_) => Ok(()),
            Self::Smtp(smtp) => smtp.reach().await,
        }
    }

    /// Sends the message; `Ok` means that the server has taken responsibility for it.
    pub async fn send(&self, message: &Outgoing<'_>) -> Result<(), SendError> {
        match self {
            Self::DevMailbox(mailbox) => mailbox.store(message).await,
            Self::Smtp(smtp) => smtp.send(message).await,
        }
    }
}

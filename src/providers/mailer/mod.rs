//! Sending mail: over SMTP, or into the development mailbox.

mod smtp;

use std::sync::Arc;

use super::{DevMailbox, Outgoing, Undelivered};
use crate::config;
use crate::fault::Fault;
use crate::fault::unreachable::Unreachable;

use smtp::Smtp;

/// The ways mail can leave.
#[derive(Clone, Debug)]
pub enum Mailer {
    /// Shown to the developer instead of sent.
    DevMailbox(DevMailbox),
    /// Sent by a mail server.
    Smtp(Arc<Smtp>),
}

impl Mailer {
    /// The mail server that the configuration names, if any. Nothing is connected yet.
    pub fn configured(settings: &config::Smtp) -> Result<Option<Self>, Fault> {
        Ok(Smtp::configured(settings)?.map(|smtp| Self::Smtp(Arc::new(smtp))))
    }

    /// Asks the server whether it takes mail from here, without sending any.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub async fn reach(&self) -> Result<(), Unreachable> {
        match self {
            Self::DevMailbox(_) => Ok(()),
            Self::Smtp(smtp) => smtp.reach().await,
        }
    }

    /// Hands the message over; returning `Ok` means it is somebody else's duty now.
    pub async fn send(&self, message: &Outgoing<'_>) -> Result<(), Undelivered> {
        match self {
            Self::DevMailbox(mailbox) => mailbox.store(message).await,
            Self::Smtp(smtp) => smtp.send(message).await,
        }
    }
}

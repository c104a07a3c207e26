//! The development mailbox: messages as files in the data directory. Never in production.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Outgoing, SendError};
use crate::domain::ids::MessageId;

/// The number of messages that are kept.
const CAPACITY: usize = 500;

/// The mailbox cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MailboxError {
    /// The directory cannot be read or written.
    #[error("the development mailbox cannot be used: {0}; check the data directory")]
    Directory(#[from] std::io::Error),
    /// A message cannot be serialized or parsed.
    #[error("a message of the development mailbox is damaged: {0}")]
    Message(#[from] serde_json::Error),
}

/// A directory with one file per message.
#[derive(Clone, Debug)]
pub struct DevMailbox {
    directory: PathBuf,
}

/// A message in the mailbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredMail {
    /// The id.
    pub id: String,
    /// The kind of message.
    pub kind: String,
    /// `email` or `sms`.
    pub channel: String,
    /// The recipient.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// The plain-text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// When it was written (RFC 3339).
    pub created_at: String,
}

impl DevMailbox {
    /// A mailbox in this directory, which is created with the first message.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Stores a message, replacing one with the same id.
    pub(super) async fn store(&self, message: &Outgoing<'_>) -> Result<(), SendError> {
        let written = self.write(message).await;
        written.map_err(|error| SendError::Temporary(error.to_string()))
    }

    async fn write(&self, mail: &Outgoing<'_>) -> Result<(), MailboxError> {
        let stored = StoredMail {
            id: mail.id.to_string(),
            kind: mail.kind.to_owned(),
            channel: mail.channel.to_owned(),
            to: mail.to.to_owned(),
            subject: mail.subject.to_owned(),
            text: mail.text.to_owned(),
            html: mail.html.to_owned(),
            created_at: mail
                .created_at
                .to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        };
        let bytes = serde_json::to_vec(&stored)?;
        tokio::fs::create_dir_all(&self.directory).await?;
        let file = self.directory.join(format!("{}.json", stored.id));
        // Written to a temporary file and renamed, so that readers never see a partial message.
        let aside = self.directory.join(format!("{}.part", stored.id));
        tokio::fs::write(&aside, bytes).await?;
        tokio::fs::rename(&aside, &file).await?;
        self.drop_oldest().await?;
        Ok(())
    }

    /// The messages, newest first.
    pub async fn messages(&self) -> Result<Vec<StoredMail>, MailboxError> {
        let mut messages = Vec::new();
        for file in self.files().await?.iter().rev() {
            // Skip a file that was concurrently removed as the oldest.
            let Ok(bytes) = tokio::fs::read(file).await else {
                continue;
            };
            messages.push(serde_json::from_slice(&bytes)?);
        }
        Ok(messages)
    }

    /// Deletes all messages.
    pub async fn clear(&self) -> Result<(), MailboxError> {
        for file in self.files().await? {
            match tokio::fs::remove_file(file).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Deletes the messages with these ids or to these addresses.
    pub async fn forget(
        &self,
        ids: &[MessageId],
        addresses: &[String],
    ) -> Result<(), MailboxError> {
        for file in self.files().await? {
            let Ok(bytes) = tokio::fs::read(&file).await else {
                continue;
            };
            let stored: StoredMail = serde_json::from_slice(&bytes)?;
            let is_listed = ids.iter().any(|id| id.to_string() == stored.id);
            if is_listed || addresses.contains(&stored.to) {
                tokio::fs::remove_file(file).await?;
            }
        }
        Ok(())
    }

    async fn drop_oldest(&self) -> Result<(), std::io::Error> {
        let files = self.files().await?;
        for file in files.iter().rev().skip(CAPACITY) {
            tokio::fs::remove_file(file).await?;
        }
        Ok(())
    }

    /// The message files, oldest first: their names are time-ordered ids.
    async fn files(&self) -> Result<Vec<PathBuf>, std::io::Error> {
        let mut files = Vec::new();
        let mut entries = match tokio::fs::read_dir(&self.directory).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(files),
            Err(error) => return Err(error),
        };
        while let Some(entry) = entries.next_entry().await? {
            if is_message(&entry.path()) {
                files.push(entry.path());
            }
        }
        files.sort();
        Ok(files)
    }
}

fn is_message(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "json")
}

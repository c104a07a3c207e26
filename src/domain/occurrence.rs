//! What is announced to whoever listens: that something happened, by ids and nothing else.
//!
//! An occurrence is a hint to look, never a fact to show: whoever hears one reads the rows again.

use serde::{Deserialize, Serialize};

use super::ids::{AuditEventId, SessionId, UserId};

/// Something that a committed transaction did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Occurrence {
    /// A session began.
    SignedIn {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// A session was ended before its time.
    SessionEnded {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// An audit event was written.
    Audited {
        /// Which.
        event: AuditEventId,
        /// Whom it is about.
        subject: Option<UserId>,
    },
}

impl Occurrence {
    /// The person whose account it is about.
    #[must_use]
    pub fn person(&self) -> Option<UserId> {
        match *self {
            Self::SignedIn { user, .. } | Self::SessionEnded { user, .. } => Some(user),
            Self::Audited { subject, .. } => subject,
        }
    }
}

//! Domain events: that something happened, by ids and nothing else.
//!
//! An event is a hint to read the rows again, never data to show.

use serde::{Deserialize, Serialize};

use super::ids::{AuditEventId, SessionId, UserId};

/// Something that a committed transaction did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum DomainEvent {
    /// A session was created.
    SignedIn {
        /// The user who signed in.
        user: UserId,
        /// The new session.
        session: SessionId,
    },
    /// A session was ended before it expired.
    SessionEnded {
        /// The user of the session.
        user: UserId,
        /// The session.
        session: SessionId,
    },
    /// An audit event was written.
    Audited {
        /// The audit event.
        event: AuditEventId,
        /// The user that it is about.
        subject: Option<UserId>,
    },
}

impl DomainEvent {
    /// The user whose account it is about.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        match *self {
            Self::SignedIn { user, .. } | Self::SessionEnded { user, .. } => Some(user),
            Self::Audited { subject, .. } => subject,
        }
    }
}

//! What happened, as it is read: columns in the clear, details still sealed.

use chrono::{DateTime, Utc};

use super::ids::{AuditEventId, UserId};

/// An event of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its identifier.
    pub id: AuditEventId,
    /// When it happened.
    pub created_at: DateTime<Utc>,
    /// What happened, as in `login.succeeded`.
    pub action: String,
    /// Who did it, if somebody was signed in.
    pub actor: Option<UserId>,
    /// For whom it was done, if not for the actor.
    pub on_behalf_of: Option<UserId>,
    /// Whom it was about.
    pub subject: Option<UserId>,
    /// The request.
    pub request_id: String,
    /// The GraphQL operation.
    pub operation_name: Option<String>,
    /// The trusted document.
    pub document_id: Option<String>,
    /// Address, program and changes.
    pub sealed_details: Vec<u8>,
}

/// Which events are wanted; what is absent does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AuditFilter {
    /// Who did it.
    pub actor: Option<UserId>,
    /// Whom it was about.
    pub subject: Option<UserId>,
    /// What happened, one of these.
    pub actions: Option<Vec<String>>,
    /// Where it came from, as keyed hashes, one of these.
    pub ip_blind_indices: Option<Vec<Vec<u8>>>,
    /// The request.
    pub request_id: Option<String>,
    /// Not before this instant.
    pub since: Option<DateTime<Utc>>,
    /// Before this instant.
    pub until: Option<DateTime<Utc>>,
}

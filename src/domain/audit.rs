//! Audit events as they are read: columns in plain text, details still sealed.

use chrono::{DateTime, Utc};

use super::ids::{AuditEventId, UserId};

/// An event of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// The id of the event.
    pub id: AuditEventId,
    /// When it happened.
    pub created_at: DateTime<Utc>,
    /// The action, such as `login.succeeded`.
    pub action: String,
    /// The user who did it, if signed in.
    pub actor: Option<UserId>,
    /// The user on whose behalf it was done, if not the actor's own.
    pub on_behalf_of: Option<UserId>,
    /// The user it was about.
    pub subject: Option<UserId>,
    /// The id of the request.
    pub request_id: String,
    /// The name of the GraphQL operation.
    pub operation_name: Option<String>,
    /// The id of the trusted document.
    pub document_id: Option<String>,
    /// Sealed: network address, user agent and changes.
    pub sealed_details: Vec<u8>,
}

/// Which events to return; an absent field does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AuditFilter {
    /// The user who did it.
    pub actor: Option<UserId>,
    /// The user it was about.
    pub subject: Option<UserId>,
    /// Any of these actions.
    pub actions: Option<Vec<String>>,
    /// Any of these network addresses, as blind indices.
    pub ip_blind_indices: Option<Vec<Vec<u8>>>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// Not before this instant.
    pub since: Option<DateTime<Utc>>,
    /// Before this instant.
    pub until: Option<DateTime<Utc>>,
}

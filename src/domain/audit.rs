//! Audit events as they are read: columns in plain text, details still sealed.

use chrono::{DateTime, Utc};

use super::ids::{AuditEventId, UserId};
use super::user::User;

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

impl AuditEvent {
    /// Whether its subject may read the changes: they acted themselves, staff did, or an anonymous
    /// client did after the account had a verified address.
    ///
    /// Before that, the account may have been registered by another person. Neither may read the
    /// other's network address, user agent and text.
    #[must_use]
    pub fn is_shown_to(&self, subject: &User) -> bool {
        match self.actor {
            Some(_) => subject.belonged_to_owner_at(self.created_at),
            None => subject.was_verified_at(self.created_at),
        }
    }

    /// Whether its subject may also read from where it was done. Users do not learn from where a staff
    /// member changed their account.
    #[must_use]
    pub fn shows_client_to(&self, subject: &User) -> bool {
        let by_another = self.actor.is_some() && self.actor != self.subject;
        !by_another && self.is_shown_to(subject)
    }
}

/// Whether the subject of an event may read the change of this field: not staff notes.
#[must_use]
pub fn is_shown_field(field: &str) -> bool {
    field != "staffNote"
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

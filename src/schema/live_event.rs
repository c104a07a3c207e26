//! Events that make subscriptions yield items.

use crate::domain::event::DomainEvent;
use crate::domain::ids::UserId;

/// Why a subscription is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The subscription starts: guards and arguments are checked, nothing is yielded.
    Start,
    /// An event.
    Event(DomainEvent),
}

/// The events of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The subscriber's own sessions.
    OwnSessions,
    /// Every audit event.
    Audit,
    /// No events.
    Nothing,
}

impl Topic {
    /// The topic of a root field.
    #[must_use]
    pub fn of(field: &str) -> Self {
        match field {
            "sessionEvents" => Self::OwnSessions,
            "auditEvents" => Self::Audit,
            _ => Self::Nothing,
        }
    }

    /// Whether an event may yield an item for this user; the execution decides.
    #[must_use]
    pub fn concerns(self, person: UserId, event: &DomainEvent) -> bool {
        match (self, event) {
            (
                Self::OwnSessions,
                DomainEvent::SignedIn { user, .. } | DomainEvent::SessionEnded { user, .. },
            ) => *user == person,
            (Self::Audit, DomainEvent::Audited { .. }) => true,
            _ => false,
        }
    }
}

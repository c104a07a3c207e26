//! The root of live events.
//!
//! One event is one execution: the resolver is run anew for every occurrence, with the person as
//! they stand then, and yields one item or none. It never waits; who listens to what happens is
//! transport's business, and [`Topic`] tells it which occurrences are worth a run.

use async_graphql::{Context, Subscription as GraphqlSubscription};
use futures_util::stream::{self, Iter};

use super::error::Error;
use super::guard::{Guard as _, Holds};
use super::request::Asked as _;
use super::types::audit_event::AuditEvent;
use super::types::audit_filter::AuditEventFilter;
use super::types::session_event::SessionEvent;
use crate::domain::ids::UserId;
use crate::domain::occurrence::Occurrence;
use crate::domain::permission::Permission;

/// Why a subscription is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Somebody begins to listen: guards and arguments speak, nothing is yielded.
    Opening,
    /// This happened.
    Occurred(Occurrence),
}

/// What a subscription is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The sessions of the person who listens.
    OwnSessions,
    /// Every audit event.
    Audit,
    /// Nothing that happens.
    Nothing,
}

impl Topic {
    /// The topic of a field of the root.
    #[must_use]
    pub fn of(field: &str) -> Self {
        match field {
            "sessionEvents" => Self::OwnSessions,
            "auditEvents" => Self::Audit,
            _ => Self::Nothing,
        }
    }

    /// Whether an occurrence may be worth a run for this person; the run decides.
    #[must_use]
    pub fn concerns(self, person: UserId, occurrence: &Occurrence) -> bool {
        match (self, occurrence) {
            (
                Self::OwnSessions,
                Occurrence::SignedIn { user, .. } | Occurrence::SessionEnded { user, .. },
            ) => *user == person,
            (Self::Audit, Occurrence::Audited { .. }) => true,
            _ => false,
        }
    }
}

/// The result of one run: one item or none.
type AtMostOne<T> = Iter<std::option::IntoIter<T>>;

/// Everything that can be listened to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subscription;

/// Everything that can be listened to, over `/graphql/ws` or `/graphql/stream`. Events may be lost,
/// and are not kept for those who were away: after connecting again, read what counts.
#[GraphqlSubscription]
impl Subscription {
    /// What happens to the other sessions of the signed-in person: sign-ins, and their ends. The
    /// end of the session that listens ends the connection.
    async fn session_events(
        &self,
        context: &Context<'_>,
    ) -> Result<AtMostOne<SessionEvent>, Error> {
        let person = context.signed_in()?;
        let event = match context.occasion() {
            Occasion::Occurred(occurrence)
                if Topic::OwnSessions.concerns(person.user(), &occurrence) =>
            {
                SessionEvent::read(context, person.user(), occurrence).await?
            }
            _ => None,
        };
        Ok(stream::iter(event))
    }

    /// What happens, as it is recorded. Needs `audit:read`.
    async fn audit_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which events; all of them without one.")] filter: Option<
            AuditEventFilter,
        >,
    ) -> Result<AtMostOne<AuditEvent>, Error> {
        Holds(Permission::AuditRead).operation(context.caller().signed_in())?;
        let event = match context.occasion() {
            Occasion::Occurred(Occurrence::Audited { event, .. }) => {
                AuditEvent::matching(context, filter, Some(event)).await?
            }
            _ => AuditEvent::matching(context, filter, None).await?,
        };
        Ok(stream::iter(event))
    }
}

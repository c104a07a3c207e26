//! The subscription root.
//!
//! One event is one execution: the resolver runs anew for every event, with the caller as
//! authenticated then, and yields one item or none. It never waits; `transport` receives the events,
//! and [`Topic`] tells it which of them to execute.

use async_graphql::{Context, Subscription as GraphqlSubscription};
use futures_util::stream::{self, Iter};

use super::directives::{Authenticated, RequiresScopes};
use super::error::Error;
use super::live_event::{Topic, Trigger};
use super::request::ContextExt as _;
use super::types::audit_event::AuditEvent;
use super::types::audit_filter::AuditEventFilter;
use super::types::session_event::SessionEvent;
use crate::domain::event::DomainEvent;
use crate::domain::permission::Permission;

/// The items of one execution.
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
    #[graphql(directive = Authenticated::apply())]
    async fn session_events(
        &self,
        context: &Context<'_>,
    ) -> Result<AtMostOne<SessionEvent>, Error> {
        let person = context.authorize()?;
        let event = match context.trigger() {
            Trigger::Event(event) if Topic::OwnSessions.concerns(person.user(), &event) => {
                SessionEvent::read(context, person.user(), event).await?
            }
            _ => None,
        };
        Ok(stream::iter(event))
    }

    /// What happens, as it is recorded. Needs `audit:read`.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::AuditRead]]))]
    async fn audit_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which events; all of them without one.")] filter: Option<
            AuditEventFilter,
        >,
    ) -> Result<AtMostOne<AuditEvent>, Error> {
        context.authorize()?;
        let event = match context.trigger() {
            Trigger::Event(DomainEvent::Audited { event, .. }) => {
                AuditEvent::matching(context, filter, Some(event)).await?
            }
            _ => AuditEvent::matching(context, filter, None).await?,
        };
        Ok(stream::iter(event))
    }
}

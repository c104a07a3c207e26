//! The subscription root.
//!
//! Each event is one execution: the resolver runs anew with the caller as authenticated at that
//! time, and yields one item or none. It never waits; `transport` receives the events and selects
//! by [`Topic`] which of them to execute.

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

/// The subscription root.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subscription;

/// Subscriptions, over `/graphql/ws` or `/graphql/stream`. Events can be lost and are not stored
/// for disconnected clients: after a reconnect, query the current state.
#[GraphqlSubscription]
impl Subscription {
    /// Sign-ins to and ends of the signed-in user's other sessions. If the subscribing session
    /// itself ends, the connection is closed.
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

    /// Audit events, as they are recorded. Needs `audit:read`.
    #[graphql(directive = RequiresScopes::apply(&[&[Permission::AuditRead]]))]
    async fn audit_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which events to deliver; default all.")] filter: Option<AuditEventFilter>,
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

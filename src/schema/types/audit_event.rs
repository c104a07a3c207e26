//! Audit events and their lists.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use tokio::sync::OnceCell;

use super::audit_filter::AuditEventFilter;
use super::user::User;
use crate::domain::audit;
use crate::domain::ids::{AuditEventId, UserId};
use crate::domain::user;
use crate::schema::connection::{Connection, PageArguments, TimeCursor, TotalCount};
use crate::schema::directives::AtMost;
use crate::schema::error::{Error, Nullable};
use crate::schema::request::ContextExt as _;
use crate::selectors::audit_event::{
    CountMatching, CountOfUser, EventMatching, EventsMatching, EventsOfUser,
};
use crate::services::audit::{self as recorded, Details};

/// Who reads the event.
#[derive(Clone, Debug)]
enum Viewer {
    /// A holder of `audit:read`.
    Auditor,
    /// The subject of the event.
    Subject(Arc<user::User>),
}

#[derive(Debug)]
pub struct AuditEvent {
    row: audit::AuditEvent,
    viewer: Viewer,
    opened: OnceCell<Option<Details>>,
}

impl AuditEvent {
    fn new(row: audit::AuditEvent, viewer: Viewer) -> Self {
        Self {
            row,
            viewer,
            opened: OnceCell::new(),
        }
    }

    /// An event for a holder of `audit:read`, if it matches. Without an event only the filter is
    /// validated.
    pub(in crate::schema) async fn matching(
        context: &Context<'_>,
        filter: Option<AuditEventFilter>,
        id: Option<AuditEventId>,
    ) -> Result<Option<Self>, Error> {
        let filter = filter.map(|filter| filter.read(context)).transpose()?;
        let Some(id) = id else { return Ok(None) };
        let filter = filter.unwrap_or_default();
        let found = context.loaders().audit_event(EventMatching { id, filter });
        Ok(found.await?.map(|row| Self::new(row, Viewer::Auditor)))
    }

    async fn details(&self, context: &Context<'_>) -> Result<Option<&Details>, Error> {
        let open = async || {
            let row = &self.row;
            let key = match row.subject {
                Some(subject) => context.loaders().sealed_key(subject).await?,
                None => None,
            };
            let sealed = &row.sealed_details;
            let opened =
                recorded::open(context.app(), row.id, row.subject, key.as_deref(), sealed)?;
            Ok::<_, Error>(opened)
        };
        Ok(self.opened.get_or_try_init(open).await?.as_ref())
    }

    /// Whether the viewer may read more than that it happened.
    fn is_theirs(&self) -> bool {
        match &self.viewer {
            Viewer::Auditor => true,
            Viewer::Subject(person) => self.row.is_shown_to(person),
        }
    }

    /// A value about the client of the actor.
    async fn client(
        &self,
        context: &Context<'_>,
        value: impl FnOnce(&Details) -> Option<String>,
    ) -> Nullable<String> {
        if let Viewer::Subject(person) = &self.viewer
            && !self.row.shows_client_to(person)
        {
            return None;
        }
        match self.details(context).await {
            Ok(details) => details.and_then(value).map(Ok),
            Err(failure) => Some(Err(failure)),
        }
    }
}

async fn person(context: &Context<'_>, id: Option<UserId>) -> Nullable<User> {
    match context.loaders().user(id?).await {
        Ok(found) => found.map(User::from).map(Ok),
        Err(failure) => Some(Err(failure.into())),
    }
}

/// An audit event. Network address, user agent and changes are absent once the account of the
/// subject is erased.
#[Object]
impl AuditEvent {
    /// The ID.
    async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// When it happened.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// The action, as in `login.succeeded`.
    async fn action(&self) -> &str {
        &self.row.action
    }

    /// The signed-in user who acted, if their account still exists.
    async fn actor(&self, context: &Context<'_>) -> Nullable<User> {
        person(context, self.row.actor).await
    }

    /// The user on whose behalf the actor acted. Currently always absent: there is no
    /// impersonation. Administrators act in their own name, and `subject` is the account that they
    /// changed.
    async fn on_behalf_of(&self, context: &Context<'_>) -> Nullable<User> {
        person(context, self.row.on_behalf_of).await
    }

    /// The user whom the event is about, if the account still exists.
    async fn subject(&self, context: &Context<'_>) -> Nullable<User> {
        person(context, self.row.subject).await
    }

    /// The changed values; for access, see `ipAddress`. Owners also see what administrators changed
    /// in their account. Passwords and other secrets are never recorded.
    // All fields of `updateUser` and the reason.
    #[graphql(directive = AtMost::apply(12))]
    async fn changes(&self, context: &Context<'_>) -> Nullable<Vec<AuditChange>> {
        if !self.is_theirs() {
            return None;
        }
        let is_shown = |change: &&recorded::Change| match self.viewer {
            Viewer::Auditor => true,
            Viewer::Subject(_) => audit::is_shown_field(&change.field),
        };
        let details = match self.details(context).await {
            Ok(details) => details?,
            Err(failure) => return Some(Err(failure)),
        };
        let changes = details
            .changes
            .iter()
            .filter(is_shown)
            .map(|change| AuditChange {
                field: change.field.clone(),
                before: change.before.clone(),
                after: change.after.clone(),
            });
        Some(Ok(changes.collect()))
    }

    /// The network address of the client. Visible to holders of `audit:read`; to the subject if
    /// they acted themselves, or if an anonymous client acted after the account had a verified
    /// address.
    async fn ip_address(&self, context: &Context<'_>) -> Nullable<String> {
        self.client(context, |details| details.ip_address.clone())
            .await
    }

    /// The user agent of the client; for access, see `ipAddress`.
    async fn user_agent(&self, context: &Context<'_>) -> Nullable<String> {
        self.client(context, |details| Some(details.user_agent.clone()))
            .await
    }

    /// The browser, according to the user agent; for access, see `ipAddress`.
    async fn browser(&self, context: &Context<'_>) -> Nullable<String> {
        self.client(context, |details| Some(details.browser.clone()))
            .await
    }

    /// The operating system, according to the user agent; for access, see `ipAddress`.
    async fn os(&self, context: &Context<'_>) -> Nullable<String> {
        self.client(context, |details| Some(details.os.clone()))
            .await
    }

    /// The request id, as in the response header and the log.
    async fn request_id(&self) -> &str {
        &self.row.request_id
    }

    /// The GraphQL operation name.
    async fn operation_name(&self) -> Option<&str> {
        let name = self.row.operation_name.as_deref();
        name.filter(|_| self.is_theirs())
    }

    /// The id of the trusted document, if one was used.
    async fn document_id(&self) -> Option<&str> {
        let id = self.row.document_id.as_deref();
        id.filter(|_| self.is_theirs())
    }
}

/// A value before and after the event. Values other than strings are in JSON.
#[derive(Clone, Debug, SimpleObject)]
pub struct AuditChange {
    /// The name of the value.
    field: String,
    /// The value before; also absent for values that are only recorded, as a reason.
    before: Option<String>,
    /// The value after.
    after: Option<String>,
}

/// A page of audit events, newest first.
pub(in crate::schema) type AuditEventConnection = Connection<TimeCursor, AuditEvent>;

/// Loads a page of matching events, for a holder of `audit:read`.
pub(in crate::schema) async fn load_matching(
    context: &Context<'_>,
    filter: Option<AuditEventFilter>,
    arguments: PageArguments,
) -> Result<AuditEventConnection, Error> {
    let filter = filter.map(|filter| filter.read(context)).transpose()?;
    let filter = filter.unwrap_or_default();
    let total = TotalCount::AuditEvents(CountMatching(filter.clone()));
    let page = arguments.request();
    let events = context.loaders();
    let events = events.audit_events(EventsMatching { filter, page });
    Ok(connection(
        arguments,
        events.await?,
        total,
        &Viewer::Auditor,
    ))
}

/// Loads a page of the events about a user, for that user or a holder of `audit:read`.
pub(in crate::schema) async fn load_about(
    context: &Context<'_>,
    person: &Arc<user::User>,
    is_auditor: bool,
    arguments: PageArguments,
) -> Result<AuditEventConnection, Error> {
    let (user, page) = (person.id, arguments.request());
    let events = context.loaders();
    let events = events.audit_events_of(EventsOfUser { user, page });
    let viewer = if is_auditor {
        Viewer::Auditor
    } else {
        Viewer::Subject(Arc::clone(person))
    };
    let total = TotalCount::AuditEventsOf(CountOfUser(user));
    Ok(connection(arguments, events.await?, total, &viewer))
}

fn connection(
    arguments: PageArguments,
    events: Vec<audit::AuditEvent>,
    total: TotalCount,
    viewer: &Viewer,
) -> AuditEventConnection {
    arguments.page(events, total, |event| {
        let cursor = TimeCursor((event.created_at, event.id.uuid()));
        (cursor, AuditEvent::new(event, viewer.clone()))
    })
}

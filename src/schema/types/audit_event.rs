//! Something that happened, and the lists of it.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use tokio::sync::OnceCell;

use super::audit_filter::AuditEventFilter;
use super::user::User;
use crate::domain::audit::{self, AuditFilter};
use crate::domain::ids::{AuditEventId, UserId};
use crate::domain::user;
use crate::schema::connection::{PageArguments, PageInfo, encode_cursor};
use crate::schema::error::{Error, Nullable};
use crate::schema::request::ContextExt as _;
use crate::selectors::audit_event::{
    CountMatching, CountOfUser, EventMatching, EventsMatching, EventsOfUser,
};
use crate::services::audit::{self as recorded, Details};

/// Who looks.
#[derive(Clone, Debug)]
enum Viewer {
    /// A holder of `audit:read`.
    Auditor,
    /// The person it is about.
    Subject(Arc<user::User>),
}

/// Something that happened. Network address, program and changes are absent once the person whom
/// they are about was erased.
#[derive(Debug)]
pub struct AuditEvent {
    row: Arc<audit::AuditEvent>,
    viewer: Viewer,
    opened: OnceCell<Option<Details>>,
}

impl AuditEvent {
    /// One event for a holder of `audit:read`, if it matches; without one only the filter is read.
    pub(in crate::schema) async fn matching(
        context: &Context<'_>,
        filter: Option<AuditEventFilter>,
        id: Option<AuditEventId>,
    ) -> Result<Option<Self>, Error> {
        let filter = filter.map(|filter| filter.read(context)).transpose()?;
        let Some(id) = id else { return Ok(None) };
        let filter = filter.unwrap_or_default();
        let found = context.loaders().audit_event(EventMatching { id, filter });
        Ok(found.await?.map(|row| Self {
            row: Arc::new(row),
            viewer: Viewer::Auditor,
            opened: OnceCell::new(),
        }))
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

    /// Whether it is the viewer's: done by them, or to them once they had proven to be the owner.
    ///
    /// An account can be a stranger's until its owner proves the address. Neither reads the
    /// other's network address, program and words.
    fn is_theirs(&self) -> bool {
        let Viewer::Subject(person) = &self.viewer else {
            return true;
        };
        let at = self.row.created_at;
        match self.row.actor {
            Some(_) => person.owned_at(at),
            None => person.proven_by(at),
        }
    }

    /// Something about the program or the place of whoever did it. People do not learn where the
    /// staff member sits who changed their account.
    async fn client(
        &self,
        context: &Context<'_>,
        value: impl FnOnce(&Details) -> Option<String>,
    ) -> Nullable<String> {
        let by_another = self.row.actor.is_some() && self.row.actor != self.row.subject;
        if matches!(self.viewer, Viewer::Subject(_)) && by_another || !self.is_theirs() {
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

/// Something that happened. Network address, program and changes are absent once the person whom
/// they are about was erased.
#[Object]
impl AuditEvent {
    /// The identifier.
    async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// When it happened.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// What happened, as in `login.succeeded`.
    async fn action(&self) -> &str {
        &self.row.action
    }

    /// Who did it, if somebody was signed in whose account still exists.
    async fn actor(&self, context: &Context<'_>) -> Nullable<User> {
        person(context, self.row.actor).await
    }

    /// In whose name the actor did it. Always absent so far: nobody can act as somebody else here.
    /// What administrators do to an account they do in their own name, and `subject` says to whom.
    async fn on_behalf_of(&self, context: &Context<'_>) -> Nullable<User> {
        person(context, self.row.on_behalf_of).await
    }

    /// Whom it was about, if the account still exists.
    async fn subject(&self, context: &Context<'_>) -> Nullable<User> {
        person(context, self.row.subject).await
    }

    /// What was changed; for whom, see `ipAddress`. What administrators changed of an account its
    /// owner sees. Passwords and other secrets are never recorded.
    async fn changes(&self, context: &Context<'_>) -> Nullable<Vec<AuditChange>> {
        if !self.is_theirs() {
            return None;
        }
        let is_shown = |change: &&recorded::Change| match self.viewer {
            Viewer::Auditor => true,
            // What the staff notes about people is not theirs to know.
            Viewer::Subject(_) => change.field != "staffNote",
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

    /// The network address it came from. Holders of `audit:read` see it; the person it is about
    /// sees it if they did it themselves, or if nobody who was signed in did it after they had
    /// proven an address of the account.
    async fn ip_address(&self, context: &Context<'_>) -> Nullable<String> {
        self.client(context, |details| details.ip_address.clone())
            .await
    }

    /// What the program called itself; for whom, see `ipAddress`.
    async fn user_agent(&self, context: &Context<'_>) -> Nullable<String> {
        self.client(context, |details| Some(details.user_agent.clone()))
            .await
    }

    /// The browser, as far as the user agent told; for whom, see `ipAddress`.
    async fn browser(&self, context: &Context<'_>) -> Nullable<String> {
        self.client(context, |details| Some(details.browser.clone()))
            .await
    }

    /// The operating system, as far as the user agent told; for whom, see `ipAddress`.
    async fn os(&self, context: &Context<'_>) -> Nullable<String> {
        self.client(context, |details| Some(details.os.clone()))
            .await
    }

    /// The request, as its answer and the log name it.
    async fn request_id(&self) -> &str {
        &self.row.request_id
    }

    /// The GraphQL operation.
    async fn operation_name(&self) -> Option<&str> {
        let name = self.row.operation_name.as_deref();
        name.filter(|_| self.is_theirs())
    }

    /// The trusted document, if it was one.
    async fn document_id(&self) -> Option<&str> {
        let id = self.row.document_id.as_deref();
        id.filter(|_| self.is_theirs())
    }
}

/// A value before and after. What is no text is written as in JSON.
#[derive(Clone, Debug, SimpleObject)]
pub struct AuditChange {
    /// Which value.
    field: String,
    /// What it was; absent also for what was only noted.
    before: Option<String>,
    /// What it became.
    after: Option<String>,
}

/// A place in the list.
#[derive(Debug, SimpleObject)]
pub struct AuditEventEdge {
    /// The event.
    node: AuditEvent,
    /// Its place, for `after` and `before`.
    cursor: String,
}

/// Which list it is.
#[derive(Clone, Debug)]
enum List {
    Matching(AuditFilter),
    Subject(UserId),
}

/// A part of a list of events, newest first.
#[derive(Clone, Debug)]
pub struct AuditEventConnection {
    list: List,
    viewer: Viewer,
    events: Vec<Arc<audit::AuditEvent>>,
    page_info: PageInfo,
}

impl AuditEventConnection {
    /// A page of the events that match, for a holder of `audit:read`.
    pub(in crate::schema) async fn matching(
        context: &Context<'_>,
        filter: Option<AuditEventFilter>,
        arguments: PageArguments,
    ) -> Result<Self, Error> {
        let filter = match filter {
            Some(filter) => filter.read(context)?,
            None => AuditFilter::default(),
        };
        let key = EventsMatching {
            filter: filter.clone(),
            page: arguments.request(),
        };
        let events = context.loaders().audit_events(key).await?;
        let list = List::Matching(filter);
        Ok(Self::cut(list, Viewer::Auditor, events, arguments))
    }

    /// A page of the events about a person, for that person or a holder of `audit:read`.
    pub(in crate::schema) async fn about(
        context: &Context<'_>,
        person: &Arc<user::User>,
        is_auditor: bool,
        arguments: PageArguments,
    ) -> Result<Self, Error> {
        let user = person.id;
        let key = EventsOfUser {
            user,
            page: arguments.request(),
        };
        let events = context.loaders().audit_events_of(key).await?;
        let viewer = if is_auditor {
            Viewer::Auditor
        } else {
            Viewer::Subject(Arc::clone(person))
        };
        Ok(Self::cut(List::Subject(user), viewer, events, arguments))
    }

    fn cut(
        list: List,
        viewer: Viewer,
        mut events: Vec<audit::AuditEvent>,
        arguments: PageArguments,
    ) -> Self {
        let more = arguments.cut(&mut events);
        let (start, end) = (events.first().map(cursor), events.last().map(cursor));
        Self {
            list,
            viewer,
            page_info: arguments.page_info(more, start, end),
            events: events.into_iter().map(Arc::new).collect(),
        }
    }

    fn node(&self, event: &Arc<audit::AuditEvent>) -> AuditEvent {
        AuditEvent {
            row: Arc::clone(event),
            viewer: self.viewer.clone(),
            opened: OnceCell::new(),
        }
    }
}

fn cursor(event: &audit::AuditEvent) -> String {
    encode_cursor((event.created_at, event.id.uuid()))
}

/// A part of a list of events, newest first.
#[Object]
impl AuditEventConnection {
    /// The events with their places.
    async fn edges(&self) -> Vec<AuditEventEdge> {
        let edge = |event: &Arc<audit::AuditEvent>| AuditEventEdge {
            cursor: cursor(event),
            node: self.node(event),
        };
        self.events.iter().map(edge).collect()
    }

    /// The events alone.
    async fn nodes(&self) -> Vec<AuditEvent> {
        self.events.iter().map(|event| self.node(event)).collect()
    }

    /// Where this part ends, and whether there is more.
    async fn page_info(&self) -> &PageInfo {
        &self.page_info
    }

    /// How many there are in all; counted only when asked for, which takes longer the more there
    /// are.
    async fn total_count(&self, context: &Context<'_>) -> Result<i64, Error> {
        let loaders = context.loaders();
        let count = match &self.list {
            List::Matching(filter) => {
                let key = CountMatching(filter.clone());
                loaders.audit_event_count(key).await?
            }
            List::Subject(user) => loaders.audit_event_count_of(CountOfUser(*user)).await?,
        };
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

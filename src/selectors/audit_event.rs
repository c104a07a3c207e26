//! Audit events, newest first: those that match a filter, or those about each of many people.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use sea_orm::sea_query::{ExprTrait as _, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, IntoSimpleExpr as _, QueryFilter,
    QuerySelect, QueryTrait, Select,
};
use uuid::Uuid;

use super::page::{Keyset, PageRequest, bound};
use super::{ReadFailure, Reader};
use crate::domain::audit::{AuditEvent, AuditFilter};
use crate::domain::ids::{AuditEventId, UserId};
use crate::entities::audit_event::{Column, Entity, Model};

/// A page of the events that match a filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventsMatching {
    /// Which events.
    pub filter: AuditFilter,
    /// The page.
    pub page: PageRequest,
}

/// One event, if it matches a filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventMatching {
    /// Which event.
    pub id: AuditEventId,
    /// What it has to match.
    pub filter: AuditFilter,
}

/// The number of events that match a filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CountMatching(pub AuditFilter);

/// A page of the events about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventsOfUser {
    /// The user they are about.
    pub user: UserId,
    /// The page.
    pub page: PageRequest,
}

/// The number of events about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountOfUser(pub UserId);

impl Loader<EventsMatching> for Reader {
    type Value = Vec<AuditEvent>;
    type Error = ReadFailure;

    /// One statement for each filter: in practice, for each selection in the document.
    async fn load(
        &self,
        keys: &[EventsMatching],
    ) -> Result<HashMap<EventsMatching, Vec<AuditEvent>>, ReadFailure> {
        let mut found = HashMap::new();
        for key in keys {
            let select = page_of(matching(&key.filter), &key.page);
            let rows = select.all(&*self.turn().await).await?;
            found.insert(key.clone(), rows.into_iter().map(Into::into).collect());
        }
        Ok(found)
    }
}

impl Loader<EventMatching> for Reader {
    type Value = AuditEvent;
    type Error = ReadFailure;

    /// One statement for each filter, whatever the number of events.
    async fn load(
        &self,
        keys: &[EventMatching],
    ) -> Result<HashMap<EventMatching, AuditEvent>, ReadFailure> {
        let read = async |keys: Vec<EventMatching>| {
            let mut filters: HashMap<&AuditFilter, Vec<Uuid>> = HashMap::new();
            for key in &keys {
                filters.entry(&key.filter).or_default().push(key.id.uuid());
            }
            let mut found = HashMap::new();
            for (filter, ids) in filters {
                let rows = Entity::find()
                    .filter(matching(filter).add(Column::Id.is_in(ids)))
                    .all(&*self.turn().await)
                    .await?;
                found.extend(rows.into_iter().map(|row| {
                    let (id, filter) = (row.id.into(), filter.clone());
                    (EventMatching { id, filter }, row.into())
                }));
            }
            Ok(found)
        };
        self.together(keys, read).await
    }
}

impl Loader<CountMatching> for Reader {
    type Value = u64;
    type Error = ReadFailure;

    async fn load(
        &self,
        keys: &[CountMatching],
    ) -> Result<HashMap<CountMatching, u64>, ReadFailure> {
        let mut found = HashMap::new();
        for key in keys {
            let count: Option<i64> = Entity::find()
                .select_only()
                .column_as(Column::Id.count(), "events")
                .filter(matching(&key.0))
                .into_tuple()
                .one(&*self.turn().await)
                .await?;
            found.insert(key.clone(), u64::try_from(count.unwrap_or_default())?);
        }
        Ok(found)
    }
}

impl Loader<EventsOfUser> for Reader {
    type Value = Vec<AuditEvent>;
    type Error = ReadFailure;

    /// One statement for each distinct page: in practice, for each selection in the document.
    async fn load(
        &self,
        keys: &[EventsOfUser],
    ) -> Result<HashMap<EventsOfUser, Vec<AuditEvent>>, ReadFailure> {
        let mut requests: HashMap<PageRequest, Vec<UserId>> = HashMap::new();
        for key in keys {
            requests.entry(key.page).or_default().push(key.user);
        }
        let mut found: HashMap<EventsOfUser, Vec<AuditEvent>> = HashMap::new();
        for (page, users) in requests {
            let about = |user: SimpleExpr| {
                Condition::all().add(Column::SubjectId.into_simple_expr().eq(user))
            };
            let page_of = |user| page_of(about(user), &page).into_query();
            for row in self.pages(&users, page_of).await? {
                let event = AuditEvent::from(Model::from_query_result(&row, "")?);
                let Some(user) = event.subject else { continue };
                let key = EventsOfUser { user, page };
                found.entry(key).or_default().push(event);
            }
        }
        for (key, events) in &mut found {
            key.page
                .sort(events, |event| (event.created_at, event.id.uuid()));
        }
        Ok(found)
    }
}

impl Loader<CountOfUser> for Reader {
    type Value = u64;
    type Error = ReadFailure;

    async fn load(&self, keys: &[CountOfUser]) -> Result<HashMap<CountOfUser, u64>, ReadFailure> {
        let rows: Vec<(Uuid, i64)> = Entity::find()
            .select_only()
            .column(Column::SubjectId)
            .column_as(Column::Id.count(), "events")
            .filter(Column::SubjectId.is_in(keys.iter().map(|key| key.0.uuid())))
            .group_by(Column::SubjectId)
            .into_tuple()
            .all(&*self.turn().await)
            .await?;
        rows.into_iter()
            .map(|(user, count)| Ok((CountOfUser(user.into()), u64::try_from(count)?)))
            .collect()
    }
}

fn matching(filter: &AuditFilter) -> Condition {
    let actions = filter.actions.as_ref();
    let addresses = filter.ip_blind_indices.as_ref();
    let request = filter.request_id.as_deref();
    Condition::all()
        .add_option(filter.actor.map(|actor| Column::ActorId.eq(actor.uuid())))
        .add_option((filter.subject).map(|subject| Column::SubjectId.eq(subject.uuid())))
        .add_option(actions.map(|actions| Column::Action.is_in(actions.iter().cloned())))
        .add_option(addresses.map(|indices| Column::AddressIndex.is_in(indices.iter().cloned())))
        .add_option(request.map(|request| Column::RequestId.eq(request)))
        .add_option(filter.since.map(|since| Column::CreatedAt.gte(since)))
        .add_option(filter.until.map(|until| Column::CreatedAt.lt(until)))
}

fn page_of(which: Condition, page: &PageRequest) -> Select<Entity> {
    let mut select = Entity::find().filter(which);
    let keyset = Keyset::newest_first(Column::CreatedAt, Column::Id);
    page.apply_to(QuerySelect::query(&mut select), &keyset, bound);
    select
}

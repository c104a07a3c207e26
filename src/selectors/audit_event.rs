//! Audit events, newest first: those that match a filter, or those about each of many people.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use sea_orm::sea_query::{Alias, Expr, Query, SelectStatement, SimpleExpr, UnionType};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, Order,
    QueryFilter, QuerySelect,
};
use uuid::Uuid;

use super::session::{Place, Slice};
use super::{ReadFailure, Reader};
use crate::domain::audit::{AuditEvent, AuditFilter};
use crate::domain::ids::{AuditEventId, UserId};
use crate::entities::audit_event::{Column, Entity, Model};

/// People whose events one statement reads; SQLite joins 500 selects at most.
const PEOPLE_AT_ONCE: usize = 200;

/// A slice of the events that match a filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventsMatching {
    /// Which events.
    pub filter: AuditFilter,
    /// Which of them.
    pub slice: Slice,
}

/// One event, if it matches a filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventMatching {
    /// Which event.
    pub id: AuditEventId,
    /// Whether it is wanted.
    pub filter: AuditFilter,
}

/// The number of events that match a filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CountMatching(pub AuditFilter);

/// A slice of the events about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventsOfUser {
    /// Whom they are about.
    pub user: UserId,
    /// Which of them.
    pub slice: Slice,
}

/// The number of events about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountOfUser(pub UserId);

impl Loader<EventsMatching> for Reader {
    type Value = Vec<AuditEvent>;
    type Error = ReadFailure;

    /// One statement for each filter: in practice, for each place in the document.
    async fn load(
        &self,
        keys: &[EventsMatching],
    ) -> Result<HashMap<EventsMatching, Vec<AuditEvent>>, ReadFailure> {
        let mut found = HashMap::new();
        for key in keys {
            let statement = page(matching(&key.filter), key.slice);
            found.insert(key.clone(), self.events(&statement).await?);
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
        let mut filters: HashMap<&AuditFilter, Vec<Uuid>> = HashMap::new();
        for key in keys {
            filters.entry(&key.filter).or_default().push(key.id.uuid());
        }
        let mut found = HashMap::new();
        for (filter, ids) in filters {
            let rows = Entity::find()
                .filter(matching(filter).add(Column::Id.is_in(ids)))
                .all(&self.database)
                .await?;
            found.extend(rows.into_iter().map(|row| {
                let (id, filter) = (row.id.into(), filter.clone());
                (EventMatching { id, filter }, row.into())
            }));
        }
        Ok(found)
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
                .one(&self.database)
                .await?;
            found.insert(key.clone(), u64::try_from(count.unwrap_or_default())?);
        }
        Ok(found)
    }
}

impl Loader<EventsOfUser> for Reader {
    type Value = Vec<AuditEvent>;
    type Error = ReadFailure;

    /// One statement for each distinct slice, in which every person's part is cut by the index.
    async fn load(
        &self,
        keys: &[EventsOfUser],
    ) -> Result<HashMap<EventsOfUser, Vec<AuditEvent>>, ReadFailure> {
        let mut slices: HashMap<Slice, Vec<UserId>> = HashMap::new();
        for key in keys {
            slices.entry(key.slice).or_default().push(key.user);
        }
        let mut found: HashMap<EventsOfUser, Vec<AuditEvent>> = HashMap::new();
        for (slice, users) in slices {
            for users in users.chunks(PEOPLE_AT_ONCE) {
                let Some(statement) = pages_of(users, slice) else {
                    continue;
                };
                for event in self.events(&statement).await? {
                    let Some(user) = event.subject else { continue };
                    let key = EventsOfUser { user, slice };
                    found.entry(key).or_default().push(event);
                }
            }
        }
        for (key, events) in &mut found {
            events.sort_by_key(|event| (event.created_at, event.id));
            if !key.slice.from_end {
                events.reverse();
            }
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
            .all(&self.database)
            .await?;
        rows.into_iter()
            .map(|(user, count)| Ok((CountOfUser(user.into()), u64::try_from(count)?)))
            .collect()
    }
}

impl Reader {
    async fn events(&self, statement: &SelectStatement) -> Result<Vec<AuditEvent>, ReadFailure> {
        let rows = self.database.query_all(statement).await?;
        rows.iter()
            .map(|row| Ok(Model::from_query_result(row, "")?.into()))
            .collect()
    }
}

fn matching(filter: &AuditFilter) -> Condition {
    let id = |id: UserId| id.uuid();
    Condition::all()
        .add_option(filter.actor.map(|it| Column::ActorId.eq(id(it))))
        .add_option(filter.subject.map(|it| Column::SubjectId.eq(id(it))))
        .add_option(
            (filter.actions.as_ref()).map(|actions| Column::Action.is_in(actions.iter().cloned())),
        )
        .add_option(
            (filter.address_indices.as_ref())
                .map(|indices| Column::AddressIndex.is_in(indices.iter().cloned())),
        )
        .add_option((filter.request_id.as_ref()).map(|it| Column::RequestId.eq(it.clone())))
        .add_option(filter.since.map(|since| Column::CreatedAt.gte(since)))
        .add_option(filter.until.map(|until| Column::CreatedAt.lt(until)))
}

/// The rows of a slice in the order in which they are counted.
///
/// Places are compared as pairs, which an index on the pair answers from the right spot, however
/// deep in the list that is.
fn page(which: Condition, slice: Slice) -> SelectStatement {
    let pair = || Expr::tuple([Expr::col(Column::CreatedAt), Expr::col(Column::Id)]);
    let place = |(created_at, id): Place| -> SimpleExpr {
        Expr::tuple([Expr::val(created_at), Expr::val(id)])
    };
    let order = if slice.from_end {
        Order::Asc
    } else {
        Order::Desc
    };
    let mut page = Query::select();
    page.expr(Expr::cust("*"))
        .from(Entity)
        .cond_where(which)
        .order_by(Column::CreatedAt, order.clone())
        .order_by(Column::Id, order)
        .limit(slice.limit);
    if let Some(after) = slice.after {
        page.and_where(pair().lt(place(after)));
    }
    if let Some(before) = slice.before {
        page.and_where(pair().gt(place(before)));
    }
    page
}

/// The slices of several people, one select for each, as one statement.
fn pages_of(users: &[UserId], slice: Slice) -> Option<SelectStatement> {
    let mut parts = users.iter().map(|user| {
        let which = Condition::all().add(Column::SubjectId.eq(user.uuid()));
        Query::select()
            .expr(Expr::cust("*"))
            .from_subquery(page(which, slice), Alias::new("part"))
            .to_owned()
    });
    let mut first = parts.next()?;
    for part in parts {
        first.union(UnionType::All, part);
    }
    Some(first)
}

//! The links of the hash chain of audit events, and the queue of events that are not linked yet.

use std::collections::HashSet;

use sea_orm::sea_query::Query;
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationDef,
};
use uuid::Uuid;

use super::audit_event::StoredEvent;
use super::database::{Database, Tx};
use crate::domain::ids::AuditEventId;
use crate::entities::audit_link::{Column, Entity, Model};
use crate::entities::{audit_event as event, audit_unlinked as unlinked};
use crate::fault::Fault;

/// A link of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its position, from 1 without gaps.
    pub position: i64,
    /// The linked event.
    pub event: AuditEventId,
    /// Keyed hash over the previous link and this one.
    pub hash: Vec<u8>,
}

/// An event with its MAC.
pub type EventWithMac = (StoredEvent, Vec<u8>);

/// Whether any event is queued for linking.
pub async fn any_queued(database: &Database) -> Result<bool, Fault> {
    let select = unlinked::Entity::find();
    Ok(select.one(database).await?.is_some())
}

/// The first queued events, each with its MAC.
///
/// Reads the queue first and the events by id: for a join, a planner may read all events.
pub async fn queued(tx: &Tx, limit: u64) -> Result<Vec<(AuditEventId, Vec<u8>)>, Fault> {
    let mut last = None;
    loop {
        let ids = queued_after(tx, last, limit).await?;
        last = ids.last().copied();
        if last.is_none() {
            return Ok(Vec::new());
        }
        let linked = linked(tx, &ids).await?;
        let rows: Vec<(Uuid, Vec<u8>)> = event::Entity::find()
            .select_only()
            .columns([event::Column::Id, event::Column::Mac])
            .filter(event::Column::Id.is_in(ids))
            .order_by_asc(event::Column::Id)
            .into_tuple()
            .all(tx)
            .await?;
        let rows = rows.into_iter().filter(|(id, _)| !linked.contains(id));
        let found: Vec<_> = rows.map(|(id, mac)| (id.into(), mac)).collect();
        if !found.is_empty() {
            return Ok(found);
        }
    }
}

async fn queued_after(tx: &Tx, after: Option<Uuid>, limit: u64) -> Result<Vec<Uuid>, Fault> {
    let mut select = unlinked::Entity::find()
        .order_by_asc(unlinked::Column::AuditId)
        .limit(limit);
    if let Some(after) = after {
        select = select.filter(unlinked::Column::AuditId.gt(after));
    }
    let rows = select.all(tx).await?;
    Ok(rows.into_iter().map(|row| row.audit_id).collect())
}

/// Which of these events have a link.
async fn linked(tx: &Tx, ids: &[Uuid]) -> Result<HashSet<Uuid>, Fault> {
    let rows = Entity::find()
        .select_only()
        .column(Column::AuditId)
        .filter(Column::AuditId.is_in(ids.iter().copied()))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Which of these ids are events.
async fn existing_events(tx: &Tx, ids: &[Uuid]) -> Result<HashSet<Uuid>, Fault> {
    let rows = event::Entity::find()
        .select_only()
        .column(event::Column::Id)
        .filter(event::Column::Id.is_in(ids.iter().copied()))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Appends links and removes their events from the queue.
pub async fn append(tx: &Tx, links: Vec<Link>) -> Result<(), Fault> {
    let ids: Vec<Uuid> = links.iter().map(|link| link.event.uuid()).collect();
    let rows = links.into_iter().map(|link| {
        Model {
            position: link.position,
            audit_id: link.event.uuid(),
            hash: link.hash,
        }
        .into_active_model()
    });
    Entity::insert_many(rows).exec_without_returning(tx).await?;
    unlinked::Entity::delete_many()
        .filter(unlinked::Column::AuditId.is_in(ids))
        .exec(tx)
        .await?;
    Ok(())
}

/// The position of the first link.
pub async fn first_position(database: &Database) -> Result<Option<i64>, Fault> {
    let select = Entity::find().order_by_asc(Column::Position);
    let first = select.one(database).await?;
    Ok(first.map(|row| row.position))
}

/// Removes the events and links up to this position; returns the number of events.
///
/// A trigger refuses it beyond `audit_chain.removed_through`.
pub async fn remove_through(tx: &Tx, position: i64) -> Result<u64, Fault> {
    let old = Query::select()
        .column(Column::AuditId)
        .from(Entity)
        .and_where(Column::Position.lte(position))
        .to_owned();
    // Events first: the trigger finds the position of an event by its link.
    let removed = event::Entity::delete_many()
        .filter(event::Column::Id.in_subquery(old))
        .exec(tx)
        .await?;
    Entity::delete_many()
        .filter(Column::Position.lte(position))
        .exec(tx)
        .await?;
    Ok(removed.rows_affected)
}

/// The next links after this position, each with its event if that exists.
pub async fn after(
    tx: &Tx,
    position: i64,
    limit: u64,
) -> Result<Vec<(Link, Option<EventWithMac>)>, Fault> {
    let rows = Entity::find()
        .select_also(event::Entity)
        .join(JoinType::LeftJoin, to_event())
        .filter(Column::Position.gt(position))
        .order_by_asc(Column::Position)
        .limit(limit)
        .all(tx)
        .await?;
    let written = rows.into_iter().map(|(row, event)| {
        let link = Link {
            position: row.position,
            event: row.audit_id.into(),
            hash: row.hash,
        };
        (link, event.map(EventWithMac::from))
    });
    Ok(written.collect())
}

/// Events without a link.
#[derive(Debug)]
pub struct Unlinked {
    /// The events, and whether each is queued for linking.
    pub events: Vec<(EventWithMac, bool)>,
    /// Where to continue; `None` at the end.
    pub next: Option<AuditEventId>,
}

/// The events without a link among the next `limit` after this one.
pub async fn unlinked_after(
    tx: &Tx,
    after: Option<AuditEventId>,
    limit: u64,
) -> Result<Unlinked, Fault> {
    let mut select = event::Entity::find()
        .select_only()
        .column(event::Column::Id)
        .order_by_asc(event::Column::Id)
        .limit(limit);
    if let Some(after) = after {
        select = select.filter(event::Column::Id.gt(after.uuid()));
    }
    let mut ids: Vec<Uuid> = select.into_tuple().all(tx).await?;
    let next = ids.last().map(|id| AuditEventId::from(*id));
    let linked = linked(tx, &ids).await?;
    ids.retain(|id| !linked.contains(id));
    let mut events = Vec::new();
    if !ids.is_empty() {
        let rows = event::Entity::find()
            .select_also(unlinked::Entity)
            .join(JoinType::LeftJoin, to_unlinked())
            .filter(event::Column::Id.is_in(ids))
            .order_by_asc(event::Column::Id)
            .all(tx)
            .await?;
        events.extend(
            rows.into_iter()
                .map(|(row, waits)| (row.into(), waits.is_some())),
        );
    }
    Ok(Unlinked { events, next })
}

/// The first queued id that names no event.
pub async fn first_orphan(tx: &Tx, limit: u64) -> Result<Option<AuditEventId>, Fault> {
    let mut last = None;
    loop {
        let ids = queued_after(tx, last, limit).await?;
        last = ids.last().copied();
        if last.is_none() {
            return Ok(None);
        }
        let existing = existing_events(tx, &ids).await?;
        if let Some(orphan) = ids.into_iter().find(|id| !existing.contains(id)) {
            return Ok(Some(orphan.into()));
        }
    }
}

fn to_link() -> RelationDef {
    event::Entity::belongs_to(Entity)
        .from(event::Column::Id)
        .to(Column::AuditId)
        .into()
}

fn to_unlinked() -> RelationDef {
    event::Entity::belongs_to(unlinked::Entity)
        .from(event::Column::Id)
        .to(unlinked::Column::AuditId)
        .into()
}

fn to_event() -> RelationDef {
    to_link().rev()
}

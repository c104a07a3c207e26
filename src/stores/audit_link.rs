//! The links of the chain of audit events, and the events that wait for theirs.

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait as _, IntoActiveModel, JoinType, QueryFilter, QueryOrder,
    QuerySelect, RelationDef,
};
use uuid::Uuid;

use super::audit_event::StoredEvent;
use super::database::{self, Database, Tx};
use crate::domain::ids::AuditEventId;
use crate::entities::audit_link::{Column, Entity, Model};
use crate::entities::{audit_event as event, audit_unlinked as unlinked};
use crate::fault::Fault;

/// A place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// From 1, without gaps.
    pub position: i64,
    /// The event there.
    pub event: AuditEventId,
    /// Keyed hash over the link before and this one.
    pub hash: Vec<u8>,
}

/// An event as it was written, with its MAC.
pub type Written = (StoredEvent, Vec<u8>);

/// Whether any event waits for its link.
pub async fn any_waiting(database: &Database) -> Result<bool, Fault> {
    let select = unlinked::Entity::find();
    Ok(database::one(database, select).await?.is_some())
}

/// The first events that wait, each with its MAC.
pub async fn waiting(tx: &Tx, limit: u64) -> Result<Vec<(AuditEventId, Vec<u8>)>, Fault> {
    let rows: Vec<(Uuid, Vec<u8>)> = event::Entity::find()
        .select_only()
        .columns([event::Column::Id, event::Column::Mac])
        .join(JoinType::InnerJoin, to_unlinked())
        .join(JoinType::LeftJoin, to_link())
        .filter(Column::Position.is_null())
        .order_by_asc(event::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(&tx.0)
        .await?;
    Ok(rows.into_iter().map(|(id, mac)| (id.into(), mac)).collect())
}

/// Appends links; their events wait no longer.
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
    Entity::insert_many(rows)
        .exec_without_returning(&tx.0)
        .await?;
    unlinked::Entity::delete_many()
        .filter(unlinked::Column::AuditId.is_in(ids))
        .exec(&tx.0)
        .await?;
    Ok(())
}

/// The position of the first link there is.
pub async fn first_position(database: &Database) -> Result<Option<i64>, Fault> {
    let select = Entity::find().order_by_asc(Column::Position);
    let first = database::one(database, select).await?;
    Ok(first.map(|row| row.position))
}

/// Removes the events and links through this position and says how many events that were.
///
/// The database refuses it beyond the position in `audit_chain`.
pub async fn remove_through(tx: &Tx, position: i64) -> Result<u64, Fault> {
    let old = Query::select()
        .column(Column::AuditId)
        .from(Entity)
        .and_where(Column::Position.lte(position))
        .to_owned();
    // The trigger finds the position of an event by its link, so events go first.
    let removed = event::Entity::delete_many()
        .filter(event::Column::Id.in_subquery(old))
        .exec(&tx.0)
        .await?;
    Entity::delete_many()
        .filter(Column::Position.lte(position))
        .exec(&tx.0)
        .await?;
    Ok(removed.rows_affected)
}

/// The next links after this position, each with its event if that is there.
pub async fn after(
    tx: &Tx,
    position: i64,
    limit: u64,
) -> Result<Vec<(Link, Option<Written>)>, Fault> {
    let rows = Entity::find()
        .select_also(event::Entity)
        .join(JoinType::LeftJoin, to_event())
        .filter(Column::Position.gt(position))
        .order_by_asc(Column::Position)
        .limit(limit)
        .all(&tx.0)
        .await?;
    let written = rows.into_iter().map(|(row, event)| {
        let link = Link {
            position: row.position,
            event: row.audit_id.into(),
            hash: row.hash,
        };
        (link, event.map(Written::from))
    });
    Ok(written.collect())
}

/// The next events without a link after this one, and whether each waits for one.
pub async fn unlinked_after(
    tx: &Tx,
    after: Option<AuditEventId>,
    limit: u64,
) -> Result<Vec<(Written, bool)>, Fault> {
    let mut select = event::Entity::find()
        .select_also(unlinked::Entity)
        .join(JoinType::LeftJoin, to_unlinked())
        .join(JoinType::LeftJoin, to_link())
        .filter(Column::Position.is_null())
        .order_by_asc(event::Column::Id)
        .limit(limit);
    if let Some(after) = after {
        select = select.filter(event::Column::Id.gt(after.uuid()));
    }
    let rows = select.all(&tx.0).await?;
    Ok(rows
        .into_iter()
        .map(|(row, waits)| (row.into(), waits.is_some()))
        .collect())
}

/// An event that waits for its link and is not there.
pub async fn waiting_in_vain(tx: &Tx) -> Result<Option<AuditEventId>, Fault> {
    let gone = Query::select()
        .expr(Expr::value(1))
        .from(event::Entity)
        .and_where(
            Expr::col((event::Entity, event::Column::Id))
                .equals((unlinked::Entity, unlinked::Column::AuditId)),
        )
        .to_owned();
    let row = unlinked::Entity::find()
        .filter(Expr::not_exists(gone))
        .order_by_asc(unlinked::Column::AuditId)
        .one(&tx.0)
        .await?;
    Ok(row.map(|row| row.audit_id.into()))
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

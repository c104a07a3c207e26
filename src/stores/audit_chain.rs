//! The head of the hash chain of audit events, and its daily checkpoints.
//!
//! The row is also the lease for extending or shortening the chain. It is locked for one short
//! transaction, and the lock ends with the connection, so a crashed instance does not keep it.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{LockBehavior, LockType, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};

use super::database::{Database, Tx};
use crate::entities::audit_chain::{Column, Entity, Model};
use crate::entities::audit_checkpoint as day;
use crate::fault::Fault;

/// The head of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Position of the last link; 0 while there is none.
    pub position: i64,
    /// Hash of the last link.
    pub hash: Vec<u8>,
    /// When it was linked.
    pub linked_at: Option<DateTime<Utc>>,
    /// The last position that retention has removed, or is about to.
    pub removed_through: i64,
}

/// The head of the chain at the end of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The day, as in `2026-03-01`. Events up to the position happened on it or earlier.
    pub day: String,
    /// Position of the last link of that day.
    pub position: i64,
    /// Hash of that link.
    pub hash: Vec<u8>,
}

/// The id of the only row.
const ROW: i64 = 1;

fn head(row: Model) -> (Head, Vec<u8>) {
    let head = Head {
        position: row.position,
        hash: row.hash,
        linked_at: row.linked_at,
        removed_through: row.removed_through,
    };
    (head, row.mac)
}

/// The head of the chain and its MAC.
pub async fn find(connection: &impl ConnectionTrait) -> Result<Option<(Head, Vec<u8>)>, Fault> {
    Ok(Entity::find_by_id(ROW).one(connection).await?.map(head))
}

/// Selects when the last event was linked.
pub(super) fn linked_at() -> SelectStatement {
    Query::select()
        .column(Column::LinkedAt)
        .from(Entity)
        .and_where(Column::Id.eq(ROW))
        .to_owned()
}

/// Locks the head of the chain; `None` while another instance holds it.
pub async fn lock(tx: &Tx) -> Result<Option<(Head, Vec<u8>)>, Fault> {
    let mut select = Entity::find_by_id(ROW);
    // SQLite has one writer at a time: the transaction itself is the lock.
    if tx.get_database_backend() == DatabaseBackend::Postgres {
        select = select.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    Ok(select.one(tx).await?.map(head))
}

/// Moves the head of the chain, which [`lock`] holds.
pub async fn update(tx: &Tx, head: Head, mac: Vec<u8>) -> Result<(), Fault> {
    let row = Model {
        id: ROW,
        position: head.position,
        hash: head.hash,
        linked_at: head.linked_at,
        removed_through: head.removed_through,
        mac,
    };
    let row = row.into_active_model().reset_all();
    Entity::update(row).exec(tx).await?;
    Ok(())
}

/// Writes the checkpoint of a day.
pub async fn insert_checkpoint(
    tx: &Tx,
    checkpoint: Checkpoint,
    mac: Vec<u8>,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let row = day::Model {
        day: checkpoint.day,
        position: checkpoint.position,
        hash: checkpoint.hash,
        created_at: now,
        mac,
    };
    let insert = day::Entity::insert(row.into_active_model());
    insert.exec_without_returning(tx).await?;
    Ok(())
}

fn checkpoint(row: day::Model) -> (Checkpoint, Vec<u8>) {
    let checkpoint = Checkpoint {
        day: row.day,
        position: row.position,
        hash: row.hash,
    };
    (checkpoint, row.mac)
}

/// The last checkpoint before this day, with its MAC.
pub async fn checkpoint_before(
    database: &Database,
    before: String,
) -> Result<Option<(Checkpoint, Vec<u8>)>, Fault> {
    let select = day::Entity::find()
        .filter(day::Column::Day.lt(before))
        .order_by_desc(day::Column::Day);
    Ok(select.one(database).await?.map(checkpoint))
}

/// Every checkpoint with its MAC, first day first: one row a day.
pub async fn checkpoints(tx: &Tx) -> Result<Vec<(Checkpoint, Vec<u8>)>, Fault> {
    let rows = day::Entity::find()
        .order_by_asc(day::Column::Day)
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(checkpoint).collect())
}

//! Stored objects that are to be removed: a queue that ends only by the storage's confirmation.
//!
//! Claims and outcomes work as those of the outbox: claiming raises `attempts`, and an outcome counts
//! only under the number that claimed.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockBehavior, LockType, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait as _, FromQueryResult, IntoActiveModel as _,
    Order, QueryFilter, QueryOrder as _, QuerySelect as _,
};

use super::database::{Database, Tx};
use crate::domain::ids::RemovalId;
use crate::domain::media::{MediaObject, Storage};
use crate::entities::media_removal::{Column, Entity, Model};
use crate::fault::Fault;

/// A removal.
#[derive(Clone, Debug)]
pub struct Removal {
    /// Its id.
    pub id: RemovalId,
    /// Where the object is.
    pub storage: String,
    /// The name of the object.
    pub object: String,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When it is tried next.
    pub due_at: DateTime<Utc>,
    /// Attempts; also identifies a claim.
    pub attempts: i64,
    /// Why the last attempt failed.
    pub last_failure: Option<String>,
}

/// The removals that wait.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Backlog {
    /// How many are due or failed before.
    pub waiting: i64,
    /// When the oldest of them was enqueued.
    pub oldest: Option<DateTime<Utc>>,
}

/// Enqueues a removal that is tried from `due_at` on.
pub async fn insert(
    tx: &Tx,
    id: RemovalId,
    (storage, object): (Storage, &MediaObject),
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let row = Model {
        id: id.uuid(),
        storage: storage.as_str().to_owned(),
        object: object.to_string(),
        created_at: now,
        due_at,
        attempts: 0,
        last_failure: None,
    };
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Withdraws a removal; `false` if it was tried meanwhile.
pub async fn withdraw(tx: &Tx, id: RemovalId) -> Result<bool, Fault> {
    let outcome = Entity::delete_many()
        .filter(Column::Id.eq(id.uuid()))
        // As wide as in `complete`, whose text is the same: the driver prepares it once.
        .filter(Column::Attempts.eq(0_i64))
        .exec(tx)
        .await?;
    Ok(outcome.rows_affected == 1)
}

/// Selects whether a removal from this storage is due.
pub(in crate::stores) fn any_due(storage: Storage, now: DateTime<Utc>) -> SelectStatement {
    let mut any = Query::select();
    any.column(Column::Id)
        .from(Entity)
        .cond_where(due(storage, now));
    any
}

fn due(storage: Storage, now: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(Column::Storage.eq(storage.as_str()))
        .add(Column::DueAt.lte(now))
}

/// Claims due removals from this storage until `leased_until`, so that other workers skip them.
pub async fn claim(
    database: &Database,
    storage: Storage,
    limit: u64,
    leased_until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<Removal>, Fault> {
    let mut ids = Query::select();
    ids.column(Column::Id)
        .from(Entity)
        .cond_where(due(storage, now))
        .order_by(Column::DueAt, Order::Asc)
        .limit(limit);
    if !database.is_sqlite() {
        ids.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let rows = Entity::update_many()
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1_i64))
        .col_expr(Column::DueAt, Expr::value(leased_until))
        .filter(Column::Id.in_subquery(ids))
        .exec_with_returning(database)
        .await?;
    Ok(rows.into_iter().map(Removal::from).collect())
}

/// Deletes a removal that the storage confirmed; `false` if the claim is stale.
pub async fn complete(database: &Database, claim: &Removal) -> Result<bool, Fault> {
    let outcome = Entity::delete_many()
        .filter(Column::Id.eq(claim.id.uuid()))
        .filter(Column::Attempts.eq(claim.attempts))
        .exec(database)
        .await?;
    Ok(outcome.rows_affected == 1)
}

/// Records a failed attempt and when to try again; `false` if the claim is stale.
pub async fn postpone(
    database: &Database,
    claim: &Removal,
    failure: &str,
    due_at: DateTime<Utc>,
) -> Result<bool, Fault> {
    let outcome = Entity::update_many()
        .col_expr(Column::LastFailure, Expr::value(failure.to_owned()))
        .col_expr(Column::DueAt, Expr::value(due_at))
        .filter(Column::Id.eq(claim.id.uuid()))
        .filter(Column::Attempts.eq(claim.attempts))
        .exec(database)
        .await?;
    Ok(outcome.rows_affected == 1)
}

/// The removals that have failed, newest first.
pub async fn failed(database: &Database, limit: u64) -> Result<Vec<Removal>, Fault> {
    let rows = Entity::find()
        .filter(Column::LastFailure.is_not_null())
        .order_by_desc(Column::CreatedAt)
        .limit(limit)
        .all(database)
        .await?;
    Ok(rows.into_iter().map(Removal::from).collect())
}

/// Makes removals that have failed due now: one, or all; returns how many.
pub async fn hasten(
    database: &Database,
    id: Option<RemovalId>,
    now: DateTime<Utc>,
) -> Result<u64, Fault> {
    let mut update = Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(now))
        .filter(Column::LastFailure.is_not_null());
    if let Some(id) = id {
        update = update.filter(Column::Id.eq(id.uuid()));
    }
    Ok(update.exec(database).await?.rows_affected)
}

/// How much waits at this moment. Removals for a later time do not.
pub async fn backlog(database: &Database, now: DateTime<Utc>) -> Result<Backlog, Fault> {
    let waits = Condition::any()
        .add(Column::DueAt.lte(now))
        .add(Column::Attempts.gt(0_i64));
    let found = Entity::find()
        .select_only()
        .column_as(Column::Id.count(), "waiting")
        .column_as(Column::CreatedAt.min(), "oldest")
        .filter(waits)
        .into_model::<Backlog>()
        .one(database)
        .await?;
    found.ok_or_else(|| Fault::new("a statement that counts returned nothing"))
}

impl From<Model> for Removal {
    fn from(row: Model) -> Self {
        Self {
            id: row.id.into(),
            storage: row.storage,
            object: row.object,
            created_at: row.created_at,
            due_at: row.due_at,
            attempts: row.attempts,
            last_failure: row.last_failure,
        }
    }
}

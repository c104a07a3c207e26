//! The outbox: messages that were decided on and are not delivered yet.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockBehavior, LockType, Query};
use sea_orm::{ActiveValue, ColumnTrait, Condition, EntityTrait, ExprTrait, Order, QueryFilter};

use super::database::{Database, Tx};
use crate::domain::ids::MessageId;
use crate::entities::outbox_message::{ActiveModel, Column, Entity, Model};
use crate::fault::Fault;

/// A message that a worker has claimed for a while.
#[derive(Debug)]
pub struct ClaimedMessage {
    /// Its identifier, which is also its idempotency key.
    pub id: MessageId,
    /// What it is about.
    pub kind: String,
    /// How it travels.
    pub channel: String,
    /// Recipient and contents, sealed.
    pub sealed_body: Vec<u8>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// How often delivery was tried, this time included.
    pub attempts: i64,
}

/// A message to be stored.
#[derive(Debug)]
pub struct NewMessage {
    /// Its identifier.
    pub id: MessageId,
    /// What it is about.
    pub kind: &'static str,
    /// How it travels.
    pub channel: &'static str,
    /// Recipient and contents, sealed.
    pub sealed_body: Vec<u8>,
    /// When it loses its point.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Adds a message to the transaction of what it announces.
pub async fn insert(tx: &Tx, message: NewMessage, now: DateTime<Utc>) -> Result<(), Fault> {
    let row = ActiveModel {
        id: ActiveValue::Set(message.id.uuid()),
        kind: ActiveValue::Set(message.kind.to_owned()),
        channel: ActiveValue::Set(message.channel.to_owned()),
        sealed_body: ActiveValue::Set(Some(message.sealed_body)),
        created_at: ActiveValue::Set(now),
        available_at: ActiveValue::Set(now),
        attempts: ActiveValue::Set(0),
        delivered_at: ActiveValue::Set(None),
        dead_at: ActiveValue::Set(None),
        last_failure: ActiveValue::Set(None),
        expires_at: ActiveValue::Set(message.expires_at),
    };
    Entity::insert(row).exec_without_returning(&tx.0).await?;
    Ok(())
}

fn undelivered() -> Condition {
    Condition::all()
        .add(Column::DeliveredAt.is_null())
        .add(Column::DeadAt.is_null())
}

/// Claims due messages, oldest first, until `leased_until`; other workers pass them over.
pub async fn claim(
    database: &Database,
    limit: u64,
    leased_until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<ClaimedMessage>, Fault> {
    let mut due = Query::select();
    due.column(Column::Id)
        .from(Entity)
        .cond_where(undelivered().add(Column::AvailableAt.lte(now)))
        .order_by(Column::AvailableAt, Order::Asc)
        .limit(limit);
    if !database.is_sqlite() {
        due.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let rows: Vec<Model> = Entity::update_many()
        .col_expr(Column::AvailableAt, Expr::value(leased_until))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::Id.in_subquery(due))
        .exec_with_returning(&database.primary)
        .await?;
    let mut claimed: Vec<ClaimedMessage> = rows.into_iter().filter_map(claimed_message).collect();
    claimed.sort_by_key(|message| message.id);
    Ok(claimed)
}

fn claimed_message(row: Model) -> Option<ClaimedMessage> {
    Some(ClaimedMessage {
        id: row.id.into(),
        kind: row.kind,
        channel: row.channel,
        sealed_body: row.sealed_body?,
        created_at: row.created_at,
        attempts: row.attempts,
    })
}

/// Notes a delivery and removes the contents.
pub async fn deliver(database: &Database, id: MessageId, now: DateTime<Utc>) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::DeliveredAt, Expr::value(now))
        .col_expr(Column::SealedBody, Expr::value(Option::<Vec<u8>>::None))
        .filter(Column::Id.eq(id.uuid()))
        .exec(&database.primary)
        .await?;
    Ok(())
}

/// Notes a failed attempt: when to try again, or that it is given up.
pub async fn postpone(
    database: &Database,
    id: MessageId,
    failure: &str,
    retry_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let mut update =
        Entity::update_many().col_expr(Column::LastFailure, Expr::value(failure.to_owned()));
    update = match retry_at {
        Some(at) => update.col_expr(Column::AvailableAt, Expr::value(at)),
        None => update.col_expr(Column::DeadAt, Expr::value(now)),
    };
    update
        .filter(Column::Id.eq(id.uuid()))
        .exec(&database.primary)
        .await?;
    Ok(())
}

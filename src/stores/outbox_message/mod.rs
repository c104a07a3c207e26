//! The outbox: messages that were decided on and are not delivered yet.
//!
//! Here are the statements that deliver; what operators look at is in `trail`.

mod trail;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockBehavior, LockType, Query, SelectStatement};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, EntityTrait, ExprTrait, Order, QueryFilter, UpdateMany,
};

use super::database::{Database, Tx};
use crate::domain::ids::MessageId;
use crate::entities::outbox_message::{ActiveModel, Column, Entity, Model};
use crate::fault::Fault;

pub use trail::{DeadMessage, Depth, Revived, dead, depth, purge, revive};

/// The channel of messages to nobody.
pub const NOWHERE: &str = "none";

/// Rows that one tidying statement touches at most, so that none runs long.
const AT_ONCE: u64 = 5_000;

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
    /// How often delivery was tried, this time included. It also tells this claim from later ones.
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
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

fn undelivered() -> Condition {
    Condition::all()
        .add(Column::DeliveredAt.is_null())
        .add(Column::DeadAt.is_null())
}

/// The ids of at most `limit` rows, longest due first; rows that another worker holds are passed
/// over, so that workers never wait for each other.
fn due(database: &Database, which: Condition, limit: u64) -> SelectStatement {
    let mut due = Query::select();
    due.column(Column::Id)
        .from(Entity)
        .cond_where(which)
        .order_by(Column::AvailableAt, Order::Asc)
        .limit(limit);
    if !database.is_sqlite() {
        due.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    due
}

/// Claims due messages of this channel until `leased_until`; other workers pass them over.
pub async fn claim(
    database: &Database,
    channel: &str,
    limit: u64,
    leased_until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<ClaimedMessage>, Fault> {
    let sendable = undelivered()
        .add(Column::AvailableAt.lte(now))
        .add(Column::Channel.eq(channel))
        .add(
            Condition::any()
                .add(Column::ExpiresAt.is_null())
                .add(Column::ExpiresAt.gt(now)),
        );
    let rows: Vec<Model> = Entity::update_many()
        .col_expr(Column::AvailableAt, Expr::value(leased_until))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::Id.in_subquery(due(database, sendable, limit)))
        .exec_with_returning(database)
        .await?;
    let mut claimed: Vec<ClaimedMessage> = rows.into_iter().map(ClaimedMessage::from).collect();
    claimed.sort_by_key(|message| message.id);
    Ok(claimed)
}

impl From<Model> for ClaimedMessage {
    fn from(row: Model) -> Self {
        Self {
            id: row.id.into(),
            kind: row.kind,
            channel: row.channel,
            sealed_body: row.sealed_body.unwrap_or_default(),
            created_at: row.created_at,
            attempts: row.attempts,
        }
    }
}

/// Calls messages to nobody delivered, many at once, and says how many.
pub async fn settle_decoys(database: &Database, now: DateTime<Utc>) -> Result<u64, Fault> {
    let decoys = undelivered().add(Column::Channel.eq(NOWHERE));
    let settled = Entity::update_many()
        .col_expr(Column::DeliveredAt, Expr::value(now))
        .col_expr(Column::SealedBody, Expr::value(Option::<Vec<u8>>::None))
        .filter(Column::Id.in_subquery(due(database, decoys, AT_ONCE)))
        .exec(database)
        .await?;
    Ok(settled.rows_affected)
}

/// Gives up messages that have lost their point, removes their contents, and says how many.
///
/// One that a worker holds right now is left to it.
pub async fn expire(database: &Database, now: DateTime<Utc>) -> Result<u64, Fault> {
    let pointless = undelivered()
        .add(Column::ExpiresAt.lte(now))
        .add(Column::AvailableAt.lte(now));
    let reason = "'expired; ' || COALESCE(last_failure, 'it was never tried')";
    let expired = Entity::update_many()
        .col_expr(Column::DeadAt, Expr::value(now))
        .col_expr(Column::SealedBody, Expr::value(Option::<Vec<u8>>::None))
        .col_expr(Column::LastFailure, Expr::cust(reason))
        .filter(Column::Id.in_subquery(due(database, pointless, AT_ONCE)))
        .exec(database)
        .await?;
    Ok(expired.rows_affected)
}

/// Notes a delivery and removes the contents; `false` if the claim is not the caller's any more.
pub async fn deliver(
    database: &Database,
    claim: &ClaimedMessage,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::DeliveredAt, Expr::value(now))
        .col_expr(Column::SealedBody, Expr::value(Option::<Vec<u8>>::None));
    note(database, claim, update).await
}

/// Notes a failed attempt and when to try again; `false` as for [`deliver`].
pub async fn postpone(
    database: &Database,
    claim: &ClaimedMessage,
    failure: &str,
    retry_at: DateTime<Utc>,
) -> Result<bool, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::LastFailure, Expr::value(failure.to_owned()))
        .col_expr(Column::AvailableAt, Expr::value(retry_at));
    note(database, claim, update).await
}

/// Sets a message aside for a person to look at, with its contents; `false` as for [`deliver`].
pub async fn bury(
    database: &Database,
    claim: &ClaimedMessage,
    failure: &str,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::LastFailure, Expr::value(failure.to_owned()))
        .col_expr(Column::DeadAt, Expr::value(now));
    note(database, claim, update).await
}

/// Writes down how an attempt ended, if the message is still that attempt's.
///
/// A worker that was held up past its lease must not overwrite what a later one found out.
async fn note(
    database: &Database,
    claim: &ClaimedMessage,
    update: UpdateMany<Entity>,
) -> Result<bool, Fault> {
    let update = update
        .filter(Column::Id.eq(claim.id.uuid()))
        .filter(Column::Attempts.eq(claim.attempts))
        .filter(undelivered());
    // Sent but not noted means sent twice, so a dead connection is not the end of it.
    let noted = database.retried(|| update.clone().exec(database)).await?;
    Ok(noted.rows_affected == 1)
}

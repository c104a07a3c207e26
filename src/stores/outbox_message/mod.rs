//! The transactional outbox: messages that are not delivered yet.
//!
//! Claiming and completing messages; `dead_letters` has what operators see and change.

mod dead_letters;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockBehavior, LockType, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, IntoActiveModel as _, Order, QueryFilter,
    QuerySelect as _, UpdateMany,
};
use uuid::Uuid;

use super::database::{Database, Tx};
use crate::domain::ids::{MessageId, UserId};
use crate::entities::outbox_message::{Column, Entity, Model};
use crate::fault::Fault;

pub use dead_letters::{DeadLetter, Depth, Requeued, dead_letters, depth, requeue};

/// The channel of decoys, which are completed without being sent.
pub const DECOY_CHANNEL: &str = "none";

/// Rows that one cleanup statement touches at most, so that none runs long.
const BATCH_SIZE: u64 = 5_000;

/// A message that a worker has claimed for a while.
#[derive(Debug)]
pub struct ClaimedMessage {
    /// Its id, which is also its idempotency key.
    pub id: MessageId,
    /// The kind of message.
    pub kind: String,
    /// `email` or `sms`.
    pub channel: String,
    /// Recipient and contents, sealed.
    pub sealed_body: Vec<u8>,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// Delivery attempts, this one included. It also identifies this claim.
    pub attempts: i64,
}

/// A message to be stored.
#[derive(Debug)]
pub struct NewMessage {
    /// Its id.
    pub id: MessageId,
    /// The kind of message.
    pub kind: &'static str,
    /// `email`, `sms` or [`DECOY_CHANNEL`].
    pub channel: &'static str,
    /// Recipient and contents, sealed.
    pub sealed_body: Vec<u8>,
    /// After which it is not sent any more.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whose account it concerns; a decoy concerns none.
    pub user: Option<UserId>,
}

/// Enqueues a message in the transaction that it reports.
pub async fn insert(tx: &Tx, message: NewMessage, now: DateTime<Utc>) -> Result<(), Fault> {
    let row = Model {
        id: message.id.uuid(),
        kind: message.kind.to_owned(),
        channel: message.channel.to_owned(),
        sealed_body: Some(message.sealed_body),
        created_at: now,
        available_at: now,
        attempts: 0,
        delivered_at: None,
        dead_at: None,
        last_failure: None,
        expires_at: message.expires_at,
        user_id: message.user.map(UserId::uuid),
    };
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Withdraws the messages to a person that were not delivered, dead letters included; returns how
/// many. One that is on its way arrives.
pub async fn withdraw(tx: &Tx, user: UserId) -> Result<u64, Fault> {
    let outcome = Entity::delete_many()
        .filter(Column::UserId.eq(user.uuid()))
        .filter(Column::DeliveredAt.is_null())
        .exec(tx)
        .await?;
    Ok(outcome.rows_affected)
}

/// The messages to a person, delivered ones included.
pub async fn ids_of_user(tx: &Tx, user: UserId) -> Result<Vec<MessageId>, Fault> {
    let ids: Vec<Uuid> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::UserId.eq(user.uuid()))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(ids.into_iter().map(Into::into).collect())
}

fn undelivered() -> Condition {
    Condition::all()
        .add(Column::DeliveredAt.is_null())
        .add(Column::DeadAt.is_null())
}

/// The ids of at most `limit` rows, longest due first. Rows that another worker has locked are
/// skipped, so that workers never wait for each other.
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

/// Selects a message for which a worker with these channels has something to do: sending it,
/// dead-lettering it because it has expired, or completing a decoy.
pub(in crate::stores) fn any_due(channels: &[&str], now: DateTime<Utc>) -> SelectStatement {
    let sent_or_expired = Condition::all().add(Column::AvailableAt.lte(now)).add(
        Condition::any()
            .add(Column::Channel.is_in(channels.iter().copied()))
            .add(Column::ExpiresAt.lte(now)),
    );
    let mut any = Query::select();
    any.column(Column::Id).from(Entity).cond_where(
        undelivered().add(
            Condition::any()
                .add(Column::Channel.eq(DECOY_CHANNEL))
                .add(sent_or_expired),
        ),
    );
    any
}

/// Claims due messages of this channel until `leased_until`, so that other workers skip them.
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

/// Marks decoys as delivered; returns how many.
pub async fn complete_decoys(database: &Database, now: DateTime<Utc>) -> Result<u64, Fault> {
    let decoys = undelivered().add(Column::Channel.eq(DECOY_CHANNEL));
    let outcome = Entity::update_many()
        .col_expr(Column::DeliveredAt, Expr::value(now))
        .col_expr(Column::SealedBody, Expr::value(Option::<Vec<u8>>::None))
        .filter(Column::Id.in_subquery(due(database, decoys, BATCH_SIZE)))
        .exec(database)
        .await?;
    Ok(outcome.rows_affected)
}

/// Dead-letters expired messages without their contents; returns how many. A message that is
/// claimed is left to its worker.
pub async fn expire(database: &Database, now: DateTime<Utc>) -> Result<u64, Fault> {
    let expired = undelivered()
        .add(Column::ExpiresAt.lte(now))
        .add(Column::AvailableAt.lte(now));
    let reason = "'expired; ' || COALESCE(last_failure, 'it was never tried')";
    let outcome = Entity::update_many()
        .col_expr(Column::DeadAt, Expr::value(now))
        .col_expr(Column::SealedBody, Expr::value(Option::<Vec<u8>>::None))
        .col_expr(Column::LastFailure, Expr::cust(reason))
        .filter(Column::Id.in_subquery(due(database, expired, BATCH_SIZE)))
        .exec(database)
        .await?;
    Ok(outcome.rows_affected)
}

/// Marks a message as delivered and removes its contents; `false` if the claim is stale.
pub async fn deliver(
    database: &Database,
    claim: &ClaimedMessage,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::DeliveredAt, Expr::value(now))
        .col_expr(Column::SealedBody, Expr::value(Option::<Vec<u8>>::None));
    complete(database, claim, update).await
}

/// Records a failed attempt and schedules the next one; `false` if the claim is stale.
pub async fn postpone(
    database: &Database,
    claim: &ClaimedMessage,
    failure: &str,
    retry_at: DateTime<Utc>,
) -> Result<bool, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::LastFailure, Expr::value(failure.to_owned()))
        .col_expr(Column::AvailableAt, Expr::value(retry_at));
    complete(database, claim, update).await
}

/// Dead-letters a message, with its contents, for an operator; `false` if the claim is stale.
pub async fn dead_letter(
    database: &Database,
    claim: &ClaimedMessage,
    failure: &str,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::LastFailure, Expr::value(failure.to_owned()))
        .col_expr(Column::DeadAt, Expr::value(now));
    complete(database, claim, update).await
}

/// Completes an attempt unless its claim is stale: a worker that outlives its lease must not
/// overwrite the outcome of a later one.
async fn complete(
    database: &Database,
    claim: &ClaimedMessage,
    update: UpdateMany<Entity>,
) -> Result<bool, Fault> {
    let update = update
        .filter(Column::Id.eq(claim.id.uuid()))
        .filter(Column::Attempts.eq(claim.attempts))
        .filter(undelivered());
    // A message that was sent and not recorded would be sent twice, so try again on a dead
    // connection.
    let outcome = database.retried(|| update.clone().exec(database)).await?;
    Ok(outcome.rows_affected == 1)
}

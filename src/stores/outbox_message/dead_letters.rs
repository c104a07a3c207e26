//! Dead letters and queue depth, for operators: never contents or recipients.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, Order, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use super::DECOY_CHANNEL;
use crate::domain::ids::MessageId;
use crate::entities::outbox_message::{Column, Entity};
use crate::fault::Fault;
use crate::stores::database::Database;

/// A message whose delivery was given up.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Its id.
    pub id: MessageId,
    /// The kind of message.
    pub kind: String,
    /// `email` or `sms`.
    pub channel: String,
    /// Delivery attempts.
    pub attempts: i64,
    /// The last error.
    pub last_failure: String,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When it became a dead letter.
    pub dead_at: DateTime<Utc>,
    /// After which it is not sent any more.
    pub expires_at: Option<DateTime<Utc>>,
}

/// How many messages of one channel there are.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Depth {
    /// The channel.
    pub channel: String,
    /// Not delivered yet.
    pub waiting: i64,
    /// Dead letters.
    pub dead: i64,
    /// When the oldest waiting one was enqueued.
    pub oldest: Option<DateTime<Utc>>,
}

/// The outcome of requeueing dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requeued {
    /// Messages that will be sent.
    pub requeued: u64,
    /// Messages that stay dead letters because they have expired.
    pub expired: u64,
}

#[derive(FromQueryResult)]
struct DeadLetterRow {
    id: Uuid,
    kind: String,
    channel: String,
    attempts: i64,
    last_failure: Option<String>,
    created_at: DateTime<Utc>,
    dead_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
}

fn is_dead() -> Condition {
    Condition::all().add(Column::DeadAt.is_not_null())
}

/// The dead letters, newest first.
pub async fn dead_letters(database: &Database, limit: u64) -> Result<Vec<DeadLetter>, Fault> {
    let columns = [
        Column::Id,
        Column::Kind,
        Column::Channel,
        Column::Attempts,
        Column::LastFailure,
        Column::CreatedAt,
        Column::DeadAt,
        Column::ExpiresAt,
    ];
    let rows: Vec<DeadLetterRow> = Entity::find()
        .select_only()
        .columns(columns)
        .filter(is_dead())
        .order_by(Column::DeadAt, Order::Desc)
        .order_by(Column::Id, Order::Desc)
        .limit(limit)
        .into_model()
        .all(database)
        .await?;
    let dead = rows.into_iter().map(|row| DeadLetter {
        id: row.id.into(),
        kind: row.kind,
        channel: row.channel,
        attempts: row.attempts,
        last_failure: row.last_failure.unwrap_or_default(),
        created_at: row.created_at,
        dead_at: row.dead_at,
        expires_at: row.expires_at,
    });
    Ok(dead.collect())
}

/// Makes one dead letter, or all of them, due again as if never attempted.
pub async fn requeue(
    database: &Database,
    id: Option<MessageId>,
    now: DateTime<Utc>,
) -> Result<Requeued, Fault> {
    let meant = || match id {
        Some(id) => is_dead().add(Column::Id.eq(id.uuid())),
        None => is_dead(),
    };
    let unexpired = Condition::any()
        .add(Column::ExpiresAt.is_null())
        .add(Column::ExpiresAt.gt(now));
    let requeued = Entity::update_many()
        .col_expr(Column::DeadAt, Expr::value(Option::<DateTime<Utc>>::None))
        .col_expr(Column::AvailableAt, Expr::value(now))
        .col_expr(Column::Attempts, Expr::value(0_i64))
        .filter(meant().add(Column::SealedBody.is_not_null()).add(unexpired))
        .exec(database)
        .await?;
    let left = Entity::find()
        .select_only()
        .column_as(Column::Id.count(), "count")
        .filter(meant())
        .into_tuple::<i64>()
        .one(database)
        .await?;
    Ok(Requeued {
        requeued: requeued.rows_affected,
        expired: u64::try_from(left.unwrap_or(0))?,
    })
}

/// Waiting messages and dead letters by channel.
pub async fn depth(database: &Database) -> Result<Vec<Depth>, Fault> {
    let count = |condition: &str| Expr::cust(format!("COUNT(CASE WHEN {condition} THEN 1 END)"));
    let depth = Entity::find()
        .select_only()
        .column(Column::Channel)
        .column_as(count("dead_at IS NULL"), "waiting")
        .column_as(count("dead_at IS NOT NULL"), "dead")
        .column_as(
            Expr::cust("MIN(CASE WHEN dead_at IS NULL THEN created_at END)"),
            "oldest",
        )
        .filter(Column::DeliveredAt.is_null())
        .filter(Column::Channel.ne(DECOY_CHANNEL))
        .group_by(Column::Channel);
    Ok(depth.into_model().all(database).await?)
}

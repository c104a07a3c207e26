//! Rows whose time is over, by kind: counting them, and deleting them in batches.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{
    DynIden, Expr, ExprTrait as _, Func, IntoIden, LockBehavior, LockType, Query, SelectStatement,
};
use sea_orm::{ColumnTrait as _, Condition, ConnectionTrait as _, DatabaseBackend};

use super::database::{Database, Tx};
use crate::entities::{
    avatar_upload, data_export, erasure_request, link, outbox_message, redemption, refresh_token,
    session,
};
use crate::fault::Fault;

/// Rows that one statement deletes at most. Deleting a session deletes its tokens, too.
const BATCH_SIZE: u64 = 1_000;

/// The transaction lock of those who delete: see [`lock`].
const LOCK: i64 = 7_246_128_362;

/// A kind of rows that are deleted when their time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiredRows {
    /// Consumed refresh tokens that expired.
    RefreshTokens,
    /// Sessions that expired or were revoked.
    Sessions,
    /// Links that expired.
    Links,
    /// Consumed proofs that would be refused without a row, too.
    Redemptions,
    /// Places for uploads that expired.
    AvatarUploads,
    /// Messages that were delivered.
    DeliveredMessages,
    /// Messages that were given up.
    DeadLetters,
    /// Requests to erase an account that were not confirmed in time.
    ErasureRequests,
    /// Exports of personal data that cannot be downloaded any more, with their archives.
    DataExports,
}

impl ExpiredRows {
    /// The table.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::RefreshTokens => "refresh_tokens",
            Self::Sessions => "sessions",
            Self::Links => "links",
            Self::Redemptions => "redemptions",
            Self::AvatarUploads => "avatar_uploads",
            Self::DeliveredMessages | Self::DeadLetters => "outbox_messages",
            Self::ErasureRequests => "erasure_requests",
            Self::DataExports => "data_exports",
        }
    }

    /// The table and its primary key.
    fn key(self) -> (DynIden, DynIden) {
        match self {
            Self::RefreshTokens => idens(refresh_token::Entity, refresh_token::Column::Id),
            Self::Sessions => idens(session::Entity, session::Column::Id),
            Self::Links => idens(link::Entity, link::Column::Id),
            Self::Redemptions => idens(redemption::Entity, redemption::Column::Digest),
            Self::AvatarUploads => idens(avatar_upload::Entity, avatar_upload::Column::Id),
            Self::DeliveredMessages | Self::DeadLetters => {
                idens(outbox_message::Entity, outbox_message::Column::Id)
            }
            Self::ErasureRequests => {
                idens(erasure_request::Entity, erasure_request::Column::UserId)
            }
            Self::DataExports => idens(data_export::Entity, data_export::Column::Id),
        }
    }

    /// The rows whose time was over before `until`.
    fn before(self, until: DateTime<Utc>) -> Condition {
        match self {
            Self::RefreshTokens => Condition::all()
                .add(refresh_token::Column::ExpiresAt.lt(until))
                .add(refresh_token::Column::ConsumedAt.is_not_null()),
            Self::Sessions => Condition::any()
                .add(session::Column::ExpiresAt.lt(until))
                .add(session::Column::RevokedAt.lt(until)),
            Self::Links => Condition::all().add(link::Column::ExpiresAt.lt(until)),
            Self::Redemptions => Condition::all().add(redemption::Column::ExpiresAt.lt(until)),
            Self::AvatarUploads => {
                Condition::all().add(avatar_upload::Column::ExpiresAt.lte(until))
            }
            Self::DeliveredMessages => {
                Condition::all().add(outbox_message::Column::DeliveredAt.lte(until))
            }
            Self::DeadLetters => Condition::all().add(outbox_message::Column::DeadAt.lte(until)),
            Self::ErasureRequests => {
                Condition::all().add(erasure_request::Column::ExpiresAt.lt(until))
            }
            Self::DataExports => Condition::all().add(data_export::Column::ExpiresAt.lte(until)),
        }
    }

    fn select(self, until: DateTime<Utc>) -> SelectStatement {
        let (table, _) = self.key();
        let mut select = Query::select();
        select.from(table).cond_where(self.before(until));
        select
    }
}

fn idens(table: impl IntoIden, key: impl IntoIden) -> (DynIden, DynIden) {
    (table.into_iden(), key.into_iden())
}

/// How many rows of a kind had their time over before `until`.
pub async fn count(
    database: &Database,
    rows: ExpiredRows,
    until: DateTime<Utc>,
) -> Result<u64, Fault> {
    let (_, key) = rows.key();
    let mut select = rows.select(until);
    select.expr_as(Func::count(Expr::col(key)), "count");
    let row = database.query_one(&select).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.try_get("", "count"))?;
    Ok(u64::try_from(count)?)
}

/// Deletes one batch of them; returns how many. Rows that a request has locked are left to the next
/// batch, so that neither waits for the other.
pub async fn delete_batch(tx: &Tx, rows: ExpiredRows, until: DateTime<Utc>) -> Result<u64, Fault> {
    let (table, key) = rows.key();
    let mut batch = rows.select(until);
    batch.column(key.clone()).limit(BATCH_SIZE);
    if tx.get_database_backend() == DatabaseBackend::Postgres {
        batch.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let mut delete = Query::delete();
    delete
        .from_table(table)
        .and_where(Expr::col(key).in_subquery(batch));
    Ok(tx.execute(&delete).await?.rows_affected())
}

/// Becomes the only one who deletes until the end of the transaction; `false` if another instance
/// is. The lock is the transaction's, so a crashed instance or a pooled connection does not keep it.
pub async fn lock(tx: &Tx) -> Result<bool, Fault> {
    // SQLite has one writer at a time: the transaction itself is the lock.
    if tx.get_database_backend() != DatabaseBackend::Postgres {
        return Ok(true);
    }
    let attempt = Func::cust("pg_try_advisory_xact_lock").arg(LOCK);
    let select = Query::select().expr_as(attempt, "locked").to_owned();
    let row = tx.query_one(&select).await?;
    Ok(row.map_or(Ok(false), |row| row.try_get("", "locked"))?)
}

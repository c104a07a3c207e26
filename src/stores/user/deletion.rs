//! Soft deletion, restoration and erasure.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{
    Expr, ExprTrait as _, LockBehavior, LockType, Order, Query, SelectStatement,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseBackend, EntityTrait, FromQueryResult,
    JoinType, PaginatorTrait as _, QueryFilter, QueryOrder, QueryResult, QuerySelect,
    QueryTrait as _, RelationTrait, SqlErr,
};
use serde_json::Value;
use uuid::Uuid;

use super::{Credentials, Row, apply_if, has_identifier, with_credentials};
use crate::domain::email::EmailAddress;
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::domain::user::{Contact, User};
use crate::entities::deleted_record;
use crate::entities::user::{Column, Entity, Model, Relation};
use crate::fault::Fault;
use crate::stores::{Database, Tx};

/// An account that a password may sign in to: a live one, or one that its owner has deleted and may
/// bring back.
#[derive(Debug)]
pub struct SignInAccount {
    /// The account.
    pub account: Credentials,
    /// Until when a deleted one can be brought back.
    pub restorable_until: Option<DateTime<Utc>>,
}

impl SignInAccount {
    /// Whether its owner has deleted it.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.account.user.is_deleted()
    }
}

struct SignInRow {
    account: Row,
    restorable_until: Option<DateTime<Utc>>,
}

impl FromQueryResult for SignInRow {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self {
            account: Row::from_query_result(row, prefix)?,
            restorable_until: row.try_get(prefix, "restorable_until")?,
        })
    }
}

/// The live account with this identifier, else the last one that its owner deleted and may bring
/// back. One statement in any case, so that its cost tells nothing.
pub async fn find_to_sign_in(
    connection: &impl ConnectionTrait,
    identifier: &Identifier,
    now: DateTime<Utc>,
) -> Result<Option<SignInAccount>, Fault> {
    let (this, other) = match identifier {
        Identifier::Phone(_) => (Column::PhoneVerified, Column::EmailVerified),
        Identifier::Email(_) | Identifier::Other(_) => {
            (Column::EmailVerified, Column::PhoneVerified)
        }
    };
    let is_cancellable = Expr::col(deleted_record::Column::DeletedBy.as_column_ref())
        .eq(Expr::col(Column::Id.as_column_ref()))
        .and(deleted_record::Column::RestorableUntil.gt(now));
    let row = with_credentials(Entity::find())
        .join(JoinType::LeftJoin, Relation::DeletedRecord.def())
        .column_as(deleted_record::Column::RestorableUntil, "restorable_until")
        .filter(has_identifier(identifier))
        .filter(Column::DeletedAt.is_null().or(is_cancellable))
        .order_by_desc(Column::DeletedAt.is_null())
        .order_by_desc(this)
        .order_by_desc(other)
        .order_by_desc(Column::DeletedAt)
        .into_model::<SignInRow>()
        .one(connection)
        .await?;
    row.map(|row| {
        Ok(SignInAccount {
            account: row.account.try_into()?,
            restorable_until: row.restorable_until,
        })
    })
    .transpose()
}

/// Every column of an account, as JSON.
pub async fn as_json(tx: &Tx, id: UserId) -> Result<Option<Value>, Fault> {
    let row = Entity::find_by_id(id.uuid()).one(tx).await?;
    Ok(row.map(serde_json::to_value).transpose()?)
}

/// Soft-deletes a live account, which frees its addresses; `None` when it was deleted before.
///
/// The new version of the credentials ends codes and device tokens, and sign-ins in progress.
pub async fn mark_deleted(tx: &Tx, id: UserId, now: DateTime<Utc>) -> Result<Option<User>, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::DeletedAt, Expr::value(now))
        .col_expr(
            Column::CredentialVersion,
            Expr::col(Column::CredentialVersion).add(1),
        )
        .filter(Column::DeletedAt.is_null());
    apply_if(tx, id, update).await
}

/// Makes a deleted account live again; `None` when another account has one of its addresses, which
/// aborts the transaction.
pub async fn mark_restored(tx: &Tx, id: UserId) -> Result<Option<User>, Fault> {
    let rows = Entity::update_many()
        .col_expr(
            Column::DeletedAt,
            Expr::value(Option::<DateTime<Utc>>::None),
        )
        .filter(Column::Id.eq(id.uuid()))
        .filter(Column::DeletedAt.is_not_null())
        .exec_with_returning(tx)
        .await;
    match rows {
        Ok(rows) => {
            let row = rows.into_iter().next();
            let row = row.ok_or_else(|| Fault::new("the account to restore is not deleted"))?;
            Ok(Some(row.try_into()?))
        }
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Which addresses of a deleted account another one has by now, as the unique indices of live
/// accounts see it.
pub async fn taken_addresses(tx: &Tx, deleted: &User) -> Result<Vec<Contact>, Fault> {
    let email = deleted.email.as_deref();
    let email = email.filter(|_| deleted.email_verified || !deleted.phone_verified);
    let email = email.and_then(|email| EmailAddress::parse(email).ok());
    let phone = deleted.phone.as_deref();
    let phone = phone.filter(|_| deleted.phone_verified || !deleted.email_verified);
    let owns = |verified: Column, other: Column| verified.eq(true).or(other.eq(false));
    let has_email = email.map(|email| {
        Condition::all()
            .add(Column::EmailCanonical.eq(email.canonical()))
            .add(owns(Column::EmailVerified, Column::PhoneVerified))
    });
    let has_phone = phone.map(|phone| {
        Condition::all()
            .add(Column::Phone.eq(phone))
            .add(owns(Column::PhoneVerified, Column::EmailVerified))
    });
    let mut taken = Vec::new();
    for (contact, which) in [(Contact::Email, has_email), (Contact::Phone, has_phone)] {
        let Some(which) = which else { continue };
        let holder: Option<Uuid> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(which)
            .filter(Column::DeletedAt.is_null())
            .into_tuple()
            .one(tx)
            .await?;
        if holder.is_some() {
            taken.push(contact);
        }
    }
    Ok(taken)
}

/// The accounts with a record whose time to be restored was over at `now`, the most overdue first.
fn overdue(now: DateTime<Utc>) -> SelectStatement {
    Query::select()
        .column(deleted_record::Column::RecordId)
        .from(deleted_record::Entity)
        .and_where(deleted_record::Column::RestorableUntil.lte(now))
        .order_by(deleted_record::Column::RestorableUntil, Order::Asc)
        .to_owned()
}

/// Accounts that were deleted by `until` and have no record: they lost their only address to its
/// owner, and were never verified.
fn unrecorded(until: DateTime<Utc>) -> Condition {
    let record = Query::select()
        .expr(Expr::val(1))
        .from(deleted_record::Entity)
        .and_where(
            Expr::col(deleted_record::Column::RecordId.as_column_ref())
                .eq(Expr::col(Column::Id.as_column_ref())),
        )
        .to_owned();
    Condition::all()
        .add(Column::DeletedAt.lte(until))
        .add(Expr::exists(record).not())
}

/// How many accounts could not be restored any more at `now`; those without a record count from their
/// deletion, until `unrecorded_until`.
pub async fn count_due(
    database: &Database,
    now: DateTime<Utc>,
    unrecorded_until: DateTime<Utc>,
) -> Result<u64, Fault> {
    let is_due = Condition::any()
        .add(Column::Id.in_subquery(overdue(now)))
        .add(unrecorded(unrecorded_until));
    let accounts = Entity::find()
        .filter(Column::DeletedAt.is_not_null())
        .filter(is_due);
    Ok(accounts.count(database).await?)
}

/// Locks at most `limit` of them. Those that a request has locked are skipped.
pub async fn lock_due(
    tx: &Tx,
    limit: u64,
    now: DateTime<Utc>,
    unrecorded_until: DateTime<Utc>,
) -> Result<Vec<User>, Fault> {
    let recorded = Column::Id.in_subquery(overdue(now).limit(limit).to_owned());
    let recorded = Condition::all()
        .add(Column::DeletedAt.is_not_null())
        .add(recorded);
    let mut found = lock_some(tx, limit, recorded).await?;
    let left = limit.saturating_sub(u64::try_from(found.len())?);
    if left > 0 {
        found.extend(lock_some(tx, left, unrecorded(unrecorded_until)).await?);
    }
    Ok(found)
}

async fn lock_some(tx: &Tx, limit: u64, which: Condition) -> Result<Vec<User>, Fault> {
    let mut select = Entity::find()
        .filter(which)
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_query();
    if tx.get_database_backend() == DatabaseBackend::Postgres {
        select.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let rows = tx.query_all(&select).await?;
    rows.iter()
        .map(|row| Ok(Model::read(row, &mut 0)?.try_into()?))
        .collect()
}

/// Removes an account, and by the foreign keys what belongs to it: password, identities, links,
/// sessions with their tokens, messages, and the records of its deletion and erasure.
pub async fn delete(tx: &Tx, id: UserId) -> Result<bool, Fault> {
    let outcome = Entity::delete_by_id(id.uuid()).exec(tx).await?;
    Ok(outcome.rows_affected == 1)
}

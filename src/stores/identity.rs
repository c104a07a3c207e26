//! Identities at providers.
//!
//! An unlinked identity keeps its row, marked: it cannot be used to sign in, and prevents that it is linked
//! again automatically. The marks are per account, so a provider identity has at most one linked
//! row, and any number of unlinked ones at other accounts.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Order, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, EntityTrait, IntoActiveModel as _, PaginatorTrait as _,
    QueryFilter, QueryOrder as _, SqlErr, TryInsertResult,
};
use serde_json::Value;
use uuid::Uuid;

use super::bulk;
use super::database::Tx;
use crate::domain::identity::Identity;
use crate::domain::ids::{IdentityId, UserId};
use crate::entities::deleted_record;
use crate::entities::identity::{Column, Entity, Model};
use crate::fault::Fault;

/// A new identity.
#[derive(Debug)]
pub struct NewIdentity<'a> {
    /// Its id.
    pub id: IdentityId,
    /// The account it signs in to.
    pub user_id: UserId,
    /// The provider (`iss`).
    pub issuer: &'a str,
    /// The person there (`sub`).
    pub subject: &'a str,
    /// The e-mail address from the provider.
    pub email: Option<&'a str>,
    /// The time of the sign-in, if this is one.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The current time.
    pub now: DateTime<Utc>,
}

/// The linked identity of a person at a provider.
pub async fn find(tx: &Tx, issuer: &str, subject: &str) -> Result<Option<Identity>, Fault> {
    let row = Entity::find()
        .filter(Column::Issuer.eq(issuer))
        .filter(Column::Subject.eq(subject))
        .filter(Column::UnlinkedAt.is_null())
        .one(tx)
        .await?;
    Ok(row.map(Into::into))
}

/// The linked identities of an account, oldest first.
pub async fn of_user(tx: &Tx, user: UserId) -> Result<Vec<Identity>, Fault> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.uuid()))
        .filter(Column::UnlinkedAt.is_null())
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The ids of these accounts at a provider, and whether each is linked.
pub async fn of_users(
    tx: &Tx,
    issuer: &str,
    users: &[UserId],
) -> Result<Vec<(UserId, String, bool)>, Fault> {
    let rows = Entity::find()
        .filter(Column::UserId.is_in(users.iter().map(|user| user.uuid())))
        .filter(Column::Issuer.eq(issuer))
        .order_by_asc(Column::Id)
        .all(tx)
        .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|row| (row.user_id.into(), row.subject, row.unlinked_at.is_none()))
        .collect())
}

/// Whether any identity at this provider is or was linked with the account.
pub async fn has_been_linked(tx: &Tx, user: UserId, issuer: &str) -> Result<bool, Fault> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.uuid()))
        .filter(Column::Issuer.eq(issuer))
        .count(tx)
        .await?;
    Ok(rows > 0)
}

/// Links an identity; `false` when it is linked with an account already, also concurrently.
///
/// The unlinked row of this account is replaced; those of other accounts stay.
pub async fn insert(tx: &Tx, new: NewIdentity<'_>) -> Result<bool, Fault> {
    Entity::delete_many()
        .filter(Column::UserId.eq(new.user_id.uuid()))
        .filter(Column::Issuer.eq(new.issuer))
        .filter(Column::Subject.eq(new.subject))
        .filter(Column::UnlinkedAt.is_not_null())
        .exec(tx)
        .await?;
    let outcome = Entity::insert(row(&new).into_active_model())
        // No conflict target, so that it covers both unique indices.
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .try_insert()
        .exec_without_returning(tx)
        .await?;
    Ok(matches!(outcome, TryInsertResult::Inserted(1..)))
}

/// Which of these subjects of a provider are linked, and with which accounts.
pub async fn linked_subjects(
    tx: &Tx,
    issuer: &str,
    subjects: Vec<String>,
) -> Result<Vec<(String, UserId)>, Fault> {
    let rows = Entity::find()
        .filter(Column::Issuer.eq(issuer))
        .filter(Column::Subject.is_in(subjects))
        .filter(Column::UnlinkedAt.is_null())
        .all(tx)
        .await?;
    let rows = rows.into_iter();
    Ok(rows.map(|row| (row.subject, row.user_id.into())).collect())
}

/// Links the identities of many new accounts; `false` when one is linked already, which fails the
/// transaction.
pub async fn insert_many(tx: &Tx, identities: Vec<NewIdentity<'_>>) -> Result<bool, Fault> {
    let rows = identities
        .into_iter()
        .map(|new| row(&new).into_active_model());
    bulk::insert(tx, rows.collect()).await
}

fn row(new: &NewIdentity<'_>) -> Model {
    Model {
        id: new.id.uuid(),
        user_id: new.user_id.uuid(),
        issuer: new.issuer.to_owned(),
        subject: new.subject.to_owned(),
        email: new.email.map(str::to_owned),
        created_at: new.now,
        last_used_at: new.last_used_at,
        unlinked_at: None,
    }
}

/// Records a sign-in.
pub async fn touch(tx: &Tx, id: IdentityId, now: DateTime<Utc>) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(now))
        .filter(Column::Id.eq(id.uuid()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Unlinks an identity. The owner is part of the condition, so the id of another person's identity
/// has no effect (IDOR).
pub async fn unlink(
    tx: &Tx,
    owner: UserId,
    id: IdentityId,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    let outcome = Entity::update_many()
        .col_expr(Column::UnlinkedAt, Expr::value(now))
        .filter(Column::Id.eq(id.uuid()))
        .filter(Column::UserId.eq(owner.uuid()))
        .filter(Column::UnlinkedAt.is_null())
        .exec(tx)
        .await?;
    Ok(outcome.rows_affected == 1)
}

/// Unlinks all linked identities of an account that is deleted, so that others can link them; returns
/// them as JSON.
pub async fn unlink_all(tx: &Tx, user: UserId, now: DateTime<Utc>) -> Result<Vec<Value>, Fault> {
    let rows: Vec<Model> = Entity::update_many()
        .col_expr(Column::UnlinkedAt, Expr::value(now))
        .filter(Column::UserId.eq(user.uuid()))
        .filter(Column::UnlinkedAt.is_null())
        .exec_with_returning(tx)
        .await?;
    let mut linked: Vec<Model> = rows
        .into_iter()
        .map(|row| Model {
            unlinked_at: None,
            ..row
        })
        .collect();
    linked.sort_by_key(|row| (row.created_at, row.id));
    let linked = linked.iter().map(serde_json::to_value);
    Ok(linked.collect::<Result<_, _>>()?)
}

/// Whether another account has linked any of these identities of an account meanwhile.
pub async fn are_linked_elsewhere(
    tx: &Tx,
    user: UserId,
    ids: &[IdentityId],
) -> Result<bool, Fault> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.uuid()))
        .filter(Column::Id.is_in(ids.iter().map(|id| id.uuid())))
        .all(tx)
        .await?;
    for row in rows {
        if find(tx, &row.issuer, &row.subject).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Links these identities of an account again; `false` when another account has linked one
/// concurrently, which aborts the transaction.
pub async fn relink(tx: &Tx, user: UserId, ids: &[IdentityId]) -> Result<bool, Fault> {
    let unset = Option::<DateTime<Utc>>::None;
    let outcome = Entity::update_many()
        .col_expr(Column::UnlinkedAt, Expr::value(unset))
        .filter(Column::UserId.eq(user.uuid()))
        .filter(Column::Id.is_in(ids.iter().map(|id| id.uuid())))
        .exec(tx)
        .await;
    match outcome {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// The account that its owner has deleted and may bring back, if this identity was linked with it
/// until then; the last one deleted, if there are several.
pub async fn find_deleted_owner(
    tx: &Tx,
    issuer: &str,
    subject: &str,
    now: DateTime<Utc>,
) -> Result<Option<UserId>, Fault> {
    let mut record = Query::select();
    record
        .column((deleted_record::Entity, deleted_record::Column::RecordId))
        .from(deleted_record::Entity)
        .inner_join(
            Entity,
            Expr::col((Entity, Column::UserId))
                .equals((deleted_record::Entity, deleted_record::Column::RecordId))
                .and(
                    Expr::col((Entity, Column::UnlinkedAt))
                        .equals((deleted_record::Entity, deleted_record::Column::DeletedAt)),
                ),
        )
        .and_where(Column::Issuer.eq(issuer))
        .and_where(Column::Subject.eq(subject))
        .and_where(Column::UnlinkedAt.is_not_null())
        .and_where(deleted_record::Column::RestorableUntil.gt(now))
        .and_where(
            Expr::col((deleted_record::Entity, deleted_record::Column::DeletedBy))
                .equals((deleted_record::Entity, deleted_record::Column::RecordId)),
        )
        .order_by(
            (deleted_record::Entity, deleted_record::Column::DeletedAt),
            Order::Desc,
        )
        .limit(1);
    let row = tx.query_one(&record).await?;
    let id: Option<Uuid> = row.map(|row| row.try_get_by_index(0)).transpose()?;
    Ok(id.map(Into::into))
}

/// Deletes every identity of an account; returns how many.
pub async fn delete_all_of_user(tx: &Tx, user: UserId) -> Result<u64, Fault> {
    let outcome = Entity::delete_many()
        .filter(Column::UserId.eq(user.uuid()))
        .exec(tx)
        .await?;
    Ok(outcome.rows_affected)
}

//! Identities at providers.
//!
//! A row that was taken off an account stays, marked: it opens nothing, and says that its owner
//! did not want it there. Each account remembers for itself, so a person at a provider has one
//! linked row at most, and any number of marked ones at other accounts.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue, ColumnTrait, EntityTrait, PaginatorTrait as _, QueryFilter, QueryOrder as _,
    TryInsertResult,
};

use super::database::Tx;
use crate::domain::identity::Identity;
use crate::domain::ids::{IdentityId, UserId};
use crate::entities::identity::{ActiveModel, Column, Entity};
use crate::fault::Fault;

/// What a new link starts with.
#[derive(Debug)]
pub struct NewIdentity<'a> {
    /// Its identifier, made by us.
    pub id: IdentityId,
    /// Whose account it opens.
    pub user_id: UserId,
    /// The provider.
    pub issuer: &'a str,
    /// Who the person is there.
    pub subject: &'a str,
    /// The e-mail address that the provider named.
    pub email: Option<&'a str>,
    /// When somebody signed in with it, if this is a sign-in.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The present.
    pub now: DateTime<Utc>,
}

/// The identity that opens an account for this person at a provider.
pub async fn find(tx: &Tx, issuer: &str, subject: &str) -> Result<Option<Identity>, Fault> {
    let row = Entity::find()
        .filter(Column::Issuer.eq(issuer))
        .filter(Column::Subject.eq(subject))
        .filter(Column::UnlinkedAt.is_null())
        .one(tx)
        .await?;
    Ok(row.map(Into::into))
}

/// The identities that open an account, oldest first.
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

/// Whether anybody at this provider ever was linked with the account, taken off or not.
pub async fn has_been_linked(tx: &Tx, user: UserId, issuer: &str) -> Result<bool, Fault> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.uuid()))
        .filter(Column::Issuer.eq(issuer))
        .count(tx)
        .await?;
    Ok(rows > 0)
}

/// Links a person at a provider; `false` when an account has them already, also one that links
/// them at this very moment: then the transaction is of no use any more.
///
/// What this account remembers of them begins anew; what other accounts remember stays.
pub async fn insert(tx: &Tx, new: NewIdentity<'_>) -> Result<bool, Fault> {
    Entity::delete_many()
        .filter(Column::UserId.eq(new.user_id.uuid()))
        .filter(Column::Issuer.eq(new.issuer))
        .filter(Column::Subject.eq(new.subject))
        .filter(Column::UnlinkedAt.is_not_null())
        .exec(tx)
        .await?;
    let row = ActiveModel {
        id: ActiveValue::Set(new.id.uuid()),
        user_id: ActiveValue::Set(new.user_id.uuid()),
        issuer: ActiveValue::Set(new.issuer.to_owned()),
        subject: ActiveValue::Set(new.subject.to_owned()),
        email: ActiveValue::Set(new.email.map(str::to_owned)),
        created_at: ActiveValue::Set(new.now),
        last_used_at: ActiveValue::Set(new.last_used_at),
        unlinked_at: ActiveValue::Set(None),
    };
    let outcome = Entity::insert(row)
        // Without a target: whichever index says that there is one.
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .try_insert()
        .exec_without_returning(tx)
        .await?;
    Ok(matches!(outcome, TryInsertResult::Inserted(1..)))
}

/// Notes a sign-in.
pub async fn touch(tx: &Tx, id: IdentityId, now: DateTime<Utc>) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(now))
        .filter(Column::Id.eq(id.uuid()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Takes an identity off its account.
///
/// The owner is part of the condition, so somebody else's identity is never met.
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

/// Forgets every identity of an account and says how many there were.
pub async fn delete_all_of_user(tx: &Tx, user: UserId) -> Result<u64, Fault> {
    let outcome = Entity::delete_many()
        .filter(Column::UserId.eq(user.uuid()))
        .exec(tx)
        .await?;
    Ok(outcome.rows_affected)
}

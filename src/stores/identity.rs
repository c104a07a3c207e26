//! Identities at providers.
//!
//! An unlinked identity keeps its row, marked: it cannot be used to sign in, and prevents that it is linked
//! again automatically. The marks are per account, so a provider identity has at most one linked
//! row, and any number of unlinked ones at other accounts.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel as _, PaginatorTrait as _, QueryFilter,
    QueryOrder as _, TryInsertResult,
};

use super::database::Tx;
use crate::domain::identity::Identity;
use crate::domain::ids::{IdentityId, UserId};
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
    let row = Model {
        id: new.id.uuid(),
        user_id: new.user_id.uuid(),
        issuer: new.issuer.to_owned(),
        subject: new.subject.to_owned(),
        email: new.email.map(str::to_owned),
        created_at: new.now,
        last_used_at: new.last_used_at,
        unlinked_at: None,
    };
    let outcome = Entity::insert(row.into_active_model())
        // No conflict target, so that it covers both unique indices.
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .try_insert()
        .exec_without_returning(tx)
        .await?;
    Ok(matches!(outcome, TryInsertResult::Inserted(1..)))
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

/// Deletes every identity of an account; returns how many.
pub async fn delete_all_of_user(tx: &Tx, user: UserId) -> Result<u64, Fault> {
    let outcome = Entity::delete_many()
        .filter(Column::UserId.eq(user.uuid()))
        .exec(tx)
        .await?;
    Ok(outcome.rows_affected)
}

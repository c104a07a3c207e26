//! Password hashes.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};

use super::database::Tx;
use crate::domain::ids::UserId;
use crate::entities::password::{ActiveModel, Column, Entity};
use crate::fault::Fault;

/// Gives an account its first password.
///
/// `set_before_proof` marks one that was chosen before anybody proved to own the address.
pub async fn insert(
    tx: &Tx,
    user: UserId,
    hash: String,
    set_before_proof: bool,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let row = ActiveModel {
        user_id: ActiveValue::Set(user.uuid()),
        hash: ActiveValue::Set(hash),
        set_before_proof: ActiveValue::Set(set_before_proof),
        changed_at: ActiveValue::Set(now),
    };
    Entity::insert(row).exec_without_returning(&tx.0).await?;
    Ok(())
}

/// Stores the same password under the parameters of today, if it is still that password.
pub async fn rehash(tx: &Tx, user: UserId, old: &str, new: String) -> Result<bool, Fault> {
    let outcome = Entity::update_many()
        .col_expr(Column::Hash, Expr::value(new))
        .filter(Column::UserId.eq(user.uuid()))
        .filter(Column::Hash.eq(old))
        .exec(&tx.0)
        .await?;
    Ok(outcome.rows_affected == 1)
}

/// Sets or replaces the password of an account that somebody has proven to own.
pub async fn replace(tx: &Tx, user: UserId, hash: String, now: DateTime<Utc>) -> Result<(), Fault> {
    let row = ActiveModel {
        user_id: ActiveValue::Set(user.uuid()),
        hash: ActiveValue::Set(hash),
        set_before_proof: ActiveValue::Set(false),
        changed_at: ActiveValue::Set(now),
    };
    let columns = [Column::Hash, Column::SetBeforeProof, Column::ChangedAt];
    Entity::insert(row)
        .on_conflict(
            OnConflict::column(Column::UserId)
                .update_columns(columns)
                .to_owned(),
        )
        .exec_without_returning(&tx.0)
        .await?;
    Ok(())
}

/// Takes the password away.
pub async fn delete(tx: &Tx, user: UserId) -> Result<(), Fault> {
    Entity::delete_by_id(user.uuid()).exec(&tx.0).await?;
    Ok(())
}

/// Notes that the owner of the address has confirmed this password.
pub async fn prove(tx: &Tx, user: UserId) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::SetBeforeProof, Expr::value(false))
        .filter(Column::UserId.eq(user.uuid()))
        .exec(&tx.0)
        .await?;
    Ok(())
}

//! Password hashes.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel as _, QueryFilter};

use super::database::Tx;
use crate::domain::ids::UserId;
use crate::entities::password::{Column, Entity, Model};
use crate::fault::Fault;

/// Sets the first password of an account.
pub async fn insert(tx: &Tx, user: UserId, hash: String, now: DateTime<Utc>) -> Result<(), Fault> {
    let row = row(user, hash, now);
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

fn row(user: UserId, hash: String, now: DateTime<Utc>) -> Model {
    Model {
        user_id: user.uuid(),
        hash,
        changed_at: now,
    }
}

/// Stores a hash of the same password with current parameters, unless the password was changed.
pub async fn rehash(tx: &Tx, user: UserId, old: &str, new: String) -> Result<bool, Fault> {
    let outcome = Entity::update_many()
        .col_expr(Column::Hash, Expr::value(new))
        .filter(Column::UserId.eq(user.uuid()))
        .filter(Column::Hash.eq(old))
        .exec(tx)
        .await?;
    Ok(outcome.rows_affected == 1)
}

/// Sets or replaces the password.
pub async fn replace(tx: &Tx, user: UserId, hash: String, now: DateTime<Utc>) -> Result<(), Fault> {
    Entity::insert(row(user, hash, now).into_active_model())
        .on_conflict(
            OnConflict::column(Column::UserId)
                .update_columns([Column::Hash, Column::ChangedAt])
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Removes the password.
pub async fn delete(tx: &Tx, user: UserId) -> Result<(), Fault> {
    Entity::delete_by_id(user.uuid()).exec(tx).await?;
    Ok(())
}

//! Password hashes.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};

use super::bulk;
use super::database::{Database, Tx};
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
        imported_rounds: None,
    }
}

/// An imported hash.
pub struct ImportedPassword {
    /// Whose it is.
    pub user: UserId,
    /// The hash, in its own text.
    pub hash: String,
    /// What a verification costs, in rounds of PBKDF2; `None` for a hash of ours.
    pub rounds: Option<u32>,
}

fn imported_row(password: ImportedPassword, now: DateTime<Utc>) -> Model {
    Model {
        imported_rounds: password.rounds.map(i64::from),
        ..row(password.user, password.hash, now)
    }
}

/// Stores the imported hashes of many new accounts.
pub async fn insert_imported(
    tx: &Tx,
    passwords: Vec<ImportedPassword>,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    let rows = passwords.into_iter();
    let rows = rows.map(|password| imported_row(password, now).into_active_model());
    bulk::insert(tx, rows.collect()).await
}

/// Sets or replaces the password of an account by an imported hash.
pub async fn replace_imported(
    tx: &Tx,
    password: ImportedPassword,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    replace_by(tx, imported_row(password, now)).await
}

/// Removes the password of an account.
pub async fn remove(tx: &Tx, user: UserId) -> Result<(), Fault> {
    Entity::delete_by_id(user.uuid()).exec(tx).await?;
    Ok(())
}

/// Stores a hash of the same password with current parameters, unless the password was changed.
pub async fn rehash(tx: &Tx, user: UserId, old: &str, new: String) -> Result<bool, Fault> {
    let outcome = Entity::update_many()
        .col_expr(Column::Hash, Expr::value(new))
        .col_expr(Column::ImportedRounds, Expr::value(Option::<i32>::None))
        .filter(Column::UserId.eq(user.uuid()))
        .filter(Column::Hash.eq(old))
        .exec(tx)
        .await?;
    Ok(outcome.rows_affected == 1)
}

/// Sets or replaces the password.
pub async fn replace(tx: &Tx, user: UserId, hash: String, now: DateTime<Utc>) -> Result<(), Fault> {
    replace_by(tx, row(user, hash, now)).await
}

async fn replace_by(tx: &Tx, row: Model) -> Result<(), Fault> {
    Entity::insert(row.into_active_model())
        .on_conflict(
            OnConflict::column(Column::UserId)
                .update_columns([Column::Hash, Column::ChangedAt, Column::ImportedRounds])
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// A stored password.
pub struct StoredPassword {
    /// Whose it is.
    pub user: UserId,
    /// Its hash.
    pub hash: String,
    /// When it was set.
    pub changed_at: DateTime<Utc>,
}

/// The passwords of these accounts.
pub async fn of_users(tx: &Tx, users: &[UserId]) -> Result<Vec<StoredPassword>, Fault> {
    let rows = Entity::find()
        .filter(Column::UserId.is_in(users.iter().map(|user| user.uuid())))
        .all(tx)
        .await?;
    let rows = rows.into_iter().map(|row| StoredPassword {
        user: row.user_id.into(),
        hash: row.hash,
        changed_at: row.changed_at,
    });
    Ok(rows.collect())
}

/// How many imported hashes of each cost are left, by rounds of PBKDF2.
pub async fn imported(database: &Database) -> Result<Vec<(i64, i64)>, Fault> {
    let counted = Entity::find()
        .select_only()
        .column(Column::ImportedRounds)
        .column_as(Column::UserId.count(), "accounts")
        .filter(Column::ImportedRounds.is_not_null())
        .group_by(Column::ImportedRounds)
        .into_tuple()
        .all(database)
        .await?;
    Ok(counted)
}

/// Removes the password.
pub async fn delete(tx: &Tx, user: UserId) -> Result<(), Fault> {
    Entity::delete_by_id(user.uuid()).exec(tx).await?;
    Ok(())
}

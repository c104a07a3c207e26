//! Erasures that wait for a second person.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, EntityTrait, IntoActiveModel as _, QueryFilter as _, QuerySelect as _,
};

use super::database::Tx;
use crate::domain::ids::UserId;
use crate::entities::erasure_request::{Column, Entity, Model};
use crate::fault::Fault;

/// A request to erase an account.
#[derive(Clone, Copy, Debug)]
pub struct ErasureRequest {
    /// The account.
    pub user: UserId,
    /// Who asked.
    pub requested_by: UserId,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// After which it has to be asked again.
    pub expires_at: DateTime<Utc>,
}

/// Locks the request to erase an account, if there is a live one.
pub async fn lock(
    tx: &Tx,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Option<ErasureRequest>, Fault> {
    let row = Entity::find_by_id(user.uuid())
        .filter(Column::ExpiresAt.gt(now))
        .lock_exclusive()
        .one(tx)
        .await?;
    Ok(row.map(|row| ErasureRequest {
        user: row.user_id.into(),
        requested_by: row.requested_by.into(),
        requested_at: row.requested_at,
        expires_at: row.expires_at,
    }))
}

/// Stores a request in place of an expired one. The caller has locked the account.
pub async fn put(tx: &Tx, request: ErasureRequest) -> Result<(), Fault> {
    let row = Model {
        user_id: request.user.uuid(),
        requested_by: request.requested_by.uuid(),
        requested_at: request.requested_at,
        expires_at: request.expires_at,
    };
    let replaced = [Column::RequestedBy, Column::RequestedAt, Column::ExpiresAt];
    let on_conflict = OnConflict::column(Column::UserId)
        .update_columns(replaced)
        .to_owned();
    Entity::insert(row.into_active_model())
        .on_conflict(on_conflict)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Deletes the request to erase an account.
pub async fn delete(tx: &Tx, user: UserId) -> Result<(), Fault> {
    Entity::delete_by_id(user.uuid()).exec(tx).await?;
    Ok(())
}

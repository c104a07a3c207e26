//! Soft-deleted accounts that can be restored. Lists of them are read by the selectors.

use chrono::{DateTime, Utc};
use sea_orm::ColumnTrait as _;
use sea_orm::{EntityTrait, IntoActiveModel as _, QueryFilter, QuerySelect as _};

use super::database::Tx;
use crate::domain::deletion::DeletedRecord;
use crate::domain::ids::{DeletedRecordId, UserId};
use crate::entities::deleted_record::{Column, Entity, Model};
use crate::fault::Fault;

/// The model of accounts, the only one that is soft-deleted.
const USER: &str = "user";

/// A deletion to store.
#[derive(Debug)]
pub struct NewRecord {
    /// Its id.
    pub id: DeletedRecordId,
    /// The account.
    pub user: UserId,
    /// The public id of the account.
    pub pid: String,
    /// Who deleted it.
    pub deleted_by: UserId,
    /// When.
    pub deleted_at: DateTime<Utc>,
    /// Until when it can be restored.
    pub restorable_until: DateTime<Utc>,
    /// The copy of the account, sealed.
    pub sealed_data: Vec<u8>,
}

/// Stores the record of a deletion.
pub async fn insert(tx: &Tx, new: NewRecord) -> Result<(), Fault> {
    let row = Model {
        id: new.id.uuid(),
        model: USER.to_owned(),
        record_id: new.user.uuid(),
        pid: new.pid,
        deleted_by: Some(new.deleted_by.uuid()),
        deleted_at: new.deleted_at,
        restorable_until: new.restorable_until,
        sealed_data: new.sealed_data,
    };
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Locks the record of an account.
pub async fn lock(tx: &Tx, user: UserId) -> Result<Option<DeletedRecord>, Fault> {
    let row = Entity::find()
        .filter(Column::RecordId.eq(user.uuid()))
        .lock_exclusive()
        .one(tx)
        .await?;
    Ok(row.map(Into::into))
}

/// Deletes the record of an account.
pub async fn delete(tx: &Tx, user: UserId) -> Result<(), Fault> {
    Entity::delete_many()
        .filter(Column::RecordId.eq(user.uuid()))
        .exec(tx)
        .await?;
    Ok(())
}

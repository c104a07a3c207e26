//! Person keys, sealed.

use chrono::{DateTime, Utc};
use sea_orm::{EntityTrait, IntoActiveModel};

use super::bulk;
use super::database::Tx;
use crate::domain::ids::UserId;
use crate::entities::person_key::{Entity, Model};
use crate::fault::Fault;

/// Stores the key of a new person.
pub async fn insert(
    tx: &Tx,
    user: UserId,
    sealed_key: Vec<u8>,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let row = Model {
        user_id: user.uuid(),
        sealed_key,
        created_at: now,
    };
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Stores the keys of many new persons.
pub async fn insert_many(
    tx: &Tx,
    keys: Vec<(UserId, Vec<u8>)>,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    let rows = keys.into_iter().map(|(user, sealed_key)| Model {
        user_id: user.uuid(),
        sealed_key,
        created_at: now,
    });
    bulk::insert(tx, rows.map(Model::into_active_model).collect()).await
}

/// The sealed key of a person.
pub async fn find(tx: &Tx, user: UserId) -> Result<Option<Vec<u8>>, Fault> {
    let row = Entity::find_by_id(user.uuid()).one(tx).await?;
    Ok(row.map(|row| row.sealed_key))
}

/// Deletes the key of a person, which makes what is sealed under it unreadable.
pub async fn delete(tx: &Tx, user: UserId) -> Result<(), Fault> {
    Entity::delete_by_id(user.uuid()).exec(tx).await?;
    Ok(())
}

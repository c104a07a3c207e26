//! Places for the uploads of avatars.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel as _, PaginatorTrait as _, QueryFilter, Select,
};

use super::database::{Database, Tx};
use crate::domain::ids::{UploadId, UserId};
use crate::entities::avatar_upload::{Column, Entity, Model};
use crate::fault::Fault;

/// Waiting for `setAvatar`.
const OPEN: &str = "open";
/// Presented to `setAvatar`, which happens once.
const TAKEN: &str = "taken";

/// A place for an upload.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// The person who may fill and present it.
    pub user_id: UserId,
    /// The media type that was announced.
    pub content_type: String,
    /// The bytes that were announced.
    pub content_length: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
}

/// Stores a place.
pub async fn insert(tx: &Tx, upload: &Upload) -> Result<(), Fault> {
    let row = Model {
        id: upload.id.uuid(),
        user_id: upload.user_id.uuid(),
        content_type: upload.content_type.clone(),
        content_length: i64::try_from(upload.content_length)?,
        state: OPEN.to_owned(),
        created_at: upload.created_at,
        expires_at: upload.expires_at,
    };
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

fn open(now: DateTime<Utc>) -> Select<Entity> {
    Entity::find()
        .filter(Column::State.eq(OPEN))
        .filter(Column::ExpiresAt.gt(now))
}

/// How many places a person has open.
pub async fn count_open(tx: &Tx, user: UserId, now: DateTime<Utc>) -> Result<u64, Fault> {
    let of_user = open(now).filter(Column::UserId.eq(user.uuid()));
    Ok(of_user.count(tx).await?)
}

/// The open place with this id.
pub async fn find_open(
    database: &Database,
    id: UploadId,
    now: DateTime<Utc>,
) -> Result<Option<Upload>, Fault> {
    let row = open(now)
        .filter(Column::Id.eq(id.uuid()))
        .one(database)
        .await?;
    row.map(upload).transpose()
}

fn upload(row: Model) -> Result<Upload, Fault> {
    Ok(Upload {
        id: row.id.into(),
        user_id: row.user_id.into(),
        content_type: row.content_type,
        content_length: u64::try_from(row.content_length)?,
        created_at: row.created_at,
        expires_at: row.expires_at,
    })
}

/// Takes an open place of this person; `false` if there is none, so of two requests one takes it.
pub async fn take(
    database: &Database,
    id: UploadId,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    let outcome = Entity::update_many()
        .col_expr(Column::State, Expr::value(TAKEN))
        .filter(Column::Id.eq(id.uuid()))
        .filter(Column::UserId.eq(user.uuid()))
        .filter(Column::State.eq(OPEN))
        .filter(Column::ExpiresAt.gt(now))
        .exec(database)
        .await?;
    Ok(outcome.rows_affected == 1)
}

/// Opens a place again that was taken before anything was in it, or while the storage was away.
pub async fn give_back(database: &Database, id: UploadId) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(OPEN))
        .filter(Column::Id.eq(id.uuid()))
        .exec(database)
        .await?;
    Ok(())
}

/// Deletes a place.
pub async fn delete(tx: &Tx, id: UploadId) -> Result<(), Fault> {
    Entity::delete_by_id(id.uuid()).exec(tx).await?;
    Ok(())
}

/// Deletes the places of a person, and returns their ids.
pub async fn delete_of_user(tx: &Tx, user: UserId) -> Result<Vec<UploadId>, Fault> {
    let deleted = Entity::delete_many()
        .filter(Column::UserId.eq(user.uuid()))
        .exec_with_returning(tx)
        .await?;
    Ok(deleted.into_iter().map(|row| row.id.into()).collect())
}

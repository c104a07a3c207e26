//! Signing keys, private halves sealed.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};

use super::database::{Database, Tx};
use crate::entities::signing_key::{Column, Entity, Model};
use crate::fault::Fault;

/// A signing key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// JWA name.
    pub algorithm: String,
    /// PKCS#8, sealed.
    pub sealed_private_key: Vec<u8>,
    /// The public half as JWK text.
    pub public_jwk: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it starts signing.
    pub active_from: DateTime<Utc>,
}

/// Every published key, newest first.
pub async fn all(database: &Database) -> Result<Vec<StoredKey>, Fault> {
    let select = Entity::find()
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Kid);
    let rows = select.all(database).await?;
    Ok(rows
        .into_iter()
        .map(|row| StoredKey {
            kid: row.kid,
            algorithm: row.algorithm,
            sealed_private_key: row.sealed_private_key,
            public_jwk: row.public_jwk,
            created_at: row.created_at,
            active_from: row.active_from,
        })
        .collect())
}

/// Publishes a key.
pub async fn insert(tx: &Tx, key: StoredKey) -> Result<(), Fault> {
    let row = Model {
        kid: key.kid,
        algorithm: key.algorithm,
        sealed_private_key: key.sealed_private_key,
        public_jwk: key.public_jwk,
        created_at: key.created_at,
        active_from: key.active_from,
    };
    Entity::insert(row.into_active_model())
        .on_conflict(OnConflict::column(Column::Kid).do_nothing().to_owned())
        .on_conflict_do_nothing()
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Withdraws a key: tokens it signed are no longer accepted.
pub async fn delete(tx: &Tx, kid: &str) -> Result<bool, Fault> {
    let outcome = Entity::delete_many()
        .filter(Column::Kid.eq(kid))
        .exec(tx)
        .await?;
    Ok(outcome.rows_affected == 1)
}

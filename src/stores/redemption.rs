//! Digests of redeemed codes, links and ID tokens, so that none is accepted twice (replay protection).

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, IntoActiveModel as _, TryInsertResult};

use super::database::Tx;
use crate::domain::token::HashedToken;
use crate::entities::redemption::{Column, Entity, Model};
use crate::fault::Fault;

/// Records a redemption; `false` if it was redeemed before, also concurrently.
pub async fn record(
    tx: &Tx,
    digest: &HashedToken,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    let row = Model {
        digest: digest.as_bytes().to_vec(),
        redeemed_at: now,
        expires_at,
    };
    let outcome = Entity::insert(row.into_active_model())
        .on_conflict(OnConflict::column(Column::Digest).do_nothing().to_owned())
        .on_conflict_do_nothing()
        .exec_without_returning(tx)
        .await?;
    Ok(matches!(outcome, TryInsertResult::Inserted(1..)))
}

//! Counts of anonymous attempts, by action, time span and network slot.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait as _, IntoActiveModel as _, QueryFilter};

use super::database::Tx;
use crate::entities::audit_tally::{Column, Entity, Model};
use crate::fault::Fault;

/// The counter of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// What was attempted.
    pub action: &'static str,
    /// When the span of time began.
    pub since: DateTime<Utc>,
    /// The slot of the client's network.
    pub slot: u8,
}

/// A finished count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// What was attempted.
    pub action: String,
    /// When the span of time began.
    pub since: DateTime<Utc>,
    /// How many attempts named no account.
    pub unattributed: i64,
}

/// Counts an attempt; returns how many in this bucket named no account.
pub async fn count(tx: &Tx, bucket: Bucket, is_attributed: bool) -> Result<i64, Fault> {
    let unattributed = i64::from(!is_attributed);
    let row = Model {
        action: bucket.action.to_owned(),
        since: bucket.since,
        slot: bucket.slot.into(),
        attempts: 1,
        unattributed,
    };
    let more = |column, by: i64| (column, Expr::col((Entity, column)).add(by));
    let counted = Entity::insert(row.into_active_model())
        .on_conflict(
            OnConflict::columns([Column::Action, Column::Since, Column::Slot])
                .values([
                    more(Column::Attempts, 1),
                    more(Column::Unattributed, unattributed),
                ])
                .to_owned(),
        )
        .exec_with_returning(tx)
        .await?;
    Ok(counted.unattributed)
}

/// Removes and returns the counts of spans that began before `until`.
pub async fn take_before(tx: &Tx, until: DateTime<Utc>) -> Result<Vec<Tally>, Fault> {
    let rows: Vec<Model> = Entity::delete_many()
        .filter(Column::Since.lt(until))
        .exec_with_returning(tx)
        .await?;
    let tally = |row: Model| Tally {
        action: row.action,
        since: row.since,
        unattributed: row.unattributed,
    };
    Ok(rows.into_iter().map(tally).collect())
}

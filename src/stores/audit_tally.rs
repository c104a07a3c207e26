//! Counts of what strangers attempt, by action, span of time and a slot for their networks.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, ExprTrait as _, QueryFilter};

use super::database::Tx;
use crate::entities::audit_tally::{ActiveModel, Column, Entity, Model};
use crate::fault::Fault;

/// Where an attempt is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// What was attempted.
    pub action: &'static str,
    /// When the span of time began.
    pub since: DateTime<Utc>,
    /// Which networks.
    pub slot: u8,
}

/// What was counted in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// What was attempted.
    pub action: String,
    /// When the span of time began.
    pub since: DateTime<Utc>,
    /// How many of the attempts named nobody.
    pub unattributed: i64,
}

/// Counts an attempt and says how many there were in this place that named nobody.
pub async fn count(tx: &Tx, place: Place, is_attributed: bool) -> Result<i64, Fault> {
    let unattributed = i64::from(!is_attributed);
    let row = ActiveModel {
        action: ActiveValue::Set(place.action.to_owned()),
        since: ActiveValue::Set(place.since),
        slot: ActiveValue::Set(place.slot.into()),
        attempts: ActiveValue::Set(1),
        unattributed: ActiveValue::Set(unattributed),
    };
    let more = |column, by: i64| (column, Expr::col((Entity, column)).add(by));
    let counted = Entity::insert(row)
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

/// Removes what was counted in spans that began before `until`, and returns it.
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

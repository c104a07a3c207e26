//! Exports of personal data, and the sealed parts of their archives.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockBehavior, LockType, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, IntoActiveModel as _, Order, QueryFilter,
    UpdateMany,
};

use super::database::{Database, Tx};
use crate::domain::data_export::{DataExport, DataExportState};
use crate::domain::ids::{DataExportId, UserId};
use crate::entities::data_export::{Column, Entity, Model};
use crate::entities::data_export_part as part;
use crate::fault::Fault;

/// An export that this instance writes until its lease is over.
#[derive(Clone, Copy, Debug)]
pub struct ClaimedExport {
    /// Its id.
    pub id: DataExportId,
    /// Whose data it has.
    pub user: UserId,
    /// Attempts, this one included. It also identifies this claim.
    pub attempts: i64,
}

/// What finishes an archive.
#[derive(Debug)]
pub struct FinishedArchive {
    /// Its bytes.
    pub size: i64,
    /// The JWS over its digest.
    pub signature: String,
    /// After which it cannot be downloaded any more.
    pub expires_at: DateTime<Utc>,
}

/// Stores a request.
pub async fn insert(tx: &Tx, export: &DataExport) -> Result<(), Fault> {
    let row = Model {
        id: export.id.uuid(),
        user_id: export.user.uuid(),
        state: export.state.as_str().to_owned(),
        requested_at: export.requested_at,
        leased_until: None,
        attempts: 0,
        records_written: export.records_written,
        records_total: export.records_total,
        size: export.size,
        signature: None,
        expires_at: export.expires_at,
    };
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// The exports of a person.
pub async fn all_of_user(tx: &Tx, user: UserId) -> Result<Vec<DataExport>, Fault> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.uuid()))
        .all(tx)
        .await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// Deletes every export of a person with its archive.
pub async fn delete_all_of_user(tx: &Tx, user: UserId) -> Result<(), Fault> {
    Entity::delete_many()
        .filter(Column::UserId.eq(user.uuid()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Deletes an export with its archive.
pub async fn delete(tx: &Tx, id: DataExportId) -> Result<(), Fault> {
    Entity::delete_by_id(id.uuid()).exec(tx).await?;
    Ok(())
}

/// Selects an export that waits, or whose writer's lease is over.
pub(in crate::stores) fn any_due(now: DateTime<Utc>) -> SelectStatement {
    Query::select()
        .column(Column::Id)
        .from(Entity)
        .cond_where(due(now))
        .to_owned()
}

fn due(now: DateTime<Utc>) -> Condition {
    Condition::any()
        .add(Column::State.eq(DataExportState::Waiting.as_str()))
        .add(
            Condition::all()
                .add(Column::State.eq(DataExportState::Running.as_str()))
                .add(Column::LeasedUntil.lte(now)),
        )
}

/// Claims the export that has waited longest until `leased_until`; `None` if none waits.
pub async fn claim(
    database: &Database,
    leased_until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<ClaimedExport>, Fault> {
    let mut next = any_due(now);
    next.order_by(Column::RequestedAt, Order::Asc)
        .order_by(Column::Id, Order::Asc)
        .limit(1);
    if !database.is_sqlite() {
        next.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let rows: Vec<Model> = Entity::update_many()
        .col_expr(
            Column::State,
            Expr::value(DataExportState::Running.as_str()),
        )
        .col_expr(Column::LeasedUntil, Expr::value(leased_until))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::Id.in_subquery(next))
        .exec_with_returning(database)
        .await?;
    Ok(rows.into_iter().next().map(|row| ClaimedExport {
        id: row.id.into(),
        user: row.user_id.into(),
        attempts: row.attempts,
    }))
}

/// Updates under a claim; `false` if another writer has the export, or it is gone.
async fn update_claimed(
    tx: &Tx,
    claim: &ClaimedExport,
    update: UpdateMany<Entity>,
) -> Result<bool, Fault> {
    let outcome = update
        .filter(Column::Id.eq(claim.id.uuid()))
        .filter(Column::State.eq(DataExportState::Running.as_str()))
        .filter(Column::Attempts.eq(claim.attempts))
        .exec(tx)
        .await?;
    Ok(outcome.rows_affected == 1)
}

/// Begins the archive anew: removes the parts of an earlier attempt; `false` if the claim is stale.
pub async fn begin(tx: &Tx, claim: &ClaimedExport, records_total: i64) -> Result<bool, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::RecordsWritten, Expr::value(0))
        .col_expr(Column::RecordsTotal, Expr::value(records_total));
    if !update_claimed(tx, claim, update).await? {
        return Ok(false);
    }
    part::Entity::delete_many()
        .filter(part::Column::ExportId.eq(claim.id.uuid()))
        .exec(tx)
        .await?;
    Ok(true)
}

/// Appends a part and extends the lease; `false` if the claim is stale.
pub async fn append(
    tx: &Tx,
    claim: &ClaimedExport,
    (number, sealed_bytes): (i64, Vec<u8>),
    records_written: i64,
    leased_until: DateTime<Utc>,
) -> Result<bool, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::RecordsWritten, Expr::value(records_written))
        .col_expr(Column::LeasedUntil, Expr::value(leased_until));
    if !update_claimed(tx, claim, update).await? {
        return Ok(false);
    }
    let row = part::Model {
        export_id: claim.id.uuid(),
        number,
        sealed_bytes,
    };
    part::Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await?;
    Ok(true)
}

/// Makes the archive downloadable; `false` if the claim is stale.
pub async fn finish(
    tx: &Tx,
    claim: &ClaimedExport,
    archive: FinishedArchive,
) -> Result<bool, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::State, Expr::value(DataExportState::Ready.as_str()))
        .col_expr(
            Column::LeasedUntil,
            Expr::value(Option::<DateTime<Utc>>::None),
        )
        .col_expr(Column::Size, Expr::value(archive.size))
        .col_expr(Column::Signature, Expr::value(archive.signature))
        .col_expr(Column::ExpiresAt, Expr::value(archive.expires_at));
    update_claimed(tx, claim, update).await
}

/// Gives the export up and removes its parts; `false` if the claim is stale.
pub async fn give_up(tx: &Tx, claim: &ClaimedExport) -> Result<bool, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::State, Expr::value(DataExportState::Failed.as_str()))
        .col_expr(
            Column::LeasedUntil,
            Expr::value(Option::<DateTime<Utc>>::None),
        );
    if !update_claimed(tx, claim, update).await? {
        return Ok(false);
    }
    part::Entity::delete_many()
        .filter(part::Column::ExportId.eq(claim.id.uuid()))
        .exec(tx)
        .await?;
    Ok(true)
}

/// An export of this person.
pub async fn find_of_user(
    database: &Database,
    user: UserId,
    id: DataExportId,
) -> Result<Option<DataExport>, Fault> {
    let row = Entity::find_by_id(id.uuid())
        .filter(Column::UserId.eq(user.uuid()))
        .one(database)
        .await?;
    Ok(row.map(TryInto::try_into).transpose()?)
}

/// A sealed part of an archive; parts are numbered from 0.
pub async fn part(
    database: &Database,
    id: DataExportId,
    number: i64,
) -> Result<Option<Vec<u8>>, Fault> {
    let row = part::Entity::find_by_id((id.uuid(), number))
        .one(database)
        .await?;
    Ok(row.map(|row| row.sealed_bytes))
}

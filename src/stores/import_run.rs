//! Runs of the import, and the lock that lets one run at a time.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Func, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, DatabaseBackend, EntityTrait, IntoActiveModel as _,
    QueryFilter, QueryOrder as _,
};
use uuid::Uuid;

use super::database::{Database, Tx};
use crate::entities::import_run::{Column, Entity, Model};
use crate::fault::Fault;

/// The transaction lock of the import: see [`lock`].
const LOCK: i64 = 7_246_128_363;

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRun {
    /// Its id.
    pub id: Uuid,
    /// What names the source.
    pub source: String,
    /// A digest of the mapping.
    pub mapping: Vec<u8>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// The last key that was read; `None` at the beginning.
    pub position: Option<i64>,
    /// Users of the source.
    pub source_rows: i64,
    /// What became of the rows so far, as JSON.
    pub counts: String,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It was stopped, and can be resumed.
    Interrupted,
    /// Every row is accounted for.
    Finished,
    /// The counts differ.
    Differing,
}

impl RunState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Interrupted => INTERRUPTED,
            Self::Finished => "finished",
            Self::Differing => "differing",
        }
    }
}

const RUNNING: &str = "running";
const INTERRUPTED: &str = "interrupted";

impl From<Model> for ImportRun {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            source: row.source,
            mapping: row.mapping,
            started_at: row.started_at,
            position: row.position,
            source_rows: row.source_rows,
            counts: row.counts,
        }
    }
}

/// Takes the lock until the transaction ends, also by a crash; `false` while another import runs.
///
/// On SQLite the caller locks a file: a transaction would keep the gateway from writing.
pub async fn lock(tx: &Tx) -> Result<bool, Fault> {
    if tx.get_database_backend() != DatabaseBackend::Postgres {
        return Ok(true);
    }
    let attempt = Func::cust("pg_try_advisory_xact_lock").arg(LOCK);
    let select = Query::select().expr_as(attempt, "locked").to_owned();
    let row = tx.query_one(&select).await?;
    Ok(row.map_or(Ok(false), |row| row.try_get("", "locked"))?)
}

/// Marks runs whose process has died as interrupted. The caller holds the lock.
pub async fn interrupt_orphaned(tx: &Tx, now: DateTime<Utc>) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(INTERRUPTED))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::State.eq(RUNNING))
        .exec(tx)
        .await?;
    Ok(())
}

/// The last run of this source and mapping, if it was interrupted.
pub async fn find_interrupted(
    tx: &Tx,
    source: &str,
    mapping: &[u8],
) -> Result<Option<ImportRun>, Fault> {
    let last = Entity::find()
        .order_by_desc(Column::StartedAt)
        .order_by_desc(Column::Id)
        .one(tx)
        .await?;
    let is_same =
        |run: &Model| run.state == INTERRUPTED && run.source == source && run.mapping == mapping;
    Ok(last.filter(is_same).map(Into::into))
}

/// The last run.
pub async fn find_last(database: &Database) -> Result<Option<ImportRun>, Fault> {
    let last = Entity::find()
        .order_by_desc(Column::StartedAt)
        .order_by_desc(Column::Id)
        .one(database)
        .await?;
    Ok(last.map(Into::into))
}

/// Stores a new run.
pub async fn insert(tx: &Tx, run: &ImportRun) -> Result<(), Fault> {
    let row = Model {
        id: run.id,
        source: run.source.clone(),
        mapping: run.mapping.clone(),
        state: RUNNING.to_owned(),
        started_at: run.started_at,
        updated_at: run.started_at,
        finished_at: None,
        position: run.position,
        source_rows: run.source_rows,
        counts: run.counts.clone(),
    };
    Entity::insert(row.into_active_model())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Continues an interrupted run.
pub async fn resume(tx: &Tx, run: Uuid, now: DateTime<Utc>) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(RUNNING))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(run))
        .exec(tx)
        .await?;
    Ok(())
}

/// Notes how far a run is; `false` if it is not the running one any more.
pub async fn advance(tx: &Tx, run: &ImportRun, now: DateTime<Utc>) -> Result<bool, Fault> {
    let outcome = Entity::update_many()
        .col_expr(Column::Position, Expr::value(run.position))
        .col_expr(Column::SourceRows, Expr::value(run.source_rows))
        .col_expr(Column::Counts, Expr::value(run.counts.as_str()))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(run.id))
        .filter(Column::State.eq(RUNNING))
        .exec(tx)
        .await?;
    Ok(outcome.rows_affected == 1)
}

/// Ends a run.
pub async fn end(tx: &Tx, run: Uuid, state: RunState, now: DateTime<Utc>) -> Result<(), Fault> {
    let finished_at = (state != RunState::Interrupted).then_some(now);
    Entity::update_many()
        .col_expr(Column::State, Expr::value(state.as_str()))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .col_expr(Column::FinishedAt, Expr::value(finished_at))
        .filter(Column::Id.eq(run))
        .filter(Column::State.eq(RUNNING))
        .exec(tx)
        .await?;
    Ok(())
}

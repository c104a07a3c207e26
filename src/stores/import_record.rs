//! What became of each row of the legacy system.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel as _, QueryFilter,
    QueryOrder as _, QuerySelect as _,
};

use super::bulk;
use super::database::Tx;
use crate::domain::ids::UserId;
use crate::domain::legacy::{Reason, SourceTable};
use crate::domain::user::User;
use crate::entities::import_record::{Column, Entity, Model};
use crate::fault::Fault;

/// Keys of one statement, below the parameters that both databases take.
const MAX_KEYS: usize = 10_000;

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is an account.
    Imported,
    /// An operator has to decide.
    Quarantined,
    /// An operator has left it out.
    Discarded,
    /// It was an account that was erased; it is never imported again.
    Erased,
}

impl Outcome {
    /// Its name in the database and in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::Quarantined => "quarantined",
            Self::Discarded => "discarded",
            Self::Erased => ERASED,
        }
    }
}

const ERASED: &str = "erased";

/// The record of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRecord {
    /// Its table.
    pub table: SourceTable,
    /// Its primary key.
    pub legacy_id: i64,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it is quarantined.
    pub reason: Option<Reason>,
    /// Values that were not taken as they are.
    pub set_aside: String,
    /// Fields that were changed both here and there.
    pub conflicts: String,
    /// The account.
    pub user: Option<UserId>,
    /// A keyed digest of the row as it was read.
    pub source_digest: Option<Vec<u8>>,
    /// Keyed digests of the values that were written, by field.
    pub written: Option<Vec<u8>>,
    /// The row, sealed, where an operator may need it.
    pub sealed_row: Option<Vec<u8>>,
    /// Rows that refer to it: profiles, memberships, addresses, accounts at providers.
    pub merged: [i64; 4],
    /// Whether an operator decided about it.
    pub is_resolved: bool,
    /// When it was last written.
    pub updated_at: DateTime<Utc>,
    /// When it was first missing at the source.
    pub gone_at: Option<DateTime<Utc>>,
    /// The key of the row that has its address, if it is quarantined for that.
    pub duplicate_of: Option<i64>,
}

impl From<ImportRecord> for Model {
    fn from(record: ImportRecord) -> Self {
        let [profile_rows, membership_rows, email_rows, social_rows] = record.merged;
        Self {
            kind: record.table.as_str().to_owned(),
            legacy_id: record.legacy_id,
            outcome: record.outcome.as_str().to_owned(),
            reason: record.reason.map(|reason| reason.as_str().to_owned()),
            set_aside: record.set_aside,
            conflicts: record.conflicts,
            user_id: record.user.map(UserId::uuid),
            source_digest: record.source_digest,
            written: record.written,
            sealed_row: record.sealed_row,
            profile_rows,
            membership_rows,
            email_rows,
            social_rows,
            is_resolved: record.is_resolved,
            updated_at: record.updated_at,
            gone_at: record.gone_at,
            duplicate_of: record.duplicate_of,
        }
    }
}

impl TryFrom<Model> for ImportRecord {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        let unknown = |what: &str| Fault::new(format!("an import record has an unknown {what}"));
        let mut tables = SourceTable::ALL.into_iter();
        let table = tables.find(|table| table.as_str() == row.kind);
        let reason = row.reason.map(|reason| reason.parse());
        Ok(Self {
            table: table.ok_or_else(|| unknown("table"))?,
            legacy_id: row.legacy_id,
            outcome: match row.outcome.as_str() {
                "imported" if row.user_id.is_some() => Outcome::Imported,
                "quarantined" => Outcome::Quarantined,
                "discarded" => Outcome::Discarded,
                // The account went by a way other than an erasure.
                ERASED | "imported" => Outcome::Erased,
                _ => return Err(unknown("outcome")),
            },
            reason: reason.transpose().map_err(|()| unknown("reason"))?,
            set_aside: row.set_aside,
            conflicts: row.conflicts,
            user: row.user_id.map(UserId::from),
            source_digest: row.source_digest,
            written: row.written,
            sealed_row: row.sealed_row,
            merged: [
                row.profile_rows,
                row.membership_rows,
                row.email_rows,
                row.social_rows,
            ],
            is_resolved: row.is_resolved,
            updated_at: row.updated_at,
            gone_at: row.gone_at,
            duplicate_of: row.duplicate_of,
        })
    }
}

/// The records of keys after one, up to another: the first so many, in the order of their keys.
pub async fn in_range(
    connection: &impl ConnectionTrait,
    table: SourceTable,
    (after, last): (Option<i64>, Option<i64>),
    limit: u64,
) -> Result<Vec<ImportRecord>, Fault> {
    let mut select = Entity::find()
        .filter(Column::Kind.eq(table.as_str()))
        .order_by_asc(Column::LegacyId)
        .limit(limit);
    if let Some(after) = after {
        select = select.filter(Column::LegacyId.gt(after));
    }
    if let Some(last) = last {
        select = select.filter(Column::LegacyId.lte(last));
    }
    let rows = select.all(connection).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The records of these keys.
pub async fn of(tx: &Tx, table: SourceTable, keys: Vec<i64>) -> Result<Vec<ImportRecord>, Fault> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let select = Entity::find()
        .filter(Column::Kind.eq(table.as_str()))
        .filter(Column::LegacyId.is_in(keys));
    let rows = select.all(tx).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The records of the rows that these accounts were imported from.
pub async fn of_users(tx: &Tx, users: &[UserId]) -> Result<Vec<ImportRecord>, Fault> {
    let rows = Entity::find()
        .filter(Column::Kind.eq(SourceTable::User.as_str()))
        .filter(Column::UserId.is_in(users.iter().map(|user| user.uuid())))
        .all(tx)
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Keys of rows whose account was erased, after a key, in their order.
pub async fn erased_page(tx: &Tx, after: Option<i64>, limit: u64) -> Result<Vec<i64>, Fault> {
    let without_account = Condition::all()
        .add(Column::Outcome.eq(Outcome::Imported.as_str()))
        .add(Column::UserId.is_null());
    let erased = Condition::any()
        .add(Column::Outcome.eq(ERASED))
        .add(without_account);
    let mut select = Entity::find()
        .select_only()
        .column(Column::LegacyId)
        .filter(Column::Kind.eq(SourceTable::User.as_str()))
        .filter(erased)
        .order_by_asc(Column::LegacyId)
        .limit(limit);
    if let Some(after) = after {
        select = select.filter(Column::LegacyId.gt(after));
    }
    Ok(select.into_tuple().all(tx).await?)
}

/// Records that an operator may have to look at, in the order of their keys: quarantined rows, values
/// set aside, conflicts.
pub async fn open_page(
    connection: &impl ConnectionTrait,
    table: SourceTable,
    after: Option<i64>,
    limit: u64,
) -> Result<Vec<ImportRecord>, Fault> {
    let mut select = Entity::find()
        .filter(Column::Kind.eq(table.as_str()))
        .filter(Column::SealedRow.is_not_null())
        .order_by_asc(Column::LegacyId)
        .limit(limit);
    if let Some(after) = after {
        select = select.filter(Column::LegacyId.gt(after));
    }
    let rows = select.all(connection).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The record of a row.
pub async fn find(
    connection: &impl ConnectionTrait,
    table: SourceTable,
    legacy_id: i64,
) -> Result<Option<ImportRecord>, Fault> {
    let row = Entity::find_by_id((table.as_str().to_owned(), legacy_id));
    let row = row.one(connection).await?;
    row.map(TryInto::try_into).transpose()
}

/// Locks the record of a row.
pub async fn lock(
    tx: &Tx,
    table: SourceTable,
    legacy_id: i64,
) -> Result<Option<ImportRecord>, Fault> {
    let row = Entity::find_by_id((table.as_str().to_owned(), legacy_id))
        .lock_exclusive()
        .one(tx)
        .await?;
    row.map(TryInto::try_into).transpose()
}

/// Stores the records of new rows.
pub async fn insert_many(tx: &Tx, records: Vec<ImportRecord>) -> Result<bool, Fault> {
    let rows = records.into_iter();
    let rows = rows.map(|record| Model::from(record).into_active_model());
    bulk::insert(tx, rows.collect()).await
}

/// Replaces the record of a row.
pub async fn replace(tx: &Tx, record: ImportRecord) -> Result<(), Fault> {
    let row = Model::from(record).into_active_model();
    let all = [
        Column::Outcome,
        Column::Reason,
        Column::SetAside,
        Column::Conflicts,
        Column::UserId,
        Column::SourceDigest,
        Column::Written,
        Column::SealedRow,
        Column::ProfileRows,
        Column::MembershipRows,
        Column::EmailRows,
        Column::SocialRows,
        Column::IsResolved,
        Column::UpdatedAt,
        Column::GoneAt,
    ];
    let key = OnConflict::columns([Column::Kind, Column::LegacyId])
        .update_columns(all)
        .to_owned();
    Entity::insert(row)
        .on_conflict(key)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Marks rows as missing at the source.
pub async fn mark_gone(
    tx: &Tx,
    table: SourceTable,
    keys: &[i64],
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    for keys in keys.chunks(MAX_KEYS) {
        Entity::update_many()
            .col_expr(Column::GoneAt, Expr::value(now))
            .filter(Column::Kind.eq(table.as_str()))
            .filter(Column::LegacyId.is_in(keys.iter().copied()))
            .filter(Column::GoneAt.is_null())
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Keeps of the record of an account only that it was erased, and of rows with its address, which are
/// about the same person, as well.
pub async fn forget(tx: &Tx, user: &User) -> Result<(), Fault> {
    let none = Expr::value(Option::<Vec<u8>>::None);
    let mut concerned = Condition::any().add(Column::UserId.eq(user.id.uuid()));
    if let Some(id) = user.legacy_id {
        concerned = concerned.add(Column::DuplicateOf.eq(id));
    }
    Entity::update_many()
        .col_expr(Column::Outcome, Expr::value(ERASED))
        .col_expr(Column::Reason, Expr::value(Option::<String>::None))
        .col_expr(Column::SourceDigest, none.clone())
        .col_expr(Column::Written, none.clone())
        .col_expr(Column::SealedRow, none)
        .col_expr(Column::SetAside, Expr::value(""))
        .col_expr(Column::Conflicts, Expr::value(""))
        .col_expr(Column::UserId, Expr::value(Option::<uuid::Uuid>::None))
        .filter(concerned)
        .exec(tx)
        .await?;
    Ok(())
}

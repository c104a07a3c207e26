//! Changes by administrators, and the locks that they need.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait as _, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait as _,
};

use super::apply;
use crate::domain::ids::UserId;
use crate::domain::role::{Role, StaffFunctions};
use crate::domain::user::User;
use crate::entities::password;
use crate::entities::user::{Column, Entity};
use crate::fault::Fault;
use crate::stores::Tx;

/// Which accounts an administrative change locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockScope {
    /// The actor's and the target's.
    Both,
    /// These and every administrator's, because the change may remove one.
    BothAndAdmins,
}

fn active_admins() -> Condition {
    Condition::all()
        .add(Column::Role.eq(Role::Admin.as_str()))
        .add(Column::DeletedAt.is_null())
        .add(Column::SuspendedAt.is_null())
}

/// Locks the accounts until the transaction ends.
///
/// One statement in the order of the ids, so that two of these cannot deadlock.
pub async fn lock_for_administration(
    tx: &Tx,
    pair: [UserId; 2],
    scope: LockScope,
) -> Result<Vec<User>, Fault> {
    let mut wanted = Condition::any().add(Column::Id.is_in(pair.map(UserId::uuid)));
    if scope == LockScope::BothAndAdmins {
        wanted = wanted.add(active_admins());
    }
    let rows = Entity::find()
        .filter(wanted)
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(tx)
        .await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// Counts the other administrators who can sign in. One with an open invitation cannot.
pub async fn count_other_admins(tx: &Tx, except: UserId) -> Result<u64, Fault> {
    let with_password = password::Entity::find()
        .select_only()
        .column(password::Column::UserId)
        .into_query();
    let can_sign_in = Condition::any()
        .add(Column::IsVerified.eq(true))
        .add(Column::Id.in_subquery(with_password));
    let admins = Entity::find()
        .filter(active_admins())
        .filter(can_sign_in)
        .filter(Column::Id.ne(except.uuid()));
    Ok(admins.count(tx).await?)
}

/// Sets the role and the staff functions.
pub async fn set_role(
    tx: &Tx,
    id: UserId,
    role: Role,
    functions: StaffFunctions,
    now: DateTime<Utc>,
) -> Result<User, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::Role, Expr::value(role.as_str()))
        .col_expr(Column::StaffFunctions, Expr::value(functions.to_text()))
        .col_expr(Column::UpdatedAt, Expr::value(now));
    apply(tx, id, update).await
}

/// Suspends an account, or ends the suspension.
pub async fn set_suspended(
    tx: &Tx,
    id: UserId,
    since: Option<DateTime<Utc>>,
    reason: Option<String>,
    now: DateTime<Utc>,
) -> Result<User, Fault> {
    let update = Entity::update_many()
        .col_expr(Column::SuspendedAt, Expr::value(since))
        .col_expr(Column::SuspendedReason, Expr::value(reason))
        .col_expr(Column::UpdatedAt, Expr::value(now));
    apply(tx, id, update).await
}

/// The fields that only staff write; `None` leaves a field as it is.
#[derive(Debug, Default)]
pub struct StaffRecord {
    /// The vendor module's reference; `Some(None)` clears it.
    pub vendor_id: Option<Option<String>>,
    /// A note for other staff.
    pub staff_note: Option<String>,
}

impl StaffRecord {
    /// Whether it changes nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.vendor_id.is_none() && self.staff_note.is_none()
    }
}

/// Writes the given fields.
pub async fn update_staff_record(
    tx: &Tx,
    id: UserId,
    record: StaffRecord,
    now: DateTime<Utc>,
) -> Result<User, Fault> {
    let mut update = Entity::update_many().col_expr(Column::UpdatedAt, Expr::value(now));
    if let Some(vendor_id) = record.vendor_id {
        update = update.col_expr(Column::VendorId, Expr::value(vendor_id));
    }
    if let Some(note) = record.staff_note {
        update = update.col_expr(Column::StaffNote, Expr::value(note));
    }
    apply(tx, id, update).await
}

//! A person: one row per account, live or soft-deleted.

use sea_orm::QueryResult;
use sea_orm::entity::prelude::*;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize)]
#[serde(rename_all = "camelCase")]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub pid: String,
    pub legacy_id: Option<i64>,
    pub email: Option<String>,
    pub email_canonical: Option<String>,
    pub email_verified: bool,
    pub phone: Option<String>,
    pub phone_verified: bool,
    pub first_name: String,
    pub last_name: String,
    pub avatar: Option<String>,
    pub bio: String,
    pub country: String,
    pub state: String,
    pub city: String,
    pub address: String,
    pub locale: Option<String>,
    pub role: String,
    pub staff_functions: String,
    pub auth_provider: String,
    pub is_verified: bool,
    pub vendor_id: Option<String>,
    pub staff_note: String,
    pub credential_version: i64,
    pub suspended_at: Option<DateTimeUtc>,
    pub suspended_reason: Option<String>,
    pub last_login_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub deleted_at: Option<DateTimeUtc>,
    pub first_verified_at: Option<DateTimeUtc>,
    pub reclaimed_at: Option<DateTimeUtc>,
    pub email_changed_at: Option<DateTimeUtc>,
    pub phone_changed_at: Option<DateTimeUtc>,
    pub email_folded: Option<String>,
    pub first_name_folded: Option<String>,
    pub last_name_folded: Option<String>,
}

read_by_position! {
    id, pid, legacy_id, email, email_canonical, email_verified, phone, phone_verified, first_name,
    last_name, avatar, bio, country, state, city, address, locale, role, staff_functions,
    auth_provider, is_verified, vendor_id, staff_note, credential_version, suspended_at,
    suspended_reason, last_login_at, created_at, updated_at, deleted_at, first_verified_at,
    reclaimed_at, email_changed_at, phone_changed_at, email_folded, first_name_folded,
    last_name_folded,
}

/// The columns of a public profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicModel {
    pub id: Uuid,
    pub pid: String,
    pub first_name: String,
    pub avatar: Option<String>,
    pub role: String,
}

impl PublicModel {
    /// What has to be selected, in this order.
    pub const COLUMNS: [Column; 5] = [
        Column::Id,
        Column::Pid,
        Column::FirstName,
        Column::Avatar,
        Column::Role,
    ];

    /// Reads a row of [`Self::COLUMNS`].
    pub fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.try_get_by_index(0)?,
            pid: row.try_get_by_index(1)?,
            first_name: row.try_get_by_index(2)?,
            avatar: row.try_get_by_index(3)?,
            role: row.try_get_by_index(4)?,
        })
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(has_one = "super::password::Entity")]
    Password,
    #[sea_orm(has_one = "super::person_key::Entity")]
    PersonKey,
    #[sea_orm(has_one = "super::deleted_record::Entity")]
    DeletedRecord,
}

impl ActiveModelBehavior for ActiveModel {}

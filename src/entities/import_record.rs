//! What became of one row of the legacy system.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "import_records")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub legacy_id: i64,
    pub outcome: String,
    pub reason: Option<String>,
    pub set_aside: String,
    pub conflicts: String,
    pub user_id: Option<Uuid>,
    pub source_digest: Option<Vec<u8>>,
    pub written: Option<Vec<u8>>,
    pub sealed_row: Option<Vec<u8>>,
    pub profile_rows: i64,
    pub membership_rows: i64,
    pub email_rows: i64,
    pub social_rows: i64,
    pub is_resolved: bool,
    pub updated_at: DateTimeUtc,
    pub gone_at: Option<DateTimeUtc>,
    pub duplicate_of: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

//! A copy of a person's data that they requested.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "data_exports")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub state: String,
    pub requested_at: DateTimeUtc,
    pub leased_until: Option<DateTimeUtc>,
    pub attempts: i64,
    pub records_written: i64,
    pub records_total: i64,
    pub size: i64,
    pub signature: Option<String>,
    pub expires_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

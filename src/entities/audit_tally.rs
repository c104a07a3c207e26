//! The number of anonymous attempts of one action, time span and network slot.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_tallies")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub action: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub since: DateTimeUtc,
    #[sea_orm(primary_key, auto_increment = false)]
    pub slot: i64,
    pub attempts: i64,
    pub unattributed: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

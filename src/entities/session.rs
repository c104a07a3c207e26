//! One sign-in on one device.

use sea_orm::QueryResult;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub created_at: DateTimeUtc,
    pub last_seen_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub auth_time: DateTimeUtc,
    pub amr: String,
    pub ip_address: Option<String>,
    pub user_agent: String,
    pub browser: String,
    pub os: String,
    pub device: String,
    pub revoked_at: Option<DateTimeUtc>,
    pub revoked_reason: Option<String>,
}

read_by_position! {
    id, user_id, created_at, last_seen_at, expires_at, auth_time, amr, ip_address, user_agent,
    browser, os, device, revoked_at, revoked_reason,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::user::Entity",
        from = "Column::UserId",
        to = "super::user::Column::Id"
    )]
    User,
}

impl Related<super::user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

//! One link of a refresh-token family; a family is a session.

use sea_orm::QueryResult;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refresh_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub session_id: Uuid,
    pub token_hash: Vec<u8>,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub predecessor_id: Option<Uuid>,
    pub consumed_at: Option<DateTimeUtc>,
    pub successor_id: Option<Uuid>,
    pub sealed_successor: Option<Vec<u8>>,
}

read_by_position! {
    id, session_id, token_hash, created_at, expires_at, predecessor_id, consumed_at, successor_id,
    sealed_successor,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::session::Entity",
        from = "Column::SessionId",
        to = "super::session::Column::Id"
    )]
    Session,
}

impl Related<super::session::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Session.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

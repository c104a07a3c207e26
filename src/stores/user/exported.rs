//! Reading every account, for an export.

use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait as _, QueryFilter, QueryOrder, QuerySelect,
};

use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::entities::user::{Column, Entity};
use crate::fault::Fault;
use crate::stores::Tx;

/// How many accounts there are, deleted ones included.
pub async fn count_all(tx: &Tx) -> Result<u64, Fault> {
    Ok(Entity::find().count(tx).await?)
}

/// Accounts after an id, in the order of their ids, deleted ones included.
pub async fn page(tx: &Tx, after: Option<UserId>, limit: u64) -> Result<Vec<User>, Fault> {
    let mut select = Entity::find().order_by_asc(Column::Id).limit(limit);
    if let Some(after) = after {
        select = select.filter(Column::Id.gt(after.uuid()));
    }
    let rows = select.all(tx).await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

//! A write that matches no row, in place of one that only a known address needs, so that known and
//! unknown addresses cost the same statements (timing, user enumeration).

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::database::Tx;
use crate::domain::ids::UserId;
use crate::entities::password::{Column, Entity};
use crate::fault::Fault;

/// Runs an update that matches no row. `unused` is the id of no account.
pub async fn write(tx: &Tx, unused: UserId) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::ChangedAt, Expr::col(Column::ChangedAt))
        .filter(Column::UserId.eq(unused.uuid()))
        .exec(tx)
        .await?;
    Ok(())
}

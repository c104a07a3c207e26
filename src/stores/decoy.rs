//! A write that meets no row.
//!
//! Where an unknown address must cost what a known one costs, it stands for the statements that
//! the known one needs.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::database::Tx;
use crate::domain::ids::UserId;
use crate::entities::password::{Column, Entity};
use crate::fault::Fault;

/// Updates nothing, at the price of an update. `nobody` is an identifier that names no account.
pub async fn write(tx: &Tx, nobody: UserId) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::SetBeforeProof, Expr::value(false))
        .filter(Column::UserId.eq(nobody.uuid()))
        .exec(&tx.0)
        .await?;
    Ok(())
}

//! When all sessions of an imported account last ended, for tokens of the old system, which have no
//! row of their own before their first use.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoSimpleExpr as _, PaginatorTrait as _,
    QueryFilter as _,
};

use super::database::Tx;
use crate::domain::ids::UserId;
use crate::entities::legacy_sign_out::{Column, Entity};
use crate::entities::user;
use crate::fault::Fault;

const LATER: &str = "CASE WHEN excluded.signed_out_at > legacy_sign_outs.signed_out_at \
                     THEN excluded.signed_out_at ELSE legacy_sign_outs.signed_out_at END";

/// Voids the tokens that the old system issued to this account until now; nothing for an account
/// that was not imported.
pub async fn record(tx: &Tx, user: UserId, now: DateTime<Utc>) -> Result<(), Fault> {
    let imported = Query::select()
        .expr(user::Column::Id.into_simple_expr())
        .expr(Expr::value(now))
        .from(user::Entity)
        .and_where(user::Column::Id.eq(user.uuid()))
        .and_where(user::Column::LegacyId.is_not_null())
        // The account first, as everywhere: a session that begins holds it meanwhile.
        .lock_exclusive()
        .to_owned();
    let mut insert = Query::insert();
    insert
        .into_table(Entity)
        .columns([Column::UserId, Column::SignedOutAt])
        .on_conflict(
            OnConflict::column(Column::UserId)
                // The later one: a long import has an early time.
                .value(Column::SignedOutAt, Expr::cust(LATER))
                .to_owned(),
        );
    insert
        .select_from(imported)
        .map_err(|error| Fault::new(error.to_string()))?;
    tx.execute(&insert).await?;
    Ok(())
}

/// Whether all sessions of the account ended at this moment or later.
pub async fn is_since(
    connection: &impl ConnectionTrait,
    user: UserId,
    moment: DateTime<Utc>,
) -> Result<bool, Fault> {
    let later = Entity::find_by_id(user.uuid()).filter(Column::SignedOutAt.gte(moment));
    Ok(later.count(connection).await? > 0)
}

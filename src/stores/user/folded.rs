//! Texts that people are found by. Each is written together with its folded form, here alone, so
//! that no change leaves an old form behind.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, TransactionTrait as _, UpdateMany,
};
use uuid::Uuid;

use crate::domain::email::EmailAddress;
use crate::domain::search;
use crate::entities::user::{ActiveModel, Column, Entity};
use crate::fault::Fault;

/// Rows that are folded in one transaction.
const BATCH: u64 = 1000;
/// Rows after which somebody who waits is told how far it is.
const TOLD: u64 = 50_000;

/// The given or the family name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Name {
    First,
    Last,
}

pub(super) fn with_name(
    update: UpdateMany<Entity>,
    which: Name,
    name: String,
) -> UpdateMany<Entity> {
    let (column, folded) = match which {
        Name::First => (Column::FirstName, Column::FirstNameFolded),
        Name::Last => (Column::LastName, Column::LastNameFolded),
    };
    update
        .col_expr(folded, Expr::value(search::form(&name)))
        .col_expr(column, Expr::value(name))
}

pub(super) fn with_email(
    update: UpdateMany<Entity>,
    email: Option<&EmailAddress>,
) -> UpdateMany<Entity> {
    let (written, canonical) = (
        email.map(EmailAddress::as_str),
        email.map(EmailAddress::canonical),
    );
    update
        .col_expr(Column::Email, Expr::value(written))
        .col_expr(Column::EmailCanonical, Expr::value(canonical))
        .col_expr(Column::EmailFolded, Expr::value(written.map(search::form)))
}

/// Sets the same of a new account.
pub(super) fn fold_new(row: &mut ActiveModel, email: Option<&str>, first: &str, last: &str) {
    use sea_orm::ActiveValue::Set;
    row.email_folded = Set(email.map(search::form));
    row.first_name_folded = Set(Some(search::form(first)));
    row.last_name_folded = Set(Some(search::form(last)));
}

/// Folds the texts of accounts that have no folded form yet, and says of how many.
///
/// In batches beside whatever else happens; one that is interrupted goes on where it was. `tell`
/// hears now and then how many there were so far.
pub async fn fold_missing(
    connection: &DatabaseConnection,
    tell: impl Fn(u64),
) -> Result<u64, Fault> {
    let (mut folded, mut told) = (0, 0);
    let mut beyond = Uuid::nil();
    loop {
        let rows: Vec<(Uuid, Option<String>, String, String)> = Entity::find()
            .select_only()
            .columns([
                Column::Id,
                Column::Email,
                Column::FirstName,
                Column::LastName,
            ])
            .filter(Column::FirstNameFolded.is_null())
            .filter(Column::Id.gt(beyond))
            .order_by_asc(Column::Id)
            .limit(BATCH)
            .into_tuple()
            .all(connection)
            .await?;
        let Some(last) = rows.last() else { break };
        beyond = last.0;
        let tx = connection.begin().await?;
        for row in rows {
            folded += fold(&tx, row).await?;
        }
        tx.commit().await?;
        if folded - told >= TOLD {
            tell(folded);
            told = folded;
        }
    }
    if folded > told {
        tell(folded);
    }
    Ok(folded)
}

/// Leaves a row alone that somebody else changed since it was read: they folded what they wrote, or
/// it is found again the next time.
async fn fold(
    tx: &impl ConnectionTrait,
    (id, email, first, last): (Uuid, Option<String>, String, String),
) -> Result<u64, Fault> {
    let same_email = match &email {
        Some(email) => Column::Email.eq(email.as_str()),
        None => Column::Email.is_null(),
    };
    let outcome = Entity::update_many()
        .col_expr(
            Column::EmailFolded,
            Expr::value(email.as_deref().map(search::form)),
        )
        .col_expr(Column::FirstNameFolded, Expr::value(search::form(&first)))
        .col_expr(Column::LastNameFolded, Expr::value(search::form(&last)))
        .filter(Column::Id.eq(id))
        .filter(same_email)
        .filter(Column::FirstName.eq(first))
        .filter(Column::LastName.eq(last))
        .exec(tx)
        .await?;
    Ok(outcome.rows_affected)
}

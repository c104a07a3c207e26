//! Searchable columns and their folded forms, which are only written together, here.

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
const BATCH_SIZE: u64 = 1000;
/// Rows between two progress reports.
const PROGRESS_EVERY: u64 = 50_000;

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

/// Sets the folded columns of a new account.
pub(super) fn fold_new(row: &mut ActiveModel, email: Option<&str>, first: &str, last: &str) {
    use sea_orm::ActiveValue::Set;
    row.email_folded = Set(email.map(search::form));
    row.first_name_folded = Set(Some(search::form(first)));
    row.last_name_folded = Set(Some(search::form(last)));
}

/// Folds the columns of accounts that have no folded form yet; returns how many.
///
/// Works in batches, concurrently with other writes, and can be interrupted and resumed.
/// `progress` is called now and then with the number so far.
pub async fn fold_missing(
    connection: &DatabaseConnection,
    progress: impl Fn(u64),
) -> Result<u64, Fault> {
    let (mut folded, mut reported) = (0, 0);
    let mut after = Uuid::nil();
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
            .filter(Column::Id.gt(after))
            .order_by_asc(Column::Id)
            .limit(BATCH_SIZE)
            .into_tuple()
            .all(connection)
            .await?;
        let Some(last) = rows.last() else { break };
        after = last.0;
        let tx = connection.begin().await?;
        for row in rows {
            folded += fold(&tx, row).await?;
        }
        tx.commit().await?;
        if folded - reported >= PROGRESS_EVERY {
            progress(folded);
            reported = folded;
        }
    }
    if folded > reported {
        progress(folded);
    }
    Ok(folded)
}

/// Skips a row that was changed since it was read: the writer folded it, or the next run finds it.
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

//! What waits for the background work of any instance, read by one statement, because idle instances
//! read it all the time.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Expr, Query, SelectStatement};
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, FromQueryResult};

use super::audit_chain;
use super::database::Database;
use super::{data_export, media_removal, outbox_message};
use crate::domain::media::Storage;
use crate::entities::{audit_unlinked, signing_key};
use crate::fault::Fault;

/// What waits.
#[expect(
    clippy::struct_excessive_bools,
    reason = "one flag for each loop to be woken"
)]
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Waiting {
    /// Whether audit events wait for their link.
    pub events: bool,
    /// Whether messages are due.
    pub messages: bool,
    /// Whether exports of personal data wait to be written.
    pub exports: bool,
    /// Whether stored objects are to be removed.
    pub removals: bool,
    /// When the last audit event was linked.
    pub linked_at: Option<DateTime<Utc>>,
    /// The number of published signing keys.
    pub keys: i64,
    /// The number of those that this instance knows.
    pub known_keys: i64,
}

/// Reads what waits, for an instance that sends by these channels, stores pictures there and knows
/// these keys.
pub async fn find(
    database: &Database,
    channels: &[&str],
    storage: Storage,
    known_keys: &[String],
    now: DateTime<Utc>,
) -> Result<Waiting, Fault> {
    let unlinked = Query::select()
        .column(audit_unlinked::Column::AuditId)
        .from(audit_unlinked::Entity)
        .to_owned();
    let mut known = count_keys();
    known.and_where(signing_key::Column::Kid.is_in(known_keys.iter().map(String::as_str)));
    let select = Query::select()
        .expr_as(Expr::exists(unlinked), Alias::new("events"))
        .expr_as(
            Expr::exists(outbox_message::any_due(channels, now)),
            Alias::new("messages"),
        )
        .expr_as(
            Expr::exists(data_export::any_due(now)),
            Alias::new("exports"),
        )
        .expr_as(
            Expr::exists(media_removal::any_due(storage, now)),
            Alias::new("removals"),
        )
        .expr_as(scalar(audit_chain::linked_at()), Alias::new("linked_at"))
        .expr_as(scalar(count_keys()), Alias::new("keys"))
        .expr_as(scalar(known), Alias::new("known_keys"))
        .to_owned();
    let row = database.query_one(&select).await?;
    let row = row.ok_or_else(|| Fault::new("a statement that selects values returned none"))?;
    Ok(Waiting::from_query_result(&row, "")?)
}

fn count_keys() -> SelectStatement {
    Query::select()
        .expr(signing_key::Column::Kid.count())
        .from(signing_key::Entity)
        .to_owned()
}

fn scalar(select: SelectStatement) -> Expr {
    Expr::SubQuery(None, Box::new(select.into()))
}

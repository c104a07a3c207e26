//! Keyset pagination: which part of an ordered list to read, and the SQL that reads it.
//!
//! A page is a row-value comparison with its cursors, `ORDER BY (key, id)` and `LIMIT`. With an
//! index on the pair the database reads it from the cursor on, so the last page costs what the
//! first one does. Written out with `OR` it would read all pages before.

use chrono::{DateTime, Utc};
use sea_orm::QueryResult;
use sea_orm::sea_query::{
    Asterisk, Expr, ExprTrait as _, JoinType, Order, Query, SelectStatement, SimpleExpr, UnionType,
};
use sea_orm::{ConnectionTrait as _, IntoSimpleExpr as _};
use uuid::Uuid;

use super::{ReadFailure, Reader};
use crate::domain::ids::UserId;

/// Pages that one statement reads; SQLite takes 500 terms of a compound select.
const MAX_PAGES: usize = 200;

/// Where an entry stands in a list ordered by creation: when it was created, and its id.
pub type Cursor = (DateTime<Utc>, Uuid);

/// Which part of a list to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageRequest<C = Cursor> {
    /// How many entries at most.
    pub limit: u64,
    /// Only entries after this one.
    pub after: Option<C>,
    /// Only entries before this one.
    pub before: Option<C>,
    /// Read from the end of the list, last entry first.
    pub from_end: bool,
}

/// What orders a list: a key and the id, both in one direction, as an index has them.
#[derive(Clone, Debug)]
pub(super) struct Keyset {
    pub(super) key: SimpleExpr,
    pub(super) id: SimpleExpr,
    pub(super) descending: bool,
}

impl Keyset {
    /// The newest entries first.
    pub(super) fn newest_first<C: sea_orm::ColumnTrait>(created_at: C, id: C) -> Self {
        Self {
            key: created_at.into_simple_expr(),
            id: id.into_simple_expr(),
            descending: true,
        }
    }
}

impl<C> PageRequest<C> {
    /// Restricts a select to this page; `bound` is a cursor as values for the key and the id.
    pub(super) fn apply_to(
        &self,
        select: &mut SelectStatement,
        keyset: &Keyset,
        bound: impl Fn(&C) -> [SimpleExpr; 2],
    ) {
        for (cursor, is_after) in [(&self.after, true), (&self.before, false)] {
            if let Some(cursor) = cursor {
                let entry = Expr::tuple([keyset.key.clone(), keyset.id.clone()]);
                let cursor = Expr::tuple(bound(cursor));
                select.and_where(if keyset.descending == is_after {
                    entry.lt(cursor)
                } else {
                    entry.gt(cursor)
                });
            }
        }
        let order = if keyset.descending == self.from_end {
            Order::Asc
        } else {
            Order::Desc
        };
        select
            .order_by_expr(keyset.key.clone(), order.clone())
            .order_by_expr(keyset.id.clone(), order)
            .limit(self.limit);
    }
}

impl PageRequest {
    /// Puts the entries of a page, which came in any order, into the order in which they are read.
    pub(super) fn sort<T>(&self, entries: &mut [T], cursor: impl Fn(&T) -> Cursor) {
        entries.sort_by_key(cursor);
        if !self.from_end {
            entries.reverse();
        }
    }
}

/// A [`Cursor`] as [`PageRequest::apply_to`] needs it.
pub(super) fn bound((created_at, id): &Cursor) -> [SimpleExpr; 2] {
    [Expr::val(*created_at), Expr::val(*id)]
}

impl Reader {
    /// Reads a page for each owner, with one statement for up to [`MAX_PAGES`] of them.
    ///
    /// Each page is a select of its own within that statement, so that each is read along the
    /// index. A single select over all owners would read and rank their lists as a whole.
    pub(super) async fn pages(
        &self,
        owners: &[UserId],
        page_of: impl Fn(SimpleExpr) -> SelectStatement,
    ) -> Result<Vec<QueryResult>, ReadFailure> {
        let mut rows = Vec::new();
        for owners in owners.chunks(MAX_PAGES) {
            let statement = match owners {
                [owner] => page_of(owner.uuid().into()),
                _ if self.is_sqlite() => union(owners, &page_of),
                _ => lateral(owners, &page_of),
            };
            rows.extend(self.turn().await.query_all(&statement).await?);
        }
        Ok(rows)
    }
}

/// The pages one after the other, for SQLite, which has no lateral joins.
fn union(owners: &[UserId], page_of: &impl Fn(SimpleExpr) -> SelectStatement) -> SelectStatement {
    let mut pages = owners.iter().map(|owner| {
        Query::select()
            .column(Asterisk)
            .from_subquery(page_of(owner.uuid().into()), "page")
            .to_owned()
    });
    let mut statement = pages.next().unwrap_or_default();
    for page in pages {
        statement.union(UnionType::All, page);
    }
    statement
}

/// The pages as a lateral join, which Postgres plans once and not once for each owner.
fn lateral(owners: &[UserId], page_of: &impl Fn(SimpleExpr) -> SelectStatement) -> SelectStatement {
    // The name that Postgres gives to the column of a list of values.
    let owner = Expr::col(("owners", "column1"));
    Query::select()
        .column(("page", Asterisk))
        .from_values(owners.iter().map(|owner| owner.uuid()), "owners")
        .join_lateral(
            JoinType::InnerJoin,
            page_of(owner),
            "page",
            Expr::cust("TRUE"),
        )
        .to_owned()
}

//! Keyset pagination: which part of an ordered list to read, and the SQL that reads it.
//!
//! A page is a row-value comparison with its cursors, `ORDER BY (key, id)` and `LIMIT`. With an
//! index on the pair the database reads it from the cursor on, so the last page costs what the
//! first one does. Written out with `OR` it would read all pages before.

use chrono::{DateTime, Utc};
use sea_orm::QueryResult;
use sea_orm::sea_query::{Alias, Asterisk, Expr, Order, Query, SelectStatement, SimpleExpr};
use sea_orm::sea_query::{ExprTrait as _, UnionType};
use sea_orm::{ConnectionTrait as _, IntoSimpleExpr as _};
use uuid::Uuid;

use super::{ReadFailure, Reader};

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
    pub(super) async fn pages<K: Copy>(
        &self,
        owners: &[K],
        page_of: impl Fn(K) -> SelectStatement,
    ) -> Result<Vec<QueryResult>, ReadFailure> {
        let mut rows = Vec::new();
        for owners in owners.chunks(MAX_PAGES) {
            let mut pages = owners.iter().map(|owner| {
                Query::select()
                    .column(Asterisk)
                    .from_subquery(page_of(*owner), Alias::new("page"))
                    .to_owned()
            });
            let Some(mut statement) = pages.next() else {
                continue;
            };
            for page in pages {
                statement.union(UnionType::All, page);
            }
            rows.extend(self.database.query_all(&statement).await?);
        }
        Ok(rows)
    }
}

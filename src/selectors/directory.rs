//! Everybody's accounts: filtered, searched, ordered, a slice at a time.
//!
//! A slice begins at a place and is read along an index, so the last page costs what the first
//! one does. The expressions here are those of the indices in the migrations `search` and `folded`.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Condition, Expr, LikeExpr, Order, SimpleExpr};
use sea_orm::{
    ColumnTrait, DatabaseBackend, EntityTrait, ExprTrait as _, PaginatorTrait as _, QueryFilter,
    QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use super::session::Slice;
use super::{ReadFailure, Reader};
use crate::domain::role::{AuthProvider, Role};
use crate::domain::user::User;
use crate::entities::user::{Column, Entity, Model};

/// What the words of a search are looked for in. Rows that an older instance wrote have no folded
/// form yet.
const SEARCHED: &str = "(coalesce(email_folded, lower(email), '') || ' ' || coalesce(phone, '') \
                        || ' ' || coalesce(first_name_folded, lower(first_name)) || ' ' || \
                        coalesce(last_name_folded, lower(last_name)))";

/// What orders by name; cut as the index has to be.
const NAME: &str = "substr(coalesce(last_name_folded, '') || ' ' || \
                    coalesce(first_name_folded, ''), 1, 300)";
const LONGEST_NAME: usize = 300;

/// What the list is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sort {
    /// When the account was created.
    CreatedAt,
    /// The last sign-in; never counts as the earliest.
    LastLoginAt,
    /// The e-mail address; none counts as the first.
    Email,
    /// Family name, then given name.
    Name,
}

/// Where something stands in the list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// An instant, or never.
    Instant(Option<DateTime<Utc>>),
    /// A text.
    Text(String),
}

/// A place in the list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserPlace {
    /// What the list is ordered by.
    pub key: Key,
    /// Who, among those with the same key.
    pub id: Uuid,
}

/// Which accounts are wanted; what is absent does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Of this role.
    pub role: Option<Role>,
    /// That came to be like this.
    pub provider: Option<AuthProvider>,
    /// That somebody vouches for, or nobody.
    pub verified: Option<bool>,
    /// That are suspended, or not.
    pub suspended: Option<bool>,
    /// The deleted ones instead of the live ones.
    pub deleted: bool,
    /// In this country.
    pub country: Option<String>,
    /// Created at this instant or later.
    pub created_from: Option<DateTime<Utc>>,
    /// Created before this instant.
    pub created_until: Option<DateTime<Utc>>,
    /// Whose address, number or name has all of these, which [`crate::domain::search`] folded.
    pub words: Vec<String>,
}

/// A slice of the list.
#[derive(Clone, Debug)]
pub struct Page {
    /// Who is on it.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
    /// Whether the largest come first.
    pub descending: bool,
    /// Which part.
    pub slice: Slice<UserPlace>,
}

/// An account of the list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its account.
    pub user: User,
    /// Where it stands.
    pub place: UserPlace,
}

/// Where a row stands in a list of this order: what [`key`] is for it.
fn place_of(row: &Model, sort: Sort) -> UserPlace {
    let text = |column: &Option<String>| column.clone().unwrap_or_default();
    let key = match sort {
        Sort::CreatedAt => Key::Instant(Some(row.created_at)),
        Sort::LastLoginAt => Key::Instant(row.last_login_at),
        Sort::Email => Key::Text(text(&row.email_folded)),
        Sort::Name => {
            let name = format!(
                "{} {}",
                text(&row.last_name_folded),
                text(&row.first_name_folded)
            );
            Key::Text(name.chars().take(LONGEST_NAME).collect())
        }
    };
    UserPlace { key, id: row.id }
}

fn listed(row: Model, sort: Sort) -> Result<Listed, ReadFailure> {
    let place = place_of(&row, sort);
    let user = row.try_into()?;
    Ok(Listed { user, place })
}

impl Reader {
    /// The accounts of a slice: one statement.
    pub(super) async fn directory(&self, page: &Page) -> Result<Vec<Listed>, ReadFailure> {
        let is_sqlite = self.is_sqlite();
        let order = if page.descending == page.slice.from_end {
            Order::Asc
        } else {
            Order::Desc
        };
        let mut select = self.filtered(&page.filter);
        for (place, further) in [(&page.slice.after, true), (&page.slice.before, false)] {
            if let Some(place) = place {
                let rises = page.descending != further;
                select = select.filter(beyond(place, page.sort, rises, is_sqlite));
            }
        }
        let rows = select
            .order_by(key(page.sort, is_sqlite), order.clone())
            .order_by(Column::Id, order)
            .limit(page.slice.limit)
            .all(&self.database)
            .await?;
        rows.into_iter().map(|row| listed(row, page.sort)).collect()
    }

    /// How many accounts there are in all.
    pub(super) async fn directory_count(&self, filter: &Filter) -> Result<u64, ReadFailure> {
        Ok(self.filtered(filter).count(&self.database).await?)
    }

    fn is_sqlite(&self) -> bool {
        self.database.get_database_backend() == DatabaseBackend::Sqlite
    }

    fn filtered(&self, filter: &Filter) -> Select<Entity> {
        let is = |column: Column, text: &str| column.eq(text);
        let mut all = Condition::all()
            .add_option(filter.role.map(|role| is(Column::Role, role.as_str())))
            .add_option(
                filter
                    .provider
                    .map(|it| is(Column::AuthProvider, it.as_str())),
            )
            .add_option(filter.verified.map(|it| Column::IsVerified.eq(it)))
            .add_option(filter.country.as_deref().map(|it| is(Column::Country, it)))
            .add_option(filter.created_from.map(|it| Column::CreatedAt.gte(it)))
            .add_option(filter.created_until.map(|it| Column::CreatedAt.lt(it)))
            .add_option(filter.suspended.map(|it| set(Column::SuspendedAt, it)))
            .add(set(Column::DeletedAt, filter.deleted));
        for word in &filter.words {
            all = all.add(contains(word, self.is_sqlite()));
        }
        Entity::find().filter(all)
    }
}

fn set(column: Column, is_set: bool) -> SimpleExpr {
    if is_set {
        column.is_not_null()
    } else {
        column.is_null()
    }
}

/// The expression that orders the list; one of an index.
fn key(sort: Sort, is_sqlite: bool) -> SimpleExpr {
    match sort {
        Sort::CreatedAt => Expr::col(Column::CreatedAt),
        Sort::LastLoginAt if is_sqlite => Expr::cust("coalesce(last_login_at, '')"),
        Sort::LastLoginAt => Expr::cust("coalesce(last_login_at, '-infinity'::timestamptz)"),
        Sort::Email => by_code_point("coalesce(email_folded, '')", is_sqlite),
        Sort::Name => by_code_point(NAME, is_sqlite),
    }
}

/// One order on both databases, whatever locale Postgres was set up with.
fn by_code_point(text: &'static str, is_sqlite: bool) -> SimpleExpr {
    if is_sqlite {
        Expr::cust(text)
    } else {
        Expr::cust(format!("{text} COLLATE \"C\""))
    }
}

/// Strictly above or below a place.
///
/// Rows are compared as wholes: written out with OR the database would read all pages before.
fn beyond(place: &UserPlace, sort: Sort, rises: bool, is_sqlite: bool) -> SimpleExpr {
    let at = match &place.key {
        Key::Instant(Some(instant)) => Expr::value(*instant),
        Key::Instant(None) if is_sqlite => Expr::cust("''"),
        Key::Instant(None) => Expr::cust("'-infinity'::timestamptz"),
        Key::Text(text) => Expr::value(text.as_str()).cast_as(Alias::new("text")),
    };
    let here = Expr::tuple([key(sort, is_sqlite), Expr::col(Column::Id)]);
    let there = Expr::tuple([at, Expr::value(place.id)]);
    if rises {
        here.gt(there)
    } else {
        here.lt(there)
    }
}

/// Whether an account has this word in its address, number or name.
fn contains(word: &str, is_sqlite: bool) -> SimpleExpr {
    let mut pattern = String::with_capacity(word.len() + 2);
    pattern.push('%');
    for letter in word.chars() {
        match letter {
            '%' | '_' | '!' => pattern.extend(['!', letter]),
            // SQL injection: servers may be told to read a backslash as an escape. Any one
            // letter matches in its place, and no address has one.
            '\\' => pattern.push('_'),
            _ => pattern.push(letter),
        }
    }
    pattern.push('%');
    if is_sqlite {
        return Expr::cust(SEARCHED).like(LikeExpr::new(pattern).escape('!'));
    }
    // Written into the statement, because a plan made for any pattern reads the whole table for
    // a rare one. A quote is doubled, and there is no backslash.
    let quoted = pattern.replace('\'', "''");
    Expr::cust(format!("{SEARCHED} LIKE '{quoted}' ESCAPE '!'"))
}

//! All accounts: filtered, searched, ordered, a page at a time.
//!
//! The expressions here are those of the indices in the migrations `search` and `folded`.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Condition, Expr, LikeExpr, SimpleExpr};
use sea_orm::{
    ColumnTrait, DatabaseBackend, EntityTrait, ExprTrait as _, PaginatorTrait as _, QueryFilter,
    QuerySelect, Select,
};
use uuid::Uuid;

use super::page::{Keyset, PageRequest};
use super::{ReadFailure, Reader};
use crate::domain::role::{AuthProvider, Role};
use crate::domain::user::User;
use crate::entities::user::{Column, Entity, Model};

/// The text that is searched. Rows that an older instance wrote have no folded form yet.
const SEARCHED: &str = "(coalesce(email_folded, lower(email), '') || ' ' || coalesce(phone, '') \
                        || ' ' || coalesce(first_name_folded, lower(first_name)) || ' ' || \
                        coalesce(last_name_folded, lower(last_name)))";

/// The sort key of a name, cut as in the index.
const NAME: &str = "substr(coalesce(last_name_folded, '') || ' ' || \
                    coalesce(first_name_folded, ''), 1, 300)";
const MAX_NAME_LENGTH: usize = 300;

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

/// The sort key of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// An instant, or never.
    Instant(Option<DateTime<Utc>>),
    /// A text.
    Text(String),
}

/// Where an account stands in the list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserCursor {
    /// Its sort key.
    pub key: Key,
    /// Its id, which orders accounts with the same key.
    pub id: Uuid,
}

/// Which accounts to list; an absent field matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// With this role.
    pub role: Option<Role>,
    /// Registered this way.
    pub provider: Option<AuthProvider>,
    /// Verified, or not.
    pub verified: Option<bool>,
    /// Suspended, or not.
    pub suspended: Option<bool>,
    /// The deleted ones instead of the live ones.
    pub deleted: bool,
    /// In this country.
    pub country: Option<String>,
    /// Created at this instant or later.
    pub created_from: Option<DateTime<Utc>>,
    /// Created before this instant.
    pub created_until: Option<DateTime<Utc>>,
    /// Words that the address, number or name contains, folded by [`crate::domain::search`].
    pub words: Vec<String>,
}

/// A page of the list.
#[derive(Clone, Debug)]
pub struct DirectoryPage {
    /// Which accounts.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
    /// Whether the largest come first.
    pub descending: bool,
    /// The page.
    pub page: PageRequest<UserCursor>,
}

/// An account of the list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The account.
    pub user: User,
    /// Where it stands.
    pub cursor: UserCursor,
}

/// Where a row stands in a list of this order: the value of [`key`] for it.
fn cursor_of(row: &Model, sort: Sort) -> UserCursor {
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
            Key::Text(name.chars().take(MAX_NAME_LENGTH).collect())
        }
    };
    UserCursor { key, id: row.id }
}

fn listed(row: Model, sort: Sort) -> Result<Listed, ReadFailure> {
    let cursor = cursor_of(&row, sort);
    let user = row.try_into()?;
    Ok(Listed { user, cursor })
}

impl Reader {
    /// The accounts of a page: one statement.
    pub(super) async fn directory(
        &self,
        wanted: &DirectoryPage,
    ) -> Result<Vec<Listed>, ReadFailure> {
        let (sort, is_sqlite) = (wanted.sort, self.is_sqlite());
        let keyset = Keyset {
            key: key(sort, is_sqlite),
            id: Expr::col(Column::Id),
            descending: wanted.descending,
        };
        let mut select = self.filtered(&wanted.filter);
        let bound = |cursor: &UserCursor| bound(cursor, is_sqlite);
        wanted
            .page
            .apply_to(QuerySelect::query(&mut select), &keyset, bound);
        let rows = select.all(&*self.turn().await).await?;
        rows.into_iter().map(|row| listed(row, sort)).collect()
    }

    /// How many accounts match.
    pub(super) async fn directory_count(&self, filter: &Filter) -> Result<u64, ReadFailure> {
        Ok(self.filtered(filter).count(&*self.turn().await).await?)
    }

    pub(super) fn is_sqlite(&self) -> bool {
        self.database.get_database_backend() == DatabaseBackend::Sqlite
    }

    fn filtered(&self, filter: &Filter) -> Select<Entity> {
        let is = |column: Column, text: &str| column.eq(text);
        let provider = filter.provider.map(AuthProvider::as_str);
        let (country, suspended) = (filter.country.as_deref(), filter.suspended);
        let mut all = Condition::all()
            .add_option(filter.role.map(|role| is(Column::Role, role.as_str())))
            .add_option(provider.map(|provider| is(Column::AuthProvider, provider)))
            .add_option(
                filter
                    .verified
                    .map(|verified| Column::IsVerified.eq(verified)),
            )
            .add_option(country.map(|country| is(Column::Country, country)))
            .add_option(filter.created_from.map(|from| Column::CreatedAt.gte(from)))
            .add_option(
                filter
                    .created_until
                    .map(|until| Column::CreatedAt.lt(until)),
            )
            .add_option(suspended.map(|is_set| set(Column::SuspendedAt, is_set)))
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

/// The expression that orders the list, as in its index.
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

/// A cursor as values for the key and the id.
fn bound(cursor: &UserCursor, is_sqlite: bool) -> [SimpleExpr; 2] {
    let key = match &cursor.key {
        Key::Instant(Some(instant)) => Expr::value(*instant),
        Key::Instant(None) if is_sqlite => Expr::cust("''"),
        Key::Instant(None) => Expr::cust("'-infinity'::timestamptz"),
        Key::Text(text) => Expr::value(text.as_str()).cast_as(Alias::new("text")),
    };
    [key, Expr::value(cursor.id)]
}

/// Whether an account has this word in its address, number or name.
fn contains(word: &str, is_sqlite: bool) -> SimpleExpr {
    let mut pattern = String::with_capacity(word.len() + 2);
    pattern.push('%');
    for letter in word.chars() {
        match letter {
            '%' | '_' | '!' => pattern.extend(['!', letter]),
            // SQL injection: with `standard_conforming_strings` off, a backslash escapes. Match
            // any one character instead; no address has one.
            '\\' => pattern.push('_'),
            _ => pattern.push(letter),
        }
    }
    pattern.push('%');
    if is_sqlite {
        return Expr::cust(SEARCHED).like(LikeExpr::new(pattern).escape('!'));
    }
    // Inlined, because a generic plan reads the whole table for a rare word. Quotes are doubled,
    // and there is no backslash.
    let quoted = pattern.replace('\'', "''");
    Expr::cust(format!("{SEARCHED} LIKE '{quoted}' ESCAPE '!'"))
}

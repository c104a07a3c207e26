//! The list of user accounts.

use std::sync::Arc;

use async_graphql::connection::CursorType;
use async_graphql::{Context, Enum, InputObject};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::enums::{AuthProvider, Role};
use super::user::User;
use crate::domain::{search, text};
use crate::schema::connection::{Connection, PageArguments, TotalCount};
use crate::schema::error::{Error, ErrorCode};
use crate::schema::request::ContextExt as _;
use crate::schema::scalars::Instant;
use crate::selectors::directory::{DirectoryPage, Filter, Key, Sort, UserCursor};

const MAX_SEARCH_LENGTH: usize = 200;
const MAX_SEARCH_WORDS: usize = 8;

/// A filter for accounts. All given conditions must match.
#[derive(Debug, Default, InputObject)]
pub struct UserFilter {
    /// With this role.
    role: Option<Role>,
    /// Registered this way.
    provider: Option<AuthProvider>,
    /// Whether an e-mail address or phone number is verified.
    verified: Option<bool>,
    /// Whether the account is suspended.
    suspended: Option<bool>,
    /// `true` for deleted accounts. Otherwise only live accounts are listed.
    deleted: Option<bool>,
    /// The country, exactly as in the profile.
    country: Option<String>,
    /// Created at or after this instant.
    created_since: Option<Instant>,
    /// Created before this instant.
    created_until: Option<Instant>,
    /// Words or parts of words that must occur in the e-mail address, phone number or name. Ignores
    /// case, accents and Unicode spelling: `jose` finds `José`, and `strasse` finds `Straße`. At
    /// most 8 words and 200 characters.
    search: Option<String>,
}

impl UserFilter {
    fn check(self) -> Result<Filter, Error> {
        let search = self.search.unwrap_or_default();
        let is_long = search.chars().nth(MAX_SEARCH_LENGTH).is_some();
        let words = if is_long {
            Vec::new()
        } else {
            search::words(&search)
        };
        if is_long || words.len() > MAX_SEARCH_WORDS {
            let message = "A search has at most 8 words and 200 characters.";
            return Err(Error::of(ErrorCode::BadUserInput, message));
        }
        Ok(Filter {
            role: self.role.map(Into::into),
            provider: self.provider.map(Into::into),
            verified: self.verified,
            suspended: self.suspended,
            deleted: self.deleted.unwrap_or(false),
            country: self.country.as_deref().map(text::normal),
            created_from: self.created_since.map(|instant| instant.0),
            created_until: self.created_until.map(|instant| instant.0),
            words,
        })
    }
}

/// The sort key of the user list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum UserOrderField {
    /// When the account was created.
    CreatedAt,
    /// The last sign-in; accounts without one come first in ascending order.
    LastLoginAt,
    /// The e-mail address; accounts without one come first in ascending order.
    Email,
    /// Family name, then given name, in Unicode order without case and accents.
    Name,
}

/// The sort direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum OrderDirection {
    /// Ascending: smallest, first or oldest first.
    Asc,
    /// Descending: largest, last or newest first.
    Desc,
}

/// The order of the user list.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct UserOrder {
    /// The sort key.
    field: UserOrderField,
    /// The sort direction.
    #[graphql(default_with = "OrderDirection::Asc")]
    direction: OrderDirection,
}

impl UserOrder {
    fn sort(self) -> Sort {
        match self.field {
            UserOrderField::CreatedAt => Sort::CreatedAt,
            UserOrderField::LastLoginAt => Sort::LastLoginAt,
            UserOrderField::Email => Sort::Email,
            UserOrderField::Name => Sort::Name,
        }
    }
}

/// Page arguments as received.
#[derive(Debug)]
pub(in crate::schema) struct PageInput {
    pub(in crate::schema) first: Option<i32>,
    pub(in crate::schema) after: Option<String>,
    pub(in crate::schema) last: Option<i32>,
    pub(in crate::schema) before: Option<String>,
}

/// A page of user accounts.
pub(in crate::schema) type UserConnection = Connection<DirectoryCursor, User>;

/// Loads a page of the list. The caller must have checked access.
pub(in crate::schema) async fn load_page(
    context: &Context<'_>,
    filter: Option<UserFilter>,
    order: Option<UserOrder>,
    page: PageInput,
) -> Result<UserConnection, Error> {
    let order = order.unwrap_or(UserOrder {
        field: UserOrderField::CreatedAt,
        direction: OrderDirection::Desc,
    });
    let sort = order.sort();
    let PageInput {
        first,
        after,
        last,
        before,
    } = page;
    let decode = |cursor: &str| {
        let cursor = DirectoryCursor::decode_cursor(cursor).ok()?;
        (cursor.sort == sort).then_some(cursor.cursor)
    };
    let arguments = PageArguments::check_cursors(first, after, last, before, decode)?;
    let page = DirectoryPage {
        filter: filter.unwrap_or_default().check()?,
        sort,
        descending: order.direction == OrderDirection::Desc,
        page: arguments.request(),
    };
    let users = context.loaders().directory(&page).await?;
    let total = TotalCount::Users(page.filter);
    Ok(arguments.page(users, total, |listed| {
        let cursor = DirectoryCursor {
            sort,
            cursor: listed.cursor,
        };
        (cursor, User::from(Arc::new(listed.user)))
    }))
}

const NEVER: u8 = 0;
const INSTANT: u8 = 1;
const TEXT: u8 = 2;

const SORTS: [Sort; 4] = [Sort::CreatedAt, Sort::LastLoginAt, Sort::Email, Sort::Name];

/// A position in the list: the order, the kind of key, the id, and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryCursor {
    pub(in crate::schema) sort: Sort,
    pub(in crate::schema) cursor: UserCursor,
}

impl CursorType for DirectoryCursor {
    type Error = &'static str;

    fn decode_cursor(text: &str) -> Result<Self, Self::Error> {
        decode(text).ok_or("not a cursor")
    }

    fn encode_cursor(&self) -> String {
        let (kind, key) = match &self.cursor.key {
            Key::Instant(None) => (NEVER, Vec::new()),
            Key::Instant(Some(at)) => (INSTANT, at.timestamp_micros().to_be_bytes().to_vec()),
            Key::Text(text) => (TEXT, text.as_bytes().to_vec()),
        };
        let head = [self.sort as u8, kind];
        URL_SAFE_NO_PAD.encode([&head[..], self.cursor.id.as_bytes(), &key].concat())
    }
}

fn decode(cursor: &str) -> Option<DirectoryCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let ([order, kind], rest) = bytes.split_first_chunk::<2>()?;
    let sort = SORTS.into_iter().find(|sort| *sort as u8 == *order)?;
    let (id, key) = rest.split_first_chunk::<16>()?;
    let is_instant = matches!(sort, Sort::CreatedAt | Sort::LastLoginAt);
    let key = match *kind {
        NEVER if sort == Sort::LastLoginAt && key.is_empty() => Key::Instant(None),
        INSTANT if is_instant => {
            let micros = i64::from_be_bytes(key.try_into().ok()?);
            Key::Instant(Some(Instant::from_micros(micros)?.0))
        }
        TEXT if !is_instant => {
            let text = String::from_utf8(key.to_vec()).ok()?;
            // Postgres stores no text with U+0000.
            (!text.contains('\0')).then_some(Key::Text(text))?
        }
        _ => return None,
    };
    let id = Uuid::from_bytes(*id);
    let cursor = UserCursor { key, id };
    Some(DirectoryCursor { sort, cursor })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_survives_its_encoding(
            micros in proptest::option::of(0_i64..4_000_000_000_000_000),
            text in "[^\0]{0,40}",
            id in any::<u128>(),
        ) {
            let at = micros.map(|micros| DateTime::from_timestamp_micros(micros).unwrap());
            let id = Uuid::from_u128(id);
            for sort in SORTS {
                let key = match sort {
                    Sort::CreatedAt => Key::Instant(Some(at.unwrap_or_default())),
                    Sort::LastLoginAt => Key::Instant(at),
                    Sort::Email | Sort::Name => Key::Text(text.clone()),
                };
                let cursor = DirectoryCursor { sort, cursor: UserCursor { key, id } };
                let read = DirectoryCursor::decode_cursor(&cursor.encode_cursor());
                prop_assert_eq!(read, Ok(cursor));
            }
        }

        #[test]
        fn any_text_is_read_as_a_cursor_or_refused(text in "[A-Za-z0-9_-]{0,80}") {
            let _ = decode(&text);
        }
    }
}

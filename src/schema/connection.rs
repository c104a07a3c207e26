//! Relay connections: validation of page arguments, pages, and cursors.

use async_graphql::connection::{Connection as Relay, CursorType, Edge};
use async_graphql::{Context, Object, OutputType};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::directives::DEFAULT_PAGE_SIZE;
use super::error::{Error, ErrorCode};
use super::request::ContextExt as _;
use super::scalars::Instant;
use crate::selectors::audit_event::{CountMatching, CountOfUser};
use crate::selectors::deleted_record::CountDeleted;
use crate::selectors::directory::Filter;
use crate::selectors::page::{Cursor, PageRequest};
use crate::selectors::session::SessionCountOfUser;

/// Maximum page size.
pub(super) const MAX_PAGE_SIZE: usize = 100;
/// Maximum cursor length. Name cursors are the longest: one character can take 18 bytes.
const MAX_CURSOR_LENGTH: usize = 16 * 1024;

/// A page of a list with a total count.
pub(super) type Connection<C, N> = Relay<C, N, TotalCount>;

/// Counts the entries of a list when `totalCount` is requested.
#[derive(Clone, Debug)]
pub enum TotalCount {
    /// Accounts.
    Users(Filter),
    /// Live sessions of a user.
    Sessions(SessionCountOfUser),
    /// Records of deleted accounts.
    DeletedRecords(CountDeleted),
    /// Audit events.
    AuditEvents(CountMatching),
    /// Audit events about a user.
    AuditEventsOf(CountOfUser),
}

#[Object]
impl TotalCount {
    /// The total number of entries. Counted only if requested; slower for long lists.
    async fn total_count(&self, context: &Context<'_>) -> Result<i64, Error> {
        let loaders = context.loaders();
        let count = match self {
            Self::Users(filter) => loaders.directory_count(filter).await?,
            Self::Sessions(key) => loaders.session_count(*key).await?,
            Self::DeletedRecords(key) => loaders.deleted_record_count(key.clone()).await?,
            Self::AuditEvents(key) => loaders.audit_event_count(key.clone()).await?,
            Self::AuditEventsOf(key) => loaders.audit_event_count_of(*key).await?,
        };
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// Validated page arguments.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageArguments<C = Cursor> {
    size: usize,
    after: Option<C>,
    before: Option<C>,
    from_end: bool,
}

impl PageArguments {
    /// Rejects negative sizes, `first` together with `last`, sizes above the maximum, and invalid
    /// cursors.
    pub(super) fn check(
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Self, Error> {
        Self::check_cursors(first, after, last, before, decode)
    }
}

impl<C: Clone> PageArguments<C> {
    /// Like [`PageArguments::check`], with the decoder of this list's cursors.
    pub(super) fn check_cursors(
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        decode: impl Fn(&str) -> Option<C>,
    ) -> Result<Self, Error> {
        let wrong = |message: &str| Error::of(ErrorCode::BadUserInput, message);
        if first.is_some() && last.is_some() {
            return Err(wrong("Give `first` or `last`, not both."));
        }
        let size = match first.or(last) {
            None => DEFAULT_PAGE_SIZE,
            Some(size) => usize::try_from(size)
                .ok()
                .filter(|size| *size <= MAX_PAGE_SIZE)
                .ok_or_else(|| wrong("A page has 0 to 100 entries."))?,
        };
        let read = |cursor: Option<String>| match cursor {
            None => Ok(None),
            Some(cursor) => Some(&cursor)
                .filter(|cursor| cursor.len() <= MAX_CURSOR_LENGTH)
                .and_then(|cursor| decode(cursor))
                .map(Some)
                .ok_or_else(|| wrong("This cursor does not come from this list.")),
        };
        Ok(Self {
            size,
            after: read(after)?,
            before: read(before)?,
            from_end: last.is_some(),
        })
    }

    /// The page to read, with one extra entry to tell whether another page follows.
    pub(super) fn request(&self) -> PageRequest<C> {
        PageRequest {
            limit: u64::try_from(self.size).unwrap_or_default() + 1,
            after: self.after.clone(),
            before: self.before.clone(),
            from_end: self.from_end,
        }
    }

    /// Builds the page from the rows read by [`Self::request`].
    pub(super) fn page<R, E, N>(
        &self,
        mut rows: Vec<R>,
        total: TotalCount,
        edge: impl Fn(R) -> (E, N),
    ) -> Connection<E, N>
    where
        E: CursorType + Send + Sync,
        N: OutputType,
    {
        let more = rows.len() > self.size;
        rows.truncate(self.size);
        let (has_previous, has_next) = if self.from_end {
            rows.reverse();
            (more, self.before.is_some())
        } else {
            (self.after.is_some(), more)
        };
        let mut page = Relay::with_additional_fields(has_previous, has_next, total);
        let edges = rows.into_iter().map(edge);
        page.edges
            .extend(edges.map(|(cursor, node)| Edge::new(cursor, node)));
        page
    }
}

/// A position in a list ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeCursor(pub Cursor);

impl CursorType for TimeCursor {
    type Error = &'static str;

    fn decode_cursor(text: &str) -> Result<Self, Self::Error> {
        decode(text).map(Self).ok_or("not a cursor")
    }

    fn encode_cursor(&self) -> String {
        let Self((instant, id)) = self;
        let mut bytes = instant.timestamp_micros().to_be_bytes().to_vec();
        bytes.extend_from_slice(id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn decode(cursor: &str) -> Option<Cursor> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (instant, id) = bytes.split_first_chunk::<8>()?;
    let instant = Instant::from_micros(i64::from_be_bytes(*instant))?;
    Some((instant.0, Uuid::from_slice(id).ok()?))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_survives_its_encoding(micros in 0_i64..4_000_000_000_000_000, id in any::<u128>()) {
            let cursor = (DateTime::from_timestamp_micros(micros).unwrap(), Uuid::from_u128(id));
            prop_assert_eq!(TimeCursor::decode_cursor(&TimeCursor(cursor).encode_cursor()), Ok(TimeCursor(cursor)));
        }

        #[test]
        fn any_text_is_read_as_a_cursor_or_refused(text in ".{0,64}") {
            let _ = decode(&text);
        }
    }

    #[test]
    fn a_page_is_bounded_and_has_one_direction() {
        assert!(PageArguments::check(Some(101), None, None, None).is_err());
        assert!(PageArguments::check(Some(-1), None, None, None).is_err());
        assert!(PageArguments::check(Some(1), None, Some(1), None).is_err());
        assert!(PageArguments::check(None, Some("x".to_owned()), None, None).is_err());
        assert_eq!(
            PageArguments::check(Some(100), None, None, None)
                .unwrap()
                .request()
                .limit,
            101
        );
    }

    #[test]
    fn a_long_text_is_no_cursor_and_is_not_decoded() {
        let check = |length: usize| {
            let decoded = std::cell::Cell::new(0);
            let count = |text: &str| {
                decoded.set(text.len());
                Some(())
            };
            let text = || Some("A".repeat(length));
            let after = PageArguments::check_cursors(None, text(), None, None, count);
            let before = PageArguments::check_cursors(None, None, None, text(), count);
            assert_eq!(after.is_ok(), before.is_ok());
            (after.is_ok(), decoded.get())
        };
        assert_eq!(check(MAX_CURSOR_LENGTH), (true, MAX_CURSOR_LENGTH));
        assert_eq!(check(MAX_CURSOR_LENGTH + 1), (false, 0));
    }

    #[test]
    fn a_page_from_the_end_is_in_list_order() {
        let arguments = PageArguments::check(None, None, Some(2), None).unwrap();
        let total = TotalCount::Users(Filter::default());
        let page = arguments.page(vec![9, 8, 7], total, |number| (number, number));
        let numbers: Vec<usize> = page.edges.iter().map(|edge| edge.node).collect();
        assert_eq!((numbers, page.has_previous_page), (vec![8, 9], true));
    }
}

//! Relay connections: checking page arguments, cutting pages, encoding cursors.

use async_graphql::SimpleObject;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::error::{Error, ErrorCode};
use super::scalars::Instant;
use crate::selectors::page::{Cursor, PageRequest};

/// How many entries a page has when nobody says.
pub(super) const DEFAULT_SIZE: usize = 20;
/// How many entries a page has at most.
pub(super) const LARGEST_SIZE: usize = 100;
/// Bytes of a cursor. Those of names are the longest: a character can stand for 18.
const LONGEST_CURSOR: usize = 16 * 1024;
/// How many identities a person is shown with: nobody needs more, and each one costs.
pub(super) const MOST_IDENTITIES: usize = 20;

/// Where a part of a list ends, and whether there is more.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(shareable)]
pub struct PageInfo {
    /// Whether there is more after this part.
    has_next_page: bool,
    /// Whether there is more before this part.
    has_previous_page: bool,
    /// The place of the first entry.
    start_cursor: Option<String>,
    /// The place of the last entry.
    end_cursor: Option<String>,
}

/// Page arguments that have been checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageArguments<C = Cursor> {
    size: usize,
    after: Option<C>,
    before: Option<C>,
    from_end: bool,
}

impl PageArguments {
    /// Refuses negative sizes, both directions at once, more than a page, and foreign cursors.
    pub(super) fn check(
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Self, Error> {
        Self::check_cursors(first, after, last, before, decode_cursor)
    }
}

impl<C: Clone> PageArguments<C> {
    /// The same for a list with cursors of its own.
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
            None => DEFAULT_SIZE,
            Some(size) => usize::try_from(size)
                .ok()
                .filter(|size| *size <= LARGEST_SIZE)
                .ok_or_else(|| wrong("A page has 0 to 100 entries."))?,
        };
        let read = |cursor: Option<String>| match cursor {
            None => Ok(None),
            Some(cursor) => Some(&cursor)
                .filter(|cursor| cursor.len() <= LONGEST_CURSOR)
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

    /// The page to read, with one entry more to learn whether there is a next page.
    pub(super) fn request(&self) -> PageRequest<C> {
        PageRequest {
            limit: u64::try_from(self.size).unwrap_or_default() + 1,
            after: self.after.clone(),
            before: self.before.clone(),
            from_end: self.from_end,
        }
    }

    /// Cuts what was read to the page, in list order; says whether there was more.
    pub(super) fn cut<T>(&self, entries: &mut Vec<T>) -> bool {
        let more = entries.len() > self.size;
        entries.truncate(self.size);
        if self.from_end {
            entries.reverse();
        }
        more
    }

    pub(super) fn page_info(
        &self,
        more: bool,
        start_cursor: Option<String>,
        end_cursor: Option<String>,
    ) -> PageInfo {
        PageInfo {
            has_next_page: if self.from_end {
                self.before.is_some()
            } else {
                more
            },
            has_previous_page: if self.from_end {
                more
            } else {
                self.after.is_some()
            },
            start_cursor,
            end_cursor,
        }
    }
}

/// A cursor as opaque text.
pub(super) fn encode_cursor((instant, id): Cursor) -> String {
    let mut bytes = instant.timestamp_micros().to_be_bytes().to_vec();
    bytes.extend_from_slice(id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn decode_cursor(cursor: &str) -> Option<Cursor> {
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
            prop_assert_eq!(decode_cursor(&encode_cursor(cursor)), Some(cursor));
        }

        #[test]
        fn any_text_is_read_as_a_cursor_or_refused(text in ".{0,64}") {
            let _ = decode_cursor(&text);
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
        assert_eq!(check(LONGEST_CURSOR), (true, LONGEST_CURSOR));
        assert_eq!(check(LONGEST_CURSOR + 1), (false, 0));
    }

    #[test]
    fn a_page_from_the_end_is_in_list_order() {
        let page = PageArguments::check(None, None, Some(2), None).unwrap();
        let mut entries = vec![9, 8, 7];
        assert!(page.cut(&mut entries));
        assert_eq!(entries, [8, 9]);
    }
}

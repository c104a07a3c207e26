//! Hostile values as JSON: name and text.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::NIL_ID;

/// Strings as JSON: name and text.
pub(super) fn texts() -> Vec<(&'static str, String)> {
    let quoted = |text: &str| json!(text).to_string();
    vec![
        ("empty", quoted("")),
        ("blanks", quoted(" \t\r\n\u{a0}\u{3000}")),
        ("nul", "\"\\u0000\"".to_owned()),
        ("nul inside", "\"a\\u0000b@example.com\"".to_owned()),
        ("high surrogate", "\"\\ud800\"".to_owned()),
        ("low surrogate", "\"a\\udc00b\"".to_owned()),
        ("swapped surrogates", "\"\\udc00\\ud800\"".to_owned()),
        ("100000 letters", quoted(&"a".repeat(100_000))),
        ("100000 of three bytes", quoted(&"\u{20ac}".repeat(100_000))),
        ("override", quoted("\u{202e}moc.elpmaxe@ada")),
        ("emoji", quoted("👩‍👩‍👧‍👦😀")),
        ("noncharacter", quoted("\u{ffff}\u{10ffff}")),
        ("patterns", quoted("%_*?[a]\\")),
        ("quotes", quoted("'\"`;--\\'$1?/*")),
        ("controls", quoted("\u{1}\u{7f}\u{1b}[31m")),
        ("2^53", "9007199254740993".to_owned()),
        ("-1", "-1".to_owned()),
        ("fraction", "1.5e300".to_owned()),
        ("true", "true".to_owned()),
        ("list", "[[]]".to_owned()),
        ("object", "{\"a\":null}".to_owned()),
        ("null", "null".to_owned()),
    ]
}

pub(super) fn ids() -> Vec<(&'static str, String)> {
    let ids = [
        ("nobody", NIL_ID),
        ("all bits", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        ("braces", "{00000000-0000-0000-0000-000000000000}"),
        ("36 bytes", "é0000000-0000-0000-0000-000000000000"),
    ];
    let ids = ids.map(|(name, id)| (name, json!(id).to_string()));
    texts().into_iter().chain(ids).collect()
}

pub(super) fn instants() -> Vec<(&'static str, String)> {
    let instants = [
        ("year -5000", "-5000-01-01T00:00:00Z"),
        ("year 0", "0000-01-01T00:00:00Z"),
        ("year 1", "0001-01-01T00:00:00Z"),
        ("before year 1", "0001-01-01T00:00:00+00:01"),
        ("year 9999", "9999-12-31T23:59:59.999999Z"),
        ("after year 9999", "9999-12-31T23:59:59-00:01"),
        ("year 10000", "+10000-01-01T00:00:00Z"),
        ("last year", "+262142-12-31T23:59:59Z"),
        ("leap second", "2016-12-31T23:59:60Z"),
        ("no leap second", "2026-03-01T12:00:60Z"),
        ("nanoseconds", "2026-03-01T11:59:59.999999999Z"),
        ("now", "2026-03-01T12:00:00Z"),
        ("day", "2026-03-01"),
        ("32nd", "2026-03-32T00:00:00Z"),
    ];
    let instants = instants.map(|(name, at)| (name, json!(at).to_string()));
    texts().into_iter().chain(instants).collect()
}

pub(super) fn numbers() -> Vec<(&'static str, String)> {
    let numbers = [
        ("0", "0"),
        ("101", "101"),
        ("2^31-1", "2147483647"),
        ("2^31", "2147483648"),
        ("-2^31", "-2147483648"),
        ("-2^63", "-9223372036854775808"),
        ("2^64", "18446744073709551616"),
        ("1.0", "1.0"),
    ];
    let numbers = numbers.map(|(name, number)| (name, number.to_owned()));
    texts().into_iter().chain(numbers).collect()
}

/// Forged cursors: timestamps out of the database's range, keys that are no text.
pub(super) fn cursors() -> Vec<(&'static str, String)> {
    let id = [7; 16];
    let plain = |micros: i64| [&micros.to_be_bytes()[..], &id].concat();
    let listed = |order: u8, kind: u8, key: &[u8]| [&[order, kind][..], &id, key].concat();
    let year_5000_bc = -219_955_305_600_000_000_i64;
    let cursors = [
        ("first instant", plain(i64::MIN)),
        ("last instant", plain(i64::MAX)),
        ("5000 BC", plain(year_5000_bc)),
        ("far future", plain(8_000_000_000_000_000_000)),
        ("list 5000 BC", listed(0, 1, &year_5000_bc.to_be_bytes())),
        ("list last", listed(0, 1, &i64::MAX.to_be_bytes())),
        ("list nul", listed(2, 2, b"a\0b")),
        ("list text", listed(2, 2, "ａ%_'\u{202e}".as_bytes())),
    ];
    let cursors =
        cursors.map(|(name, bytes)| (name, json!(URL_SAFE_NO_PAD.encode(bytes)).to_string()));
    texts().into_iter().chain(cursors).collect()
}

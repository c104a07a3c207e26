//! Truth values and times as the databases print them.

use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};

use super::{Cell, Cells};

/// Whether a column holds a true value.
pub(super) fn is_set(cells: &Cells, column: &str) -> bool {
    let text = cells.get(column).and_then(Cell::text);
    text.and_then(read_flag).unwrap_or(false)
}

/// A truth value as any of the databases prints it.
pub(super) fn read_flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "1" | "yes" | "y" | "\u{1}" => Some(true),
        "f" | "false" | "0" | "no" | "n" | "\0" => Some(false),
        _ => None,
    }
}

/// A time as any of the databases prints it, to the microsecond; one without an offset has this one.
pub(super) fn read_time(text: &str, offset: FixedOffset) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let written = text.replacen('T', " ", 1);
    let with_offset = ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z"];
    for format in with_offset {
        if let Ok(at) = DateTime::parse_from_str(&written, format) {
            return Some(at.with_timezone(&Utc));
        }
    }
    let naive = NaiveDateTime::parse_from_str(&written, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    let at = naive.and_local_timezone(offset).single()?;
    Some(at.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_each_database_prints_them() {
        let offset = FixedOffset::east_opt(2 * 3600).unwrap();
        let read = |text| read_time(text, offset).map(|at| at.to_rfc3339());
        let noon = Some("2020-01-02T12:00:00+00:00".to_owned());
        for text in [
            "2020-01-02 12:00:00+00",
            "2020-01-02 12:00:00.000+00:00",
            "2020-01-02T12:00:00Z",
            "2020-01-02 17:30:00+05:30",
            "2020-01-02 14:00:00",
            "2020-01-02 14:00:00.000000",
        ] {
            assert_eq!(read(text), noon, "{text}");
        }
        for text in [
            "",
            "infinity",
            "0000-00-00 00:00:00",
            "2020-13-01 00:00:00",
            "0044-03-15 00:00:00 BC",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}

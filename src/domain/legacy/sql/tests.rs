use super::*;

#[test]
fn a_literal_means_the_same_under_every_setting() {
    use SqlDialect::{MySql, Postgres, Sqlite};
    for (dialect, text, expected) in [
        (Postgres, "O'Hara", "'O''Hara'"),
        (MySql, "O'Hara", "'O''Hara'"),
        (Sqlite, "O'Hara", "'O''Hara'"),
        (Postgres, r"a\'b", r"E'a\\''b'"),
        (MySql, r"a\'b", "CONVERT(X'615C2762' USING utf8mb4)"),
        (Sqlite, r"a\'b", r"'a\''b'"),
        (Postgres, "a\n😀", r"E'a\u000A😀'"),
        (MySql, "a\n😀", "CONVERT(X'610AF09F9880' USING utf8mb4)"),
        (Sqlite, "a\n😀", "CAST(X'610AF09F9880' AS TEXT)"),
        (MySql, "😀", "'😀'"),
    ] {
        assert_eq!(dialect.text(text), expected, "{dialect:?} {text:?}");
        assert!(!dialect.text(text).contains(char::is_control));
    }
}

//! The statements that write accounts back into a legacy database: a file that its operator reads and
//! then runs.
//!
//! What is new and what must be unique waits in temporary tables (`frame`) while the rows come
//! (`rows`), and goes to its place at the end (`changes`, `creations`), all in one transaction. Every statement is one line, and no
//! literal has a control character, so that no client takes a part of one for something else.

mod changes;
mod creations;
mod frame;
mod rows;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, Timelike as _, Utc};

use super::{Column, Field, Fill, Fills, Mapping, Value, Written};

/// The language of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlDialect {
    /// Postgres.
    Postgres,
    /// `MySQL` and `MariaDB`.
    MySql,
    /// SQLite.
    Sqlite,
}

impl SqlDialect {
    /// A text as a literal that means the same under every setting of the server.
    #[must_use]
    pub fn text(self, text: &str) -> String {
        let quoted = || format!("'{}'", text.replace('\'', "''"));
        let has_control = text.contains(char::is_control);
        match self {
            // Backslashes mean themselves or not, by `standard_conforming_strings`, except in E''.
            Self::Postgres if has_control || text.contains('\\') => {
                let mut literal = String::from("E'");
                for sign in text.chars() {
                    match sign {
                        '\'' => literal.push_str("''"),
                        '\\' => literal.push_str("\\\\"),
                        sign if sign.is_control() => {
                            let _ = write!(literal, "\\u{:04X}", u32::from(sign));
                        }
                        sign => literal.push(sign),
                    }
                }
                literal.push('\'');
                literal
            }
            // Backslashes escape or not, by `NO_BACKSLASH_ESCAPES`.
            Self::MySql if has_control || text.contains('\\') => {
                format!("CONVERT(X'{}' USING utf8mb4)", hex::encode_upper(text))
            }
            Self::Sqlite if has_control => format!("CAST(X'{}' AS TEXT)", hex::encode_upper(text)),
            _ => quoted(),
        }
    }

    /// The name of a table, perhaps with a schema, or of a column. Mappings admit no quotes in them.
    #[must_use]
    pub fn name(self, name: &str) -> String {
        let quote = if self == Self::MySql { '`' } else { '"' };
        let parts = name.split('.').map(|part| format!("{quote}{part}{quote}"));
        parts.collect::<Vec<_>>().join(".")
    }
}

/// Writes the statements.
#[derive(Clone, Debug)]
pub struct SqlFile {
    dialect: SqlDialect,
    mapping: Mapping,
    written: Written,
    /// The time of the export.
    now: DateTime<Utc>,
    /// Groups that were made sure of.
    groups: BTreeSet<String>,
}

impl SqlFile {
    /// Statements of this language for these tables.
    #[must_use]
    pub fn new(
        dialect: SqlDialect,
        mapping: Mapping,
        written: Written,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            dialect,
            mapping,
            written,
            now,
            groups: BTreeSet::new(),
        }
    }

    /// A value as a literal. Times without an offset have the offset of the mapping.
    fn literal(&self, value: &Value) -> String {
        match (value, self.dialect) {
            (Value::Null, _) => "NULL".to_owned(),
            (Value::Flag(flag), SqlDialect::Postgres) => flag.to_string(),
            (Value::Flag(flag), _) => u8::from(*flag).to_string(),
            (Value::Number(number), _) => number.to_string(),
            (Value::Text(text), dialect) => dialect.text(text),
            (Value::Time(at), dialect) => {
                let at = at.with_timezone(&self.mapping.offset);
                // As Django writes them.
                let format = match (dialect, at.nanosecond() / 1_000) {
                    (SqlDialect::Postgres, _) => "'%Y-%m-%d %H:%M:%S%.6f%:z'",
                    (_, 0) => "'%Y-%m-%d %H:%M:%S'",
                    _ => "'%Y-%m-%d %H:%M:%S%.6f'",
                };
                at.format(format).to_string()
            }
        }
    }

    fn literals<'a>(&self, values: impl Iterator<Item = &'a Value>) -> String {
        values
            .map(|value| self.literal(value))
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn name(&self, name: &str) -> String {
        self.dialect.name(name)
    }

    fn names<'a>(&self, names: impl Iterator<Item = &'a String>) -> String {
        names
            .map(|name| self.name(name))
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn users(&self) -> String {
        self.name(&self.mapping.user.table)
    }

    fn user_key(&self) -> String {
        self.name(&self.mapping.user.key)
    }

    /// The first column of a field, if it is in the table of users.
    fn of_user(&self, field: Field) -> Option<&str> {
        let column = self.mapping.fields.get(&field)?.first()?;
        (!column.is_profile).then_some(column.name.as_str())
    }

    /// Where the public id is.
    fn pid(&self) -> Option<&Column> {
        self.mapping.fields.get(&Field::Pid)?.first()
    }

    /// The column of users by which a new row is found again: the mark, the public id or the address.
    fn anchor(&self) -> Option<&str> {
        let export = &self.mapping.export;
        let pid = self.pid().filter(|pid| !pid.is_profile);
        export
            .mark()
            .or_else(|| pid.map(|pid| pid.name.as_str()))
            .or_else(|| self.of_user(Field::Email))
    }

    /// Whether only the row that this export made can have the anchor.
    fn anchor_is_ours(&self) -> bool {
        self.mapping.export.mark().is_some()
    }

    /// Inserts that leave out what is there.
    fn insert_new(&self, table: &str, columns: &str, select: &str) -> String {
        match self.dialect {
            SqlDialect::Postgres => {
                format!("INSERT INTO {table} ({columns}) {select} ON CONFLICT DO NOTHING;\n")
            }
            SqlDialect::MySql => format!("INSERT IGNORE INTO {table} ({columns}) {select};\n"),
            SqlDialect::Sqlite => format!("INSERT OR IGNORE INTO {table} ({columns}) {select};\n"),
        }
    }

    /// Columns and literals of values that do not depend on an account.
    fn constants(&self, fills: &Fills, now: &Value) -> (String, String) {
        let (mut columns, mut values) = (String::new(), String::new());
        for (column, fill) in fills {
            let value = match fill {
                Fill::Flag(flag) => Value::Flag(*flag),
                Fill::Number(number) => Value::Number(*number),
                Fill::Text(text) => Value::Text(text.clone()),
                Fill::Now | Fill::CreatedAt => now.clone(),
                Fill::Mark | Fill::Pid | Fill::Email => Value::Null,
            };
            let _ = write!(columns, ", {}", self.name(column));
            let _ = write!(values, ", {}", self.literal(&value));
        }
        (columns, values)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

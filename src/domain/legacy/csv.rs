//! Accounts as tables of text (RFC 4180), for systems that no SQL file fits.
//!
//! Every value is quoted and unchanged, also where a spreadsheet would take it for a formula: a value
//! that is changed here would be changed in the legacy system. What is not quoted is NULL.

use chrono::SecondsFormat;

use super::back::new_columns;
use super::{ChangedRow, Field, Mapping, NewRow, Value};

/// A file of the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsvFile {
    /// Accounts that were made here.
    New,
    /// Values that changed, one a line.
    Changed,
    /// Memberships in groups.
    Groups,
    /// Addresses and whether they are verified.
    Addresses,
    /// Accounts at other providers.
    Identities,
    /// Keys of people who were erased here.
    Erased,
}

impl CsvFile {
    /// Every file.
    pub const ALL: [Self; 6] = [
        Self::New,
        Self::Changed,
        Self::Groups,
        Self::Addresses,
        Self::Identities,
        Self::Erased,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new.csv",
            Self::Changed => "changed.csv",
            Self::Groups => "groups.csv",
            Self::Addresses => "addresses.csv",
            Self::Identities => "identities.csv",
            Self::Erased => "erased.csv",
        }
    }

    /// Its first line.
    #[must_use]
    pub fn header(self, mapping: &Mapping) -> String {
        let columns: Vec<String> = match self {
            Self::New => {
                let (users, profiles) = new_columns(mapping);
                let users = users.into_iter().map(|name| format!("user.{name}"));
                let profiles = profiles.into_iter().map(|name| format!("profile.{name}"));
                std::iter::once("pid".to_owned())
                    .chain(users)
                    .chain(profiles)
                    .collect()
            }
            Self::Changed => ["id", "column", "value"].map(str::to_owned).into(),
            Self::Groups => ["id", "pid", "group", "member"].map(str::to_owned).into(),
            Self::Addresses => ["id", "pid", "address", "verified"]
                .map(str::to_owned)
                .into(),
            Self::Identities => ["id", "pid", "subject", "linked"].map(str::to_owned).into(),
            Self::Erased => vec!["id".to_owned()],
        };
        line(columns.into_iter().map(Value::Text))
    }
}

/// Lines of the files.
pub type CsvLines = Vec<(CsvFile, String)>;

fn cell(value: &Value) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    match value {
        Value::Null => String::new(),
        Value::Flag(flag) => quoted(&flag.to_string()),
        Value::Number(number) => quoted(&number.to_string()),
        Value::Text(text) => quoted(text),
        Value::Time(at) => quoted(&at.to_rfc3339_opts(SecondsFormat::Micros, true)),
    }
}

fn line(values: impl Iterator<Item = Value>) -> String {
    let cells: Vec<String> = values.map(|value| cell(&value)).collect();
    format!("{}\r\n", cells.join(","))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The lines of an account that was made here.
#[must_use]
pub fn csv_of_new(row: &NewRow) -> CsvLines {
    let pid = || text(&row.pid);
    let values = row.user.values().chain(row.profile.values()).cloned();
    let mut lines = vec![(CsvFile::New, line(std::iter::once(pid()).chain(values)))];
    for group in &row.groups {
        let values = [Value::Null, pid(), text(group), Value::Flag(true)];
        lines.push((CsvFile::Groups, line(values.into_iter())));
    }
    if let Some((address, verified)) = &row.address {
        let values = [Value::Null, pid(), text(address), Value::Flag(*verified)];
        lines.push((CsvFile::Addresses, line(values.into_iter())));
    }
    for subject in &row.subjects {
        let values = [Value::Null, pid(), text(subject), Value::Flag(true)];
        lines.push((CsvFile::Identities, line(values.into_iter())));
    }
    lines
}

/// The lines of an account that was imported, or of a person who was erased.
#[must_use]
pub fn csv_of_changed(row: &ChangedRow, mapping: &Mapping, is_erased: bool) -> CsvLines {
    let id = || Value::Number(row.id);
    let pid = || row.pid.as_deref().map_or(Value::Null, text);
    let mut lines = Vec::new();
    let mut change = |column: String, value: Value| {
        lines.push((
            CsvFile::Changed,
            line([id(), Value::Text(column), value].into_iter()),
        ));
    };
    for (column, value) in &row.user {
        change(format!("user.{column}"), value.clone());
    }
    let first = |field| {
        mapping
            .fields
            .get(&field)
            .and_then(|columns| columns.first())
    };
    let apart = [
        (Field::Email, row.email.clone()),
        (Field::Phone, row.phone.clone()),
        (Field::LastLoginAt, row.last_login.map(Value::Time)),
    ];
    for (field, value) in apart {
        if let Some((column, value)) = first(field).zip(value) {
            change(format!("user.{}", column.name), value);
        }
    }
    for (column, value) in &row.profile {
        change(format!("profile.{column}"), value.clone());
    }
    if let Some(groups) = &row.groups {
        for group in mapping.granting_groups() {
            let values = [
                id(),
                pid(),
                text(group),
                Value::Flag(groups.contains(group)),
            ];
            lines.push((CsvFile::Groups, line(values.into_iter())));
        }
    }
    if let Some((address, verified)) = &row.address {
        let address = if address.is_empty() {
            Value::Null
        } else {
            text(address)
        };
        lines.push((
            CsvFile::Addresses,
            line([id(), pid(), address, Value::Flag(*verified)].into_iter()),
        ));
    }
    let linked = row.subjects.iter().map(|subject| (subject, true));
    for (subject, is_linked) in linked.chain(row.unlinked.iter().map(|subject| (subject, false))) {
        let values = [id(), pid(), text(subject), Value::Flag(is_linked)];
        lines.push((CsvFile::Identities, line(values.into_iter())));
    }
    if is_erased {
        lines.push((CsvFile::Erased, line(std::iter::once(id()))));
    }
    lines
}

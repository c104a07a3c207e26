//! A person as the legacy system has them: the row of the user and all rows that refer to it, every
//! value as text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The value of a column, in the database's text form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// Text.
    Text(String),
    /// Bytes that are not UTF-8.
    Broken(Vec<u8>),
    /// No value.
    Null,
}

impl std::fmt::Debug for Cell {
    /// Prints no personal data.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Text(_) => "Text(***)",
            Self::Broken(_) => "Broken(***)",
            Self::Null => "Null",
        })
    }
}

impl Cell {
    /// From the bytes that the database sent.
    #[must_use]
    pub fn of(bytes: Option<Vec<u8>>) -> Self {
        match bytes.map(String::from_utf8) {
            None => Self::Null,
            Some(Ok(text)) => Self::Text(text),
            Some(Err(error)) => Self::Broken(error.into_bytes()),
        }
    }

    /// The text, if there is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Broken(_) | Self::Null => None,
        }
    }
}

/// The values of a row by column.
pub type Cells = BTreeMap<String, Cell>;

/// A user with all rows that refer to them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegacyRow {
    /// The primary key of the user.
    pub id: i64,
    /// The user.
    pub user: Cells,
    /// The profile; more than one only where the database does not prevent it.
    pub profiles: Vec<Cells>,
    /// Names of groups.
    pub groups: Vec<Cell>,
    /// E-mail addresses with their flags.
    pub emails: Vec<Cells>,
    /// Accounts at other providers.
    pub socials: Vec<Cells>,
}

impl LegacyRow {
    /// The value of a column of the user or of the profile.
    #[must_use]
    pub fn cell(&self, is_profile: bool, column: &str) -> &Cell {
        let cells = if is_profile {
            self.profiles.first()
        } else {
            Some(&self.user)
        };
        cells
            .and_then(|cells| cells.get(column))
            .unwrap_or(&Cell::Null)
    }
}

/// A row that refers to a user who does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphan {
    /// Its primary key.
    pub id: i64,
    /// Its values.
    pub cells: Cells,
}

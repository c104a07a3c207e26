//! Reads the database of the legacy system, and never writes to it.
//!
//! Everything is read within one read-only snapshot: the old system goes on writing, and waits for
//! nothing here. `connection` speaks to the three kinds of databases, `select` writes the statements.

mod connection;
mod select;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use secrecy::SecretString;

use crate::domain::legacy::{Cell, Cells, LegacyRow, Mapping, Orphan, SourceTable};
use connection::Connection;
use select::{Dialect, Select};

/// Where the legacy database is.
#[derive(Clone, Debug)]
pub enum LegacyLocation {
    /// A Postgres server.
    Postgres(SecretString),
    /// A `MySQL` or `MariaDB` server.
    MySql(SecretString),
    /// A SQLite file.
    Sqlite(PathBuf),
}

/// Why the legacy system cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LegacyError {
    /// The URL cannot be read. Its text is dropped, because it may hold a password.
    #[error("the URL of the source is not one that can be read")]
    Url,
    /// The database refused, or cannot be reached.
    #[error("the source cannot be read: {0}")]
    Database(String),
    /// The mapping names what the database does not have.
    #[error("{0}")]
    Mapping(String),
}

/// A snapshot of the legacy system.
pub struct LegacySource {
    connection: Connection,
    mapping: Mapping,
    /// The tables that are there.
    tables: BTreeSet<SourceTable>,
    fingerprint: String,
}

impl std::fmt::Debug for LegacySource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("LegacySource");
        debug.field("at", &self.fingerprint).finish_non_exhaustive()
    }
}

impl LegacySource {
    /// Opens a snapshot and checks that it has the tables and columns of the mapping.
    ///
    /// # Errors
    ///
    /// Why it cannot be read.
    pub async fn open(
        location: &LegacyLocation,
        mapping: &Mapping,
        temporary: &std::path::Path,
    ) -> Result<Self, LegacyError> {
        let (connection, fingerprint) = Connection::open(location, temporary).await?;
        let mut source = Self {
            connection,
            mapping: mapping.clone(),
            tables: BTreeSet::new(),
            fingerprint,
        };
        source.check().await?;
        Ok(source)
    }

    /// Names the database without a password, so that a run can be told from one of another.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The tables that are read.
    #[must_use]
    pub fn tables(&self) -> &BTreeSet<SourceTable> {
        &self.tables
    }

    fn select(&self, table: SourceTable) -> Result<Select, LegacyError> {
        let select = Select::of(self.connection.dialect(), &self.mapping, table);
        select.ok_or_else(|| LegacyError::Mapping(format!("there is no table of {table:?}")))
    }

    /// Checks every table and column of the mapping, and notes which optional tables are there.
    async fn check(&mut self) -> Result<(), LegacyError> {
        for table in SourceTable::ALL {
            let Some(select) = Select::of(self.connection.dialect(), &self.mapping, table) else {
                continue;
            };
            let mut is_there = true;
            for (name, columns) in select.named() {
                let found = self.connection.columns(&name).await?;
                if found.is_empty() {
                    if select.is_optional() {
                        is_there = false;
                        break;
                    }
                    return Err(LegacyError::Mapping(format!(
                        "the source has no table \"{name}\", which the mapping names for {}; \
                         see `idgate import django --mapping-example`",
                        table.as_str()
                    )));
                }
                if let Some(missing) = columns.iter().find(|column| !found.contains(*column)) {
                    return Err(LegacyError::Mapping(format!(
                        "the table \"{name}\" has no column \"{missing}\"; it has {}",
                        found.join(", ")
                    )));
                }
            }
            if is_there {
                self.tables.insert(table);
            }
        }
        Ok(())
    }

    /// How many rows a table has.
    pub async fn count(&mut self, table: SourceTable) -> Result<u64, LegacyError> {
        if !self.tables.contains(&table) {
            return Ok(0);
        }
        let statement = self.select(table)?.count();
        let rows = self.connection.rows(&statement, &[]).await?;
        let count = rows.first().and_then(|row| row.first());
        let count = count
            .and_then(Cell::text)
            .and_then(|text| text.parse().ok());
        count.ok_or_else(|| LegacyError::Database("it does not count its rows".to_owned()))
    }

    /// The next users after this key, at most so many, with all rows that refer to them.
    pub async fn users(
        &mut self,
        after: Option<i64>,
        limit: i64,
    ) -> Result<Vec<LegacyRow>, LegacyError> {
        let select = self.select(SourceTable::User)?;
        let after = after.unwrap_or(i64::MIN);
        let rows = self
            .connection
            .rows(&select.page(), &[after, limit])
            .await?;
        let mut people = Vec::with_capacity(rows.len());
        for row in rows {
            let (key, _, user) = split(&select, row)?;
            people.push(LegacyRow {
                id: key,
                user,
                ..LegacyRow::default()
            });
        }
        let (Some(first), Some(last)) = (people.first(), people.last()) else {
            return Ok(people);
        };
        let range = [first.id, last.id];
        let places: BTreeMap<i64, usize> =
            (people.iter().map(|person| person.id).zip(0..)).collect();
        for table in SourceTable::ALL {
            if table == SourceTable::User || !self.tables.contains(&table) {
                continue;
            }
            let select = self.select(table)?;
            for row in self.connection.rows(&select.of_users(), &range).await? {
                let (_, user, cells) = split(&select, row)?;
                let place = user.and_then(|user| places.get(&user));
                let Some(person) = place.and_then(|place| people.get_mut(*place)) else {
                    // Of no user: `orphans` finds it.
                    continue;
                };
                match table {
                    SourceTable::User => {}
                    SourceTable::Profile => person.profiles.push(cells),
                    SourceTable::Email => person.emails.push(cells),
                    SourceTable::Social => person.socials.push(cells),
                    SourceTable::Membership => {
                        person.groups.extend(cells.into_values().next());
                    }
                }
            }
        }
        Ok(people)
    }

    /// The next rows of a table, after this key, that refer to no user.
    pub async fn orphans(
        &mut self,
        table: SourceTable,
        after: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Orphan>, LegacyError> {
        if !self.tables.contains(&table) || table == SourceTable::User {
            return Ok(Vec::new());
        }
        let select = self.select(table)?;
        let after = after.unwrap_or(i64::MIN);
        let statement = select.orphans(&self.mapping.user);
        let rows = self.connection.rows(&statement, &[after, limit]).await?;
        let mut orphans = Vec::with_capacity(rows.len());
        for row in rows {
            let (id, _, cells) = split(&select, row)?;
            orphans.push(Orphan { id, cells });
        }
        Ok(orphans)
    }

    /// Ends the snapshot.
    pub async fn close(self) {
        self.connection.close().await;
    }
}

/// A row's key, its reference to a user, and its other columns by name.
fn split(select: &Select, row: Vec<Cell>) -> Result<(i64, Option<i64>, Cells), LegacyError> {
    let mut values = row.into_iter();
    let key = values.next();
    let number = |cell: Option<Cell>| cell?.text()?.parse::<i64>().ok();
    let key = number(key).ok_or_else(|| {
        LegacyError::Mapping(format!(
            "the key of \"{}\" is not a whole number, which it has to be",
            select.table()
        ))
    })?;
    let user = if select.has_user() {
        number(values.next())
    } else {
        None
    };
    let cells = select.columns().iter().cloned().zip(values).collect();
    Ok((key, user, cells))
}

/// Quotes a name, perhaps with a schema.
fn quoted(dialect: Dialect, name: &str) -> String {
    let quote = match dialect {
        Dialect::MySql => '`',
        Dialect::Postgres | Dialect::Sqlite => '"',
    };
    let parts = name.split('.').map(|part| format!("{quote}{part}{quote}"));
    parts.collect::<Vec<_>>().join(".")
}

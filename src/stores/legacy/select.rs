//! The statements that read the legacy tables. Names come from the mapping, which admits no quotes.

use super::quoted;
use crate::domain::legacy::{Mapping, SourceTable, UserTable};

/// The language of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    MySql,
    Sqlite,
}

/// What is read of one table: its key, the reference to the user, and columns, all as text.
pub(super) struct Select {
    dialect: Dialect,
    table: String,
    key: String,
    user: Option<String>,
    columns: Vec<String>,
    /// The table of the groups, its key and the column that refers to it.
    group: Option<(String, String, String)>,
    is_optional: bool,
}

impl Select {
    /// `None` where the mapping has no such table.
    pub(super) fn of(dialect: Dialect, mapping: &Mapping, table: SourceTable) -> Option<Self> {
        let columns = |of_profile| {
            let columns = mapping.columns(of_profile).into_iter();
            columns.map(str::to_owned).collect::<Vec<_>>()
        };
        let (name, key, user, columns, group, is_optional) = match table {
            SourceTable::User => {
                let UserTable { table, key } = mapping.user.clone();
                (table, key, None, columns(false), None, false)
            }
            SourceTable::Profile => {
                let it = mapping.profile.clone()?;
                (
                    it.table,
                    it.key,
                    Some(it.user),
                    columns(true),
                    None,
                    it.is_optional,
                )
            }
            SourceTable::Membership => {
                let (it, group) = mapping.membership.clone()?;
                let joined = (group.table, group.key, it.group);
                let columns = vec![group.name];
                (
                    it.table,
                    it.key,
                    Some(it.user),
                    columns,
                    Some(joined),
                    it.is_optional,
                )
            }
            SourceTable::Email => {
                let it = mapping.email.clone()?;
                let columns = vec![it.address, it.verified, it.primary];
                (
                    it.table,
                    it.key,
                    Some(it.user),
                    columns,
                    None,
                    it.is_optional,
                )
            }
            SourceTable::Social => {
                let it = mapping.social.clone()?;
                let columns = vec![it.provider, it.subject];
                (
                    it.table,
                    it.key,
                    Some(it.user),
                    columns,
                    None,
                    it.is_optional,
                )
            }
        };
        Some(Self {
            dialect,
            table: name,
            key,
            user,
            columns,
            group,
            is_optional,
        })
    }

    pub(super) fn table(&self) -> &str {
        &self.table
    }

    pub(super) fn has_user(&self) -> bool {
        self.user.is_some()
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(super) fn is_optional(&self) -> bool {
        self.is_optional
    }

    /// The tables and the columns that they have to have.
    pub(super) fn named(&self) -> Vec<(String, Vec<String>)> {
        let mut own = vec![self.key.clone()];
        own.extend(self.user.clone());
        match &self.group {
            None => {
                own.extend(self.columns.iter().cloned());
                vec![(self.table.clone(), own)]
            }
            Some((group, key, reference)) => {
                own.push(reference.clone());
                let mut columns = self.columns.clone();
                columns.push(key.clone());
                vec![(self.table.clone(), own), (group.clone(), columns)]
            }
        }
    }

    fn quoted(&self, name: &str) -> String {
        quoted(self.dialect, name)
    }

    fn column(&self, of: &str, name: &str) -> String {
        format!("{of}.{}", self.quoted(name))
    }

    /// A column as text, whatever its type.
    fn text(&self, of: &str, name: &str) -> String {
        let column = self.column(of, name);
        match self.dialect {
            Dialect::Postgres => format!("{column}::text"),
            // Of text that is not UTF-8 only the bytes can be read.
            Dialect::Sqlite => format!("CAST({column} AS BLOB)"),
            Dialect::MySql => format!("CONVERT({column} USING utf8mb4)"),
        }
    }

    fn placeholder(&self, number: u8) -> String {
        match self.dialect {
            Dialect::Postgres => format!("${number}"),
            Dialect::Sqlite | Dialect::MySql => "?".to_owned(),
        }
    }

    fn selected(&self) -> String {
        let mut selected = vec![self.text("t", &self.key)];
        selected.extend(self.user.as_ref().map(|user| self.text("t", user)));
        let of = if self.group.is_some() { "g" } else { "t" };
        selected.extend(self.columns.iter().map(|column| self.text(of, column)));
        let joined = self
            .group
            .as_ref()
            .map_or(String::new(), |(group, key, reference)| {
                format!(
                    " LEFT JOIN {} g ON {} = {}",
                    self.quoted(group),
                    self.column("g", key),
                    self.column("t", reference)
                )
            });
        let table = self.quoted(&self.table);
        format!("SELECT {} FROM {table} t{joined}", selected.join(", "))
    }

    pub(super) fn count(&self) -> String {
        let count = match self.dialect {
            Dialect::Postgres => "count(*)::text",
            Dialect::Sqlite => "CAST(count(*) AS BLOB)",
            Dialect::MySql => "CONVERT(count(*) USING utf8mb4)",
        };
        format!("SELECT {count} FROM {} t", self.quoted(&self.table))
    }

    /// Rows after a key, in its order.
    pub(super) fn page(&self) -> String {
        let key = self.column("t", &self.key);
        let (after, limit) = (self.placeholder(1), self.placeholder(2));
        format!(
            "{} WHERE {key} > {after} ORDER BY {key} LIMIT {limit}",
            self.selected()
        )
    }

    /// Rows of the users of a range of keys.
    pub(super) fn of_users(&self) -> String {
        let key = self.column("t", &self.key);
        let user = self.column("t", self.user.as_deref().unwrap_or(&self.key));
        let (first, last) = (self.placeholder(1), self.placeholder(2));
        format!(
            "{} WHERE {user} BETWEEN {first} AND {last} ORDER BY {user}, {key}",
            self.selected()
        )
    }

    /// Rows after a key whose user does not exist.
    pub(super) fn orphans(&self, users: &UserTable) -> String {
        let key = self.column("t", &self.key);
        let user = self.column("t", self.user.as_deref().unwrap_or(&self.key));
        let (after, limit) = (self.placeholder(1), self.placeholder(2));
        format!(
            "{} LEFT JOIN {} u ON {} = {user} WHERE {} IS NULL AND {key} > {after} \
             ORDER BY {key} LIMIT {limit}",
            self.selected(),
            self.quoted(&users.table),
            self.column("u", &users.key),
            self.column("u", &users.key),
        )
    }
}

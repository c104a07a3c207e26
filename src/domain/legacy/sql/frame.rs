//! The beginning and the end of the file: one transaction, and the temporary tables in it.

use std::fmt::Write as _;

use super::{SqlDialect, SqlFile};
use crate::domain::legacy::back::new_columns;
use crate::domain::legacy::{Column, Field, Value};

/// The temporary tables, and what each of them is indexed by.
const TABLES: [(&str, &[&str], &[&str]); 11] = [
    (
        "idgate_new",
        &["idgate_pid"],
        &["idgate_email", "idgate_phone", "idgate_anchor"],
    ),
    ("idgate_left_out", &["pid"], &[]),
    ("idgate_no_phone", &["pid"], &[]),
    ("idgate_new_group", &[], &["pid"]),
    ("idgate_new_address", &["pid"], &[]),
    ("idgate_new_social", &[], &["pid"]),
    ("idgate_row", &["id"], &[]),
    ("idgate_kept", &["id", "reason"], &[]),
    ("idgate_email", &["id"], &["value_key"]),
    ("idgate_phone", &["id"], &["value"]),
    ("idgate_address", &["id"], &[]),
];

impl SqlFile {
    /// What the file begins with. `about` is a comment, a line each.
    #[must_use]
    pub fn begin(&self, about: &[String]) -> String {
        let mut text = String::new();
        for line in about {
            let _ = writeln!(text, "-- {line}");
        }
        let tables = self.tables();
        match self.dialect {
            SqlDialect::Postgres => {
                text.push_str("\\set ON_ERROR_STOP on\n\\set QUIET on\nSET client_min_messages = warning;\nSET client_encoding = 'UTF8';\nBEGIN;\n");
                text.push_str(&tables);
            }
            SqlDialect::MySql => {
                // There, an index on a temporary table would end a transaction.
                text.push_str("SET NAMES utf8mb4;\nSET SESSION sql_mode = 'STRICT_ALL_TABLES';\n");
                for (table, ..) in TABLES {
                    let _ = writeln!(text, "DROP TEMPORARY TABLE IF EXISTS {table};");
                }
                text.push_str("DROP TEMPORARY TABLE IF EXISTS idgate_refusal;\n");
                text.push_str("DROP TEMPORARY TABLE IF EXISTS idgate_moving;\n");
                text.push_str(&tables);
                text.push_str("START TRANSACTION;\n");
            }
            SqlDialect::Sqlite => {
                text.push_str(".bail on\n");
                for (table, ..) in TABLES {
                    let _ = writeln!(text, "DROP TABLE IF EXISTS temp.{table};");
                }
                text.push_str("DROP TABLE IF EXISTS temp.idgate_refusal;\n");
                text.push_str("DROP TABLE IF EXISTS temp.idgate_moving;\nBEGIN IMMEDIATE;\n");
                text.push_str(&tables);
            }
        }
        text
    }

    /// What the file ends with.
    #[must_use]
    pub fn end(&self) -> String {
        let now = Value::Time(self.now);
        let mut text = self.checks();
        text.push_str(&self.changes(&now));
        text.push_str(&self.creations(&now));
        text.push_str(
            "SELECT reason AS left_out_because, count(*) AS accounts FROM idgate_left_out GROUP BY \
             reason ORDER BY reason;\n\
             SELECT pid AS left_out, reason FROM idgate_left_out WHERE reason <> 'is_there' ORDER BY \
             pid;\n\
             SELECT pid AS without_phone FROM idgate_no_phone ORDER BY pid;\n\
             SELECT id AS row_kept, reason FROM idgate_kept ORDER BY id;\nCOMMIT;\n",
        );
        text
    }

    /// A constant text that can be a column of a temporary table.
    fn short_text(&self, most: u32) -> String {
        if self.dialect == SqlDialect::MySql {
            format!("CAST('' AS CHAR({most}))")
        } else {
            format!("CAST('' AS varchar({most}))")
        }
    }

    /// The statements that make the temporary tables. Their columns have the types of those that they
    /// are for.
    fn tables(&self) -> String {
        let mut text = String::new();
        for (table, unique, indexed) in TABLES {
            let Some(columns) = self.columns_of(table) else {
                continue;
            };
            self.table(&mut text, table, &columns);
            let schema = if self.dialect == SqlDialect::Sqlite {
                "temp."
            } else {
                ""
            };
            if !unique.is_empty() {
                let columns = unique.join(", ");
                let _ = writeln!(
                    text,
                    "CREATE UNIQUE INDEX {schema}{table}_key ON {table} ({columns});"
                );
            }
            for column in indexed {
                let _ = writeln!(
                    text,
                    "CREATE INDEX {schema}{table}_{column} ON {table} ({column});"
                );
            }
        }
        match self.dialect {
            SqlDialect::Postgres => {}
            SqlDialect::MySql => text.push_str(
                "CREATE TEMPORARY TABLE idgate_refusal (reason varchar(100) PRIMARY KEY);\n",
            ),
            SqlDialect::Sqlite => text.push_str(
                "CREATE TEMPORARY TABLE idgate_refusal (reason text CONSTRAINT \
                 \"idgate: the rows are not those that were imported\" CHECK (reason IS NULL));\n",
            ),
        }
        text
    }

    fn table(&self, text: &mut String, table: &str, columns: &str) {
        let dropped = if self.dialect == SqlDialect::Postgres {
            " ON COMMIT DROP"
        } else {
            ""
        };
        let (users, mut joined) = (self.users(), String::new());
        let names = [
            ("p", self.mapping.profile.as_ref().map(|table| &table.table)),
            (
                "g",
                self.mapping
                    .membership
                    .as_ref()
                    .map(|(_, group)| &group.table),
            ),
            (
                "e",
                self.mapping
                    .email
                    .as_ref()
                    .filter(|_| self.written.emails)
                    .map(|table| &table.table),
            ),
            (
                "s",
                self.mapping
                    .social
                    .as_ref()
                    .filter(|_| self.written.socials)
                    .map(|table| &table.table),
            ),
        ];
        for (alias, name) in names {
            if let Some(name) = name.filter(|_| columns.contains(&format!("{alias}."))) {
                let _ = write!(joined, " LEFT JOIN {} {alias} ON 1 = 0", self.name(name));
            }
        }
        let _ = writeln!(
            text,
            "CREATE TEMPORARY TABLE {table}{dropped} AS SELECT {columns} FROM {users} u{joined} WHERE 1 = 0;"
        );
    }

    /// The columns of a temporary table; `None` where the mapping needs no such table.
    fn columns_of(&self, table: &str) -> Option<String> {
        let pid = match self.pid() {
            Some(Column { is_profile, name }) => {
                format!(
                    "{}.{}",
                    if *is_profile { "p" } else { "u" },
                    self.name(name)
                )
            }
            None => self.short_text(60),
        };
        let reason = self.short_text(40);
        let id = format!("u.{}", self.user_key());
        Some(match table {
            "idgate_new" => self.columns_of_new(&pid),
            "idgate_left_out" => format!("{pid} AS pid, {reason} AS reason"),
            "idgate_no_phone" => format!("{pid} AS pid"),
            "idgate_new_group" => {
                let (_, group) = self.mapping.membership.as_ref()?;
                format!("{pid} AS pid, g.{} AS name", self.name(&group.name))
            }
            "idgate_new_address" | "idgate_address" => {
                let emails = self
                    .mapping
                    .email
                    .as_ref()
                    .filter(|_| self.written.emails)?;
                let (address, verified) = (self.name(&emails.address), self.name(&emails.verified));
                let whose = if table == "idgate_address" {
                    format!("{id} AS id")
                } else {
                    format!("{pid} AS pid")
                };
                format!("{whose}, e.{address} AS address, e.{verified} AS verified")
            }
            "idgate_new_social" => {
                let social = self
                    .mapping
                    .social
                    .as_ref()
                    .filter(|_| self.written.socials)?;
                format!("{pid} AS pid, s.{} AS subject", self.name(&social.subject))
            }
            "idgate_row" => format!("{id} AS id, {pid} AS pid"),
            "idgate_kept" => format!("{id} AS id, {reason} AS reason"),
            "idgate_email" => {
                let email = self.name(self.of_user(Field::Email)?);
                format!("{id} AS id, u.{email} AS value, lower(u.{email}) AS value_key")
            }
            _ => {
                let phone = self.name(self.of_user(Field::Phone)?);
                format!("{id} AS id, u.{phone} AS value")
            }
        })
    }

    fn columns_of_new(&self, pid: &str) -> String {
        let optional = |column: Option<&str>| match column {
            Some(column) => format!("u.{}", self.name(column)),
            None => self.short_text(60),
        };
        let email = self.of_user(Field::Email);
        let email = email.map_or_else(
            || self.short_text(60),
            |email| format!("lower(u.{})", self.name(email)),
        );
        let phone = optional(self.of_user(Field::Phone));
        let anchor = optional(self.anchor());
        let mut columns = format!(
            "{pid} AS idgate_pid, {email} AS idgate_email, {phone} AS idgate_phone, {anchor} AS \
             idgate_anchor"
        );
        let (users, profiles) = new_columns(&self.mapping);
        for (alias, names) in [("u", users), ("p", profiles)] {
            for name in names {
                let as_staged = self.name(&format!("{alias}_{name}"));
                let _ = write!(columns, ", {alias}.{} AS {as_staged}", self.name(&name));
            }
        }
        columns
    }

    /// Ends with an error where a row is not that of the person who was imported from it.
    fn checks(&self) -> String {
        let Some(Column { is_profile, name }) = self.pid() else {
            return String::new();
        };
        let (name, users, key) = (self.name(name), self.users(), self.user_key());
        let wrong = match (&self.mapping.profile, is_profile) {
            (Some(profile), true) => {
                let (table, user) = (self.name(&profile.table), self.name(&profile.user));
                format!(
                    "SELECT 1 FROM idgate_row r JOIN {table} p ON p.{user} = r.id WHERE p.{name} <> r.pid"
                )
            }
            _ => format!(
                "SELECT 1 FROM idgate_row r JOIN {users} u ON u.{key} = r.id WHERE u.{name} <> r.pid"
            ),
        };
        let message = "idgate: the rows are not those that were imported";
        match self.dialect {
            SqlDialect::Postgres => format!(
                "DO $idgate$ BEGIN IF EXISTS ({wrong}) THEN RAISE EXCEPTION '{message}'; END IF; END \
                 $idgate$;\n"
            ),
            SqlDialect::MySql => format!(
                "INSERT INTO idgate_refusal VALUES ('{message}');\n\
                 INSERT INTO idgate_refusal SELECT '{message}' FROM ({wrong} LIMIT 1) wrong;\n"
            ),
            SqlDialect::Sqlite => {
                format!("INSERT INTO idgate_refusal SELECT 'wrong' FROM ({wrong} LIMIT 1);\n")
            }
        }
    }
}

//! Addresses and numbers of imported accounts, which must not be those of another row.

use std::fmt::Write as _;

use super::{SqlDialect, SqlFile};
use crate::domain::legacy::{Field, Value};

impl SqlFile {
    /// Moves addresses and numbers that no other row has; the others stay, and are listed.
    pub(super) fn changes(&self, now: &Value) -> String {
        let (users, key) = (self.users(), self.user_key());
        let mut text = format!(
            "INSERT INTO idgate_kept (id, reason) SELECT r.id, 'no_row' FROM idgate_row r LEFT JOIN \
             {users} u ON u.{key} = r.id WHERE u.{key} IS NULL;\n"
        );
        if let Some(email) = self.of_user(Field::Email) {
            let email = self.name(email);
            self.note_taken(
                &mut text,
                "idgate_email",
                "email_taken",
                &format!("lower(u.{email})"),
                "value_key",
            );
            // Two people may have exchanged their addresses.
            let moving = if self.dialect == SqlDialect::MySql {
                format!("CONCAT('idgate-moving-', u.{key})")
            } else {
                format!("'idgate-moving-' || CAST({users}.{key} AS varchar(20))")
            };
            self.assign(
                &mut text,
                "idgate_email",
                "email_taken",
                &email,
                Some(&moving),
            );
            self.assign(&mut text, "idgate_email", "email_taken", &email, None);
            self.addresses(&mut text, now);
        }
        if let Some(phone) = self.of_user(Field::Phone) {
            let phone = self.name(phone);
            self.note_taken(
                &mut text,
                "idgate_phone",
                "phone_taken",
                &format!("u.{phone}"),
                "value",
            );
            self.assign(&mut text, "idgate_phone", "phone_taken", &phone, None);
        }
        text
    }

    /// Notes whose new value is that of a row that keeps it.
    fn note_taken(&self, text: &mut String, table: &str, reason: &str, theirs: &str, ours: &str) {
        let (users, key) = (self.users(), self.user_key());
        // MySQL reads a temporary table once in a statement.
        let temporary = match self.dialect {
            SqlDialect::Sqlite => "DROP TABLE IF EXISTS temp.idgate_moving;\n",
            SqlDialect::Postgres => "DROP TABLE IF EXISTS pg_temp.idgate_moving;\n",
            SqlDialect::MySql => "DROP TEMPORARY TABLE IF EXISTS idgate_moving;\n",
        };
        text.push_str(temporary);
        let dropped = if self.dialect == SqlDialect::Postgres {
            " ON COMMIT DROP"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "CREATE TEMPORARY TABLE idgate_moving{dropped} AS SELECT id FROM {table};"
        );
        let insert = self.insert_new(
            "idgate_kept",
            "id, reason",
            &format!(
                "SELECT DISTINCT t.id, '{reason}' FROM {users} u JOIN {table} t ON t.{ours} = {theirs} \
                 LEFT JOIN idgate_moving m ON m.id = u.{key} WHERE m.id IS NULL AND t.{ours} <> ''"
            ),
        );
        text.push_str(&insert);
    }

    /// Sets a column of users to the value that waits, or to this one.
    fn assign(
        &self,
        text: &mut String,
        table: &str,
        reason: &str,
        column: &str,
        value: Option<&str>,
    ) {
        let (users, key) = (self.users(), self.user_key());
        let _ = if self.dialect == SqlDialect::MySql {
            let value = value.unwrap_or("t.value");
            writeln!(
                text,
                "UPDATE {users} u JOIN {table} t ON t.id = u.{key} LEFT JOIN idgate_kept k ON k.id = t.id \
                 AND k.reason = '{reason}' SET u.{column} = {value} WHERE k.id IS NULL;"
            )
        } else {
            let stored = format!("(SELECT t.value FROM {table} t WHERE t.id = {users}.{key})");
            let value = value.unwrap_or(&stored);
            writeln!(
                text,
                "UPDATE {users} SET {column} = {value} WHERE {key} IN (SELECT t.id FROM {table} t LEFT JOIN \
                 idgate_kept k ON k.id = t.id AND k.reason = '{reason}' WHERE k.id IS NULL);"
            )
        };
    }

    /// The addresses that django-allauth knows: a former one must not reset the password any more.
    fn addresses(&self, text: &mut String, now: &Value) {
        let Some(it) = self.mapping.email.as_ref().filter(|_| self.written.emails) else {
            return;
        };
        let (table, user, key) = (
            self.name(&it.table),
            self.name(&it.user),
            self.name(&it.key),
        );
        let (address, verified, primary) = (
            self.name(&it.address),
            self.name(&it.verified),
            self.name(&it.primary),
        );
        let kept = "LEFT JOIN idgate_kept k ON k.id = a.id AND k.reason = 'email_taken'";
        let _ = writeln!(
            text,
            "DELETE FROM {table} WHERE EXISTS (SELECT 1 FROM idgate_address a JOIN idgate_email m ON m.id = \
             a.id {kept} WHERE a.id = {table}.{user} AND k.id IS NULL AND (a.address IS NULL OR \
             lower(a.address) <> lower({table}.{address})));"
        );
        let set = self.literal(&Value::Flag(true));
        let _ = if self.dialect == SqlDialect::MySql {
            writeln!(
                text,
                "UPDATE {table} t JOIN idgate_address a ON a.id = t.{user} {kept} SET t.{verified} = \
                 a.verified, t.{primary} = {set} WHERE k.id IS NULL AND lower(a.address) = lower(t.{address});"
            )
        } else {
            writeln!(
                text,
                "UPDATE {table} SET {verified} = (SELECT a.verified FROM idgate_address a WHERE a.id = \
                 {table}.{user}), {primary} = {set} WHERE EXISTS (SELECT 1 FROM idgate_address a {kept} \
                 WHERE a.id = {table}.{user} AND k.id IS NULL AND lower(a.address) = lower({table}.{address}));"
            )
        };
        let (columns, values) = self.constants(&self.mapping.export.email, now);
        let (users, user_key) = (self.users(), self.user_key());
        let _ = writeln!(
            text,
            "INSERT INTO {table} ({user}, {address}, {verified}, {primary}{columns}) SELECT a.id, a.address, \
             a.verified, {set}{values} FROM idgate_address a JOIN {users} u ON u.{user_key} = a.id {kept} \
             LEFT JOIN {table} t ON lower(t.{address}) = lower(a.address) WHERE k.id IS NULL AND t.{key} IS \
             NULL AND a.address IS NOT NULL;"
        );
    }
}

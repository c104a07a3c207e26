//! The statements of each account.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{SqlDialect, SqlFile};
use crate::domain::legacy::{ChangedRow, Field, NewRow, Value};

impl SqlFile {
    /// An account that was made here.
    pub fn new_account(&mut self, row: &NewRow) -> String {
        let mut text = String::new();
        self.make_groups(&mut text, &row.groups);
        let pid = self.dialect.text(&row.pid);
        let value = |column: Option<&str>| {
            let value = column.and_then(|column| row.user.get(column));
            self.literal(value.unwrap_or(&Value::Null))
        };
        let email = match value(self.of_user(Field::Email)) {
            null if null == "NULL" => null,
            email => format!("lower({email})"),
        };
        let (phone, anchor) = (value(self.of_user(Field::Phone)), value(self.anchor()));
        let users = row.user.keys().map(|name| format!("u_{name}"));
        let profiles = row.profile.keys().map(|name| format!("p_{name}"));
        let columns: Vec<String> = users.chain(profiles).collect();
        let columns = self.names(columns.iter());
        let values = self.literals(row.user.values().chain(row.profile.values()));
        let _ = writeln!(
            text,
            "INSERT INTO idgate_new (idgate_pid, idgate_email, idgate_phone, idgate_anchor, {columns}) \
             VALUES ({pid}, {email}, {phone}, {anchor}, {values});"
        );
        if self.mapping.membership.is_some() {
            for group in &row.groups {
                let group = self.dialect.text(group);
                let _ = writeln!(
                    text,
                    "INSERT INTO idgate_new_group (pid, name) VALUES ({pid}, {group});"
                );
            }
        }
        if let Some((address, verified)) = &row.address {
            let (address, verified) = (
                self.dialect.text(address),
                self.literal(&Value::Flag(*verified)),
            );
            let _ = writeln!(
                text,
                "INSERT INTO idgate_new_address (pid, address, verified) VALUES ({pid}, {address}, {verified});"
            );
        }
        for subject in &row.subjects {
            let subject = self.dialect.text(subject);
            let _ = writeln!(
                text,
                "INSERT INTO idgate_new_social (pid, subject) VALUES ({pid}, {subject});"
            );
        }
        text
    }

    /// Makes groups that are not there: they give no permission until an administrator grants one.
    fn make_groups(&mut self, text: &mut String, names: &[String]) {
        let Some((_, group)) = self.mapping.membership.clone() else {
            return;
        };
        let (table, name) = (self.name(&group.table), self.name(&group.name));
        let from = if self.dialect == SqlDialect::MySql {
            " FROM dual"
        } else {
            ""
        };
        for group in names {
            if self.groups.insert(group.clone()) {
                let group = self.dialect.text(group);
                let _ = writeln!(
                    text,
                    "INSERT INTO {table} ({name}) SELECT {group}{from} WHERE NOT EXISTS (SELECT 1 FROM \
                     {table} WHERE {name} = {group});"
                );
            }
        }
    }

    fn assignments(&self, values: &BTreeMap<String, Value>) -> String {
        let values = values.iter();
        let values = values
            .map(|(column, value)| format!("{} = {}", self.name(column), self.literal(value)));
        values.collect::<Vec<_>>().join(", ")
    }

    /// What changed in an account that was imported.
    pub fn changed_account(&mut self, row: &ChangedRow) -> String {
        let mut text = String::new();
        let (id, users, key) = (row.id, self.users(), self.user_key());
        let pid = row
            .pid
            .as_ref()
            .map_or_else(|| "NULL".to_owned(), |pid| self.dialect.text(pid));
        let _ = writeln!(
            text,
            "INSERT INTO idgate_row (id, pid) VALUES ({id}, {pid});"
        );
        if !row.user.is_empty() {
            let values = self.assignments(&row.user);
            let _ = writeln!(text, "UPDATE {users} SET {values} WHERE {key} = {id};");
        }
        self.change_profile(&mut text, row);
        if let (Some(at), Some(column)) = (row.last_login, self.of_user(Field::LastLoginAt)) {
            let (column, at) = (self.name(column), self.literal(&Value::Time(at)));
            let _ = writeln!(
                text,
                "UPDATE {users} SET {column} = {at} WHERE {key} = {id} AND ({column} IS NULL OR \
                 {column} < {at});"
            );
        }
        if let Some(email) = &row.email {
            let email = self.literal(email);
            let lower = if email == "NULL" {
                email.clone()
            } else {
                format!("lower({email})")
            };
            let _ = writeln!(
                text,
                "INSERT INTO idgate_email (id, value, value_key) VALUES ({id}, {email}, {lower});"
            );
        }
        if let Some(phone) = &row.phone {
            let phone = self.literal(phone);
            let _ = writeln!(
                text,
                "INSERT INTO idgate_phone (id, value) VALUES ({id}, {phone});"
            );
        }
        if let Some(groups) = &row.groups {
            self.change_groups(&mut text, id, groups);
        }
        if let Some((address, verified)) = &row.address {
            let address = match address.as_str() {
                "" => "NULL".to_owned(),
                address => self.dialect.text(address),
            };
            let verified = self.literal(&Value::Flag(*verified));
            let _ = writeln!(
                text,
                "INSERT INTO idgate_address (id, address, verified) VALUES ({id}, {address}, {verified});"
            );
        }
        self.change_identities(&mut text, row);
        text
    }

    fn change_profile(&self, text: &mut String, row: &ChangedRow) {
        let Some(profile) = self
            .mapping
            .profile
            .as_ref()
            .filter(|_| !row.profile.is_empty())
        else {
            return;
        };
        let (id, table, user) = (row.id, self.name(&profile.table), self.name(&profile.user));
        if !row.new_profile.is_empty() {
            let columns = self.names(row.new_profile.keys());
            let values = self.literals(row.new_profile.values());
            let (users, key) = (self.users(), self.user_key());
            let _ = writeln!(
                text,
                "INSERT INTO {table} ({user}, {columns}) SELECT u.{key}, {values} FROM {users} u WHERE \
                 u.{key} = {id} AND NOT EXISTS (SELECT 1 FROM {table} WHERE {user} = {id});"
            );
        }
        let values = self.assignments(&row.profile);
        let _ = writeln!(text, "UPDATE {table} SET {values} WHERE {user} = {id};");
    }

    /// Of the groups that the mapping names, the person is in these and in no others.
    fn change_groups(&mut self, text: &mut String, id: i64, groups: &[String]) {
        self.make_groups(text, groups);
        let Some((membership, group)) = &self.mapping.membership else {
            return;
        };
        let list = |names: Vec<&String>| {
            let names = names.into_iter().map(|name| self.dialect.text(name));
            names.collect::<Vec<_>>().join(", ")
        };
        let (table, user, reference) = (
            self.name(&membership.table),
            self.name(&membership.user),
            self.name(&membership.group),
        );
        let (of_groups, key, name) = (
            self.name(&group.table),
            self.name(&group.key),
            self.name(&group.name),
        );
        let others = self
            .mapping
            .granting_groups()
            .filter(|name| !groups.contains(name));
        let others = list(others.collect());
        if !others.is_empty() {
            let _ = writeln!(
                text,
                "DELETE FROM {table} WHERE {user} = {id} AND {reference} IN (SELECT {key} FROM {of_groups} \
                 WHERE {name} IN ({others}));"
            );
        }
        if !groups.is_empty() {
            let (columns, values) = self.constants(&self.mapping.export.membership, &Value::Null);
            let groups = list(groups.iter().collect());
            let (users, user_key) = (self.users(), self.user_key());
            let _ = writeln!(
                text,
                "INSERT INTO {table} ({user}, {reference}{columns}) SELECT u.{user_key}, g.{key}{values} \
                 FROM {users} u CROSS JOIN {of_groups} g WHERE u.{user_key} = {id} AND g.{name} IN \
                 ({groups}) AND NOT EXISTS (SELECT 1 FROM {table} m WHERE m.{user} = u.{user_key} AND \
                 m.{reference} = g.{key});"
            );
        }
    }

    fn change_identities(&self, text: &mut String, row: &ChangedRow) {
        let Some(social) = self
            .mapping
            .social
            .as_ref()
            .filter(|_| self.written.socials)
        else {
            return;
        };
        let Some(provider) = self.provider() else {
            return;
        };
        let (id, table, user) = (row.id, self.name(&social.table), self.name(&social.user));
        let (of, uid) = (self.name(&social.provider), self.name(&social.subject));
        for subject in &row.unlinked {
            let subject = self.dialect.text(subject);
            let _ = writeln!(
                text,
                "DELETE FROM {table} WHERE {user} = {id} AND {of} = {provider} AND {uid} = {subject};"
            );
        }
        let (columns, values) = self.constants(&self.mapping.export.social, &Value::Time(self.now));
        let (users, key) = (self.users(), self.user_key());
        for subject in &row.subjects {
            let subject = self.dialect.text(subject);
            let _ = writeln!(
                text,
                "INSERT INTO {table} ({user}, {of}, {uid}{columns}) SELECT u.{key}, {provider}, \
                 {subject}{values} FROM {users} u WHERE u.{key} = {id} AND NOT EXISTS (SELECT 1 FROM \
                 {table} WHERE {of} = {provider} AND {uid} = {subject});"
            );
        }
    }

    /// The name of the provider that signs in here, as a literal.
    pub(super) fn provider(&self) -> Option<String> {
        let mut providers = self.mapping.providers.iter();
        let (name, _) = providers.find(|(_, provider)| *provider == "google")?;
        Some(self.dialect.text(name))
    }

    /// What refers to a person who was erased here goes, and the rest says nothing.
    pub fn erased_account(&mut self, row: &ChangedRow) -> String {
        let (id, users, key) = (row.id, self.users(), self.user_key());
        let mut text = String::new();
        if !row.user.is_empty() {
            let values = self.assignments(&row.user);
            let _ = writeln!(text, "UPDATE {users} SET {values} WHERE {key} = {id};");
        }
        self.change_profile(&mut text, row);
        let membership = self
            .mapping
            .membership
            .as_ref()
            .map(|(it, _)| (&it.table, &it.user));
        let emails = self.mapping.email.as_ref().filter(|_| self.written.emails);
        let social = self
            .mapping
            .social
            .as_ref()
            .filter(|_| self.written.socials);
        let tables = [
            membership,
            emails.map(|table| (&table.table, &table.user)),
            social.map(|table| (&table.table, &table.user)),
        ];
        for (table, user) in tables.into_iter().flatten() {
            let (table, user) = (self.name(table), self.name(user));
            let _ = writeln!(text, "DELETE FROM {table} WHERE {user} = {id};");
        }
        text
    }
}

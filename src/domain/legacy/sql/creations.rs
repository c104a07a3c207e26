//! New accounts: those whose address or public id no row has become rows, the others are listed.

use std::fmt::Write as _;

use super::SqlFile;
use crate::domain::legacy::back::new_columns;
use crate::domain::legacy::{Column, Field, Value};

impl SqlFile {
    /// Moves the new accounts to their place. The database gives them their keys.
    pub(super) fn creations(&self, now: &Value) -> String {
        let mut text = String::new();
        self.leave_out(&mut text);
        let (users, profiles) = new_columns(&self.mapping);
        let staged = |alias: &str, names: &[String]| {
            let names = names
                .iter()
                .map(|name| format!("n.{}", self.name(&format!("{alias}_{name}"))));
            names.collect::<Vec<_>>().join(", ")
        };
        let left_out = "LEFT JOIN idgate_left_out l ON l.pid = n.idgate_pid";
        let (table, key) = (self.users(), self.user_key());
        let _ = writeln!(
            text,
            "INSERT INTO {table} ({}) SELECT {} FROM idgate_new n {left_out} WHERE l.pid IS NULL;",
            self.names(users.iter()),
            staged("u", &users)
        );
        let Some(anchor) = self.anchor() else {
            return text;
        };
        let found = format!(
            "JOIN {table} u ON u.{} = n.idgate_anchor {left_out}",
            self.name(anchor)
        );
        if let Some(profile) = &self.mapping.profile {
            let _ = writeln!(
                text,
                "INSERT INTO {} ({}, {}) SELECT u.{key}, {} FROM idgate_new n {found} WHERE l.pid IS NULL;",
                self.name(&profile.table),
                self.name(&profile.user),
                self.names(profiles.iter()),
                staged("p", &profiles)
            );
        }
        if let Some((membership, group)) = &self.mapping.membership {
            let (columns, values) = self.constants(&self.mapping.export.membership, now);
            let _ = writeln!(
                text,
                "INSERT INTO {} ({}, {}{columns}) SELECT u.{key}, g.{}{values} FROM idgate_new n JOIN \
                 idgate_new_group a ON a.pid = n.idgate_pid JOIN {} g ON g.{} = a.name {found} WHERE l.pid IS \
                 NULL;",
                self.name(&membership.table),
                self.name(&membership.user),
                self.name(&membership.group),
                self.name(&group.key),
                self.name(&group.table),
                self.name(&group.name),
            );
        }
        self.attach(&mut text, &found, now);
        text
    }

    /// Addresses with their flags, and accounts at the provider.
    fn attach(&self, text: &mut String, found: &str, now: &Value) {
        let key = self.user_key();
        if let Some(it) = self.mapping.email.as_ref().filter(|_| self.written.emails) {
            let (columns, values) = self.constants(&self.mapping.export.email, now);
            let _ = writeln!(
                text,
                "INSERT INTO {} ({}, {}, {}, {}{columns}) SELECT u.{key}, a.address, a.verified, {}{values} \
                 FROM idgate_new n JOIN idgate_new_address a ON a.pid = n.idgate_pid {found} WHERE l.pid IS \
                 NULL;",
                self.name(&it.table),
                self.name(&it.user),
                self.name(&it.address),
                self.name(&it.verified),
                self.name(&it.primary),
                self.literal(&Value::Flag(true)),
            );
        }
        let social = self
            .mapping
            .social
            .as_ref()
            .filter(|_| self.written.socials);
        if let Some((it, provider)) = social.zip(self.provider()) {
            let (columns, values) = self.constants(&self.mapping.export.social, now);
            let (table, of, uid) = (
                self.name(&it.table),
                self.name(&it.provider),
                self.name(&it.subject),
            );
            let _ = writeln!(
                text,
                "INSERT INTO {table} ({}, {of}, {uid}{columns}) SELECT u.{key}, {provider}, \
                 a.subject{values} FROM idgate_new n JOIN idgate_new_social a ON a.pid = n.idgate_pid {found} \
                 LEFT JOIN {table} s ON s.{of} = {provider} AND s.{uid} = a.subject WHERE l.pid IS NULL AND \
                 s.{} IS NULL;",
                self.name(&it.user),
                self.name(&it.key),
            );
        }
    }

    /// Notes which accounts cannot become rows, with the first reason.
    fn leave_out(&self, text: &mut String) {
        let users = self.users();
        let mut note = |reason: &str, from: &str| {
            let select = format!("SELECT DISTINCT n.idgate_pid, '{reason}' FROM {from}");
            text.push_str(&self.insert_new("idgate_left_out", "pid, reason", &select));
        };
        if let Some(anchor) = self.anchor() {
            // No one else can make a mark: a row that has one was written by this or an earlier file.
            let reason = if self.anchor_is_ours() {
                "is_there"
            } else {
                "taken"
            };
            let anchor = self.name(anchor);
            note(
                reason,
                &format!("{users} u JOIN idgate_new n ON n.idgate_anchor = u.{anchor}"),
            );
        }
        if let Some(Column { is_profile, name }) = self.pid() {
            let table = match &self.mapping.profile {
                Some(profile) if *is_profile => self.name(&profile.table),
                _ => users.clone(),
            };
            let name = self.name(name);
            note(
                "pid_taken",
                &format!("{table} p JOIN idgate_new n ON n.idgate_pid = p.{name}"),
            );
        }
        if let Some(email) = self.of_user(Field::Email) {
            let email = self.name(email);
            note(
                "email_taken",
                &format!(
                    "{users} u JOIN idgate_new n ON n.idgate_email = lower(u.{email}) WHERE n.idgate_email <> ''"
                ),
            );
        }
        if let Some(it) = self.mapping.email.as_ref().filter(|_| self.written.emails) {
            let (table, address) = (self.name(&it.table), self.name(&it.address));
            note(
                "email_taken",
                &format!("{table} e JOIN idgate_new n ON n.idgate_email = lower(e.{address})"),
            );
        }
        let Some(phone) = self.of_user(Field::Phone) else {
            return;
        };
        let taken = format!(
            "{users} u JOIN idgate_new n ON n.idgate_phone = u.{} WHERE n.idgate_phone <> ''",
            self.name(phone)
        );
        note(
            "phone_taken",
            &format!("{taken} AND (n.idgate_email IS NULL OR n.idgate_email = '')"),
        );
        // A person with an address can do without the number.
        let select = format!(
            "SELECT DISTINCT n.idgate_pid FROM {users} u JOIN idgate_new n ON n.idgate_phone = u.{} LEFT JOIN \
             idgate_left_out l ON l.pid = n.idgate_pid WHERE n.idgate_phone <> '' AND l.pid IS NULL",
            self.name(phone)
        );
        text.push_str(&self.insert_new("idgate_no_phone", "pid", &select));
        let columns = self
            .mapping
            .fields
            .get(&Field::Phone)
            .map_or(&[][..], Vec::as_slice);
        let cleared = columns.iter().map(|column| {
            let alias = if column.is_profile { "p" } else { "u" };
            let is_nullable = self.mapping.export.nullable.contains(column);
            let value = if is_nullable { "NULL" } else { "''" };
            format!(
                "{} = {value}",
                self.name(&format!("{alias}_{}", column.name))
            )
        });
        let _ = writeln!(
            text,
            "UPDATE idgate_new SET {} WHERE idgate_pid IN (SELECT pid FROM idgate_no_phone);",
            cleared.collect::<Vec<_>>().join(", ")
        );
    }
}

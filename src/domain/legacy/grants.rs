//! What a person may do, and with which providers they sign in.

use super::person::Reader;
use super::{Cell, Field, Grant, Reason};
use crate::domain::role::{Role, StaffFunctions};

impl Reader<'_> {
    /// The highest role that flags, column and groups give, and the functions.
    pub(super) fn role(&mut self) -> (Role, StaffFunctions) {
        let mut role = Role::Client;
        if let Some(name) = self.first(Field::Role) {
            match self.rules.mapping.roles.get(name.trim()) {
                Some(found) => role = *found,
                None => self.note("role", Reason::ValueUnknown),
            }
        }
        if self.flag(Field::IsStaff, false) {
            role = role.max(Role::Staff);
        }
        if self.flag(Field::IsSuperuser, false) {
            role = Role::Admin;
        }
        let mut functions = Vec::new();
        for group in &self.row.groups {
            let grant = group
                .text()
                .and_then(|name| self.rules.mapping.groups.get(name));
            match grant {
                Some(Grant::Role(granted)) => role = role.max(*granted),
                Some(Grant::Function(function)) => functions.push(*function),
                Some(Grant::Nothing) => {}
                None => self.note("groups", Reason::ValueUnknown),
            }
        }
        if role == Role::Staff {
            return (role, functions.into_iter().collect());
        }
        // An administrator holds everything that a function gives.
        if role != Role::Admin && !functions.is_empty() {
            self.note("groups", Reason::GroupNotStaff);
        }
        (role, StaffFunctions::NONE)
    }

    pub(super) fn google_subjects(&mut self) -> Vec<String> {
        let Some(table) = self.rules.mapping.social.as_ref() else {
            return Vec::new();
        };
        let mut subjects = Vec::new();
        for cells in &self.row.socials {
            let provider = cells.get(&table.provider).and_then(Cell::text);
            let subject = cells.get(&table.subject).and_then(Cell::text);
            let known = provider.and_then(|one| self.rules.mapping.providers.get(one));
            if known.is_some_and(String::is_empty) {
                continue;
            }
            match subject {
                Some(subject)
                    if known.is_some()
                        && (1..=255).contains(&subject.chars().count())
                        && !subject.contains(char::is_control) =>
                {
                    subjects.push(subject.to_owned());
                }
                _ => self.note("social", Reason::ValueUnknown),
            }
        }
        subjects
    }
}

//! Mapping files: TOML over the default, every mistake with its line.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{FixedOffset, Offset as _};
use serde::Deserialize;
use toml::Spanned;

use super::fills::{WrittenExport, export};
use super::mapping::PerField;
use super::{
    Column, EmailTable, Field, Grant, GroupTable, Mapping, MembershipTable, ProfileTable,
    SocialTable, UserTable,
};
use crate::domain::phone;

/// The default mapping as a file, which says what can be written.
pub const EXAMPLE: &str = include_str!("mapping.toml");

/// A mistake in a mapping file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct MappingError {
    /// The line, from 1; 0 where it is about no line.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for MappingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(formatter, "line {}: ", self.line)?;
        }
        formatter.write_str(&self.message)
    }
}

type Text = Option<Spanned<String>>;
type Values = Option<BTreeMap<String, Spanned<String>>>;

macro_rules! sections {
    ($($name:ident { $($key:ident: $type:ty,)+ })+) => {
        $(
            #[derive(Clone, Debug, Default, Deserialize)]
            #[serde(deny_unknown_fields, default)]
            struct $name { $($key: $type,)+ }

            impl $name {
                fn over(self, base: Self) -> Self {
                    Self { $($key: self.$key.or(base.$key),)+ }
                }
            }
        )+
    };
}

sections! {
    Reading { time_zone: Text, phone_region: Text, }
    User { table: Text, key: Text, }
    Profile { table: Text, key: Text, user: Text, optional: Option<bool>, }
    Membership { table: Text, key: Text, user: Text, group: Text, optional: Option<bool>, }
    Group { table: Text, key: Text, name: Text, }
    Email {
        table: Text, key: Text, user: Text, address: Text, verified: Text, primary: Text,
        optional: Option<bool>,
    }
    Social {
        table: Text, key: Text, user: Text, provider: Text, subject: Text, optional: Option<bool>,
    }
    ValueTables { role: Values, group: Values, provider: Values, avatar: Values, }
}

/// One column or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Places {
    One(String),
    Several(Vec<String>),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    reading: Reading,
    user: User,
    profile: Profile,
    membership: Membership,
    group: Group,
    email: Email,
    social: Social,
    fields: PerField<Spanned<Places>>,
    constants: PerField<Spanned<String>>,
    values: ValueTables,
    export: WrittenExport,
}

impl Written {
    fn over(self, base: Self) -> Self {
        Self {
            reading: self.reading.over(base.reading),
            user: self.user.over(base.user),
            profile: self.profile.over(base.profile),
            membership: self.membership.over(base.membership),
            group: self.group.over(base.group),
            email: self.email.over(base.email),
            social: self.social.over(base.social),
            fields: self.fields.over(base.fields),
            constants: self.constants.over(base.constants),
            values: self.values.over(base.values),
            export: self.export.over(base.export),
        }
    }
}

/// Reads what is written, and collects what is wrong with it.
pub(super) struct Reader<'a> {
    text: &'a str,
    errors: Vec<MappingError>,
}

impl Mapping {
    /// Reads a mapping file over the default.
    ///
    /// # Errors
    ///
    /// Every mistake in it; those of the syntax, one at a time.
    pub fn parse(text: &str) -> Result<Self, Vec<MappingError>> {
        let base = written(EXAMPLE)?;
        // Spans of defaults lie in another text, but no default is refused.
        let written = written(text)?.over(base);
        let mut reader = Reader {
            text,
            errors: Vec::new(),
        };
        let mapping = reader.mapping(written);
        if reader.errors.is_empty() {
            Ok(mapping)
        } else {
            reader.errors.sort_by_key(|error| error.line);
            Err(reader.errors)
        }
    }
}

fn written(text: &str) -> Result<Written, Vec<MappingError>> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        vec![MappingError {
            line: before.map_or(0, line),
            message: error.message().replace('\n', ", "),
        }]
    })
}

fn line(before: &str) -> usize {
    before.matches('\n').count() + 1
}

impl Reader<'_> {
    pub(super) fn refuse<T>(&mut self, at: &Spanned<T>, message: impl Into<String>) {
        let line = self.text.get(..at.span().start).map_or(0, line);
        let message = message.into();
        self.errors.push(MappingError { line, message });
    }

    fn mapping(&mut self, written: Written) -> Mapping {
        let Written {
            reading,
            user,
            profile,
            membership,
            group,
            email,
            social,
            ..
        } = written.clone();
        let profile = self.name(profile.table).map(|table| ProfileTable {
            table,
            key: self.needed(profile.key),
            user: self.needed(profile.user),
            is_optional: profile.optional.unwrap_or(false),
        });
        let membership = self.name(membership.table).map(|table| MembershipTable {
            table,
            key: self.needed(membership.key),
            user: self.needed(membership.user),
            group: self.needed(membership.group),
            is_optional: membership.optional.unwrap_or(false),
        });
        let group = GroupTable {
            table: self.needed(group.table),
            key: self.needed(group.key),
            name: self.needed(group.name),
        };
        let email = self.name(email.table).map(|table| EmailTable {
            table,
            key: self.needed(email.key),
            user: self.needed(email.user),
            address: self.needed(email.address),
            verified: self.needed(email.verified),
            primary: self.needed(email.primary),
            is_optional: email.optional.unwrap_or(false),
        });
        let social = self.name(social.table).map(|table| SocialTable {
            table,
            key: self.needed(social.key),
            user: self.needed(social.user),
            provider: self.needed(social.provider),
            subject: self.needed(social.subject),
            is_optional: social.optional.unwrap_or(false),
        });
        let mut mapping = Mapping {
            user: UserTable {
                table: self.needed(user.table),
                key: self.needed(user.key),
            },
            profile,
            membership: membership.map(|membership| (membership, group)),
            email,
            social,
            fields: BTreeMap::new(),
            constants: self.constants(written.constants),
            roles: BTreeMap::new(),
            groups: BTreeMap::new(),
            providers: BTreeMap::new(),
            avatars: BTreeMap::new(),
            offset: self.offset(reading.time_zone),
            phone_region: self.region(reading.phone_region),
            export: export(self, written.export),
        };
        mapping.fields = self.fields(written.fields, mapping.profile.is_some());
        self.values(written.values, &mut mapping);
        mapping
    }

    /// The name of a table or column; `None` for an empty one.
    pub(super) fn name(&mut self, written: Text) -> Option<String> {
        let written = written?;
        let name = written.get_ref().trim().to_owned();
        if name.contains(['"', '`', '\'', '\\', '\0', '\n', ';']) {
            self.refuse(&written, "this is not the name of a table or a column");
        }
        (!name.is_empty()).then_some(name)
    }

    fn needed(&mut self, written: Text) -> String {
        let at = written.clone();
        let name = self.name(written);
        if let (None, Some(at)) = (&name, at) {
            self.refuse(&at, "a name is needed here");
        }
        name.unwrap_or_default()
    }

    fn offset(&mut self, written: Text) -> FixedOffset {
        let utc = FixedOffset::east_opt(0);
        let Some((written, utc)) = written.zip(utc) else {
            return chrono::Utc.fix();
        };
        match written.get_ref().trim() {
            "UTC" | "" => utc,
            text => text.parse().unwrap_or_else(|_| {
                self.refuse(&written, "write \"UTC\" or an offset such as \"+02:00\"");
                utc
            }),
        }
    }

    fn region(&mut self, written: Text) -> Option<String> {
        let written = written?;
        let region = written.get_ref().trim();
        if region.is_empty() {
            return None;
        }
        if !phone::is_country(region) {
            let message = "write a country code of two capital letters, such as \"DE\"";
            self.refuse(&written, message);
        }
        Some(region.to_owned())
    }

    fn fields(
        &mut self,
        written: PerField<Spanned<Places>>,
        has_profile: bool,
    ) -> BTreeMap<Field, Vec<Column>> {
        let mut fields = BTreeMap::new();
        for (field, places) in written.into_given() {
            let texts = match places.get_ref() {
                Places::One(text) => vec![text.clone()],
                Places::Several(texts) => texts.clone(),
            };
            let mut columns = Vec::new();
            for text in texts.iter().filter(|text| !text.is_empty()) {
                let column = self.column(&places, text);
                // Without a table of profiles its columns are empty.
                columns.extend(column.filter(|column| has_profile || !column.is_profile));
            }
            fields.insert(field, columns);
        }
        let is_empty = |field| fields.get(&field).is_none_or(Vec::is_empty);
        if is_empty(Field::Email) && is_empty(Field::Phone) {
            self.errors.push(MappingError {
                line: 0,
                message: "fields.email and fields.phone are both empty, so no one could sign in"
                    .to_owned(),
            });
        }
        fields
    }

    /// A column that is written as the table's name, a full stop and its own.
    pub(super) fn column<T>(&mut self, at: &Spanned<T>, text: &str) -> Option<Column> {
        let (is_profile, name) = match text.split_once('.') {
            Some(("user", name)) => (false, name),
            Some(("profile", name)) => (true, name),
            _ => {
                let message = "write a column as \"user.name\" or \"profile.name\", or [] for none";
                self.refuse(at, message);
                return None;
            }
        };
        let name = self.name(Some(Spanned::new(at.span(), name.to_owned())))?;
        Some(Column { is_profile, name })
    }

    fn constants(&mut self, written: PerField<Spanned<String>>) -> BTreeMap<Field, String> {
        let mut constants = BTreeMap::new();
        for (field, value) in written.into_given() {
            let is_own = matches!(
                field,
                Field::Pid | Field::Email | Field::Phone | Field::Password | Field::WalletBalance
            );
            if is_own {
                let message = format!("every person has a {} of their own", field.as_str());
                self.refuse(&value, message);
            }
            constants.insert(field, value.into_inner());
        }
        constants
    }

    fn values(&mut self, written: ValueTables, mapping: &mut Mapping) {
        let plain = |values: Values| -> BTreeMap<String, String> {
            let values = values.unwrap_or_default().into_iter();
            values
                .map(|(key, value)| (key, value.into_inner()))
                .collect()
        };
        for (name, value) in written.role.unwrap_or_default() {
            match value.get_ref().parse() {
                Ok(role) => drop(mapping.roles.insert(name, role)),
                Err(_) => self.refuse(&value, "write client, vendor, staff or admin"),
            }
        }
        for (name, value) in written.group.unwrap_or_default() {
            match Grant::named(value.get_ref()) {
                Some(grant) => drop(mapping.groups.insert(name, grant)),
                None => self.refuse(
                    &value,
                    "write client, vendor, staff, admin, support, editor, sales, or \"\" for nothing",
                ),
            }
        }
        for (name, value) in written.provider.unwrap_or_default() {
            if !matches!(value.get_ref().as_str(), "google" | "") {
                self.refuse(
                    &value,
                    "write google, the only provider, or \"\" for nothing",
                );
            }
            mapping.providers.insert(name, value.into_inner());
        }
        mapping.avatars = plain(written.avatar);
        if let Some(role) = mapping.constants.get(&Field::Role)
            && !mapping.roles.contains_key(role)
        {
            self.errors.push(MappingError {
                line: 0,
                message: format!("constants.role is \"{role}\", which [values.role] does not have"),
            });
        }
    }
}

#[cfg(test)]
#[path = "written_tests.rs"]
mod tests;

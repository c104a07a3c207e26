//! An account as rows of the legacy system: the mapping in reverse.
//!
//! The rows of a new account are here, those of changed and erased ones in `changes`. Whether an import would
//! read the same account from them is decided where accounts are compared.

mod changes;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Cell, Cells, Column, Field, Fill, Fills, Grant, LegacyRow, Mapping};
use crate::domain::role::{Role, StaffFunctions};
use crate::domain::user::User;

pub use changes::{ChangedRow, changed_row, erased_row};

/// The value of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// None.
    Null,
    /// A truth value.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// Text.
    Text(String),
    /// A time.
    Time(DateTime<Utc>),
}

impl Value {
    /// As an import would read it.
    fn cell(&self) -> Cell {
        match self {
            Self::Null => Cell::Null,
            Self::Flag(flag) => Cell::Text(flag.to_string()),
            Self::Number(number) => Cell::Text(number.to_string()),
            Self::Text(text) => Cell::Text(text.clone()),
            Self::Time(at) => Cell::Text(at.to_rfc3339_opts(SecondsFormat::Micros, true)),
        }
    }
}

/// An account and what goes back with it.
pub struct Account<'a> {
    /// The account.
    pub user: &'a User,
    /// The password in Django's text, an unusable one if there is none.
    pub password: String,
    /// Ids at the provider that signs in here.
    pub subjects: Vec<String>,
    /// Ids there that were unlinked here.
    pub unlinked: Vec<String>,
    /// The mark by which an export knows a new row of an earlier one.
    pub mark: String,
    /// The time of the export.
    pub now: DateTime<Utc>,
}

/// Which optional tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Addresses and their flags.
    pub emails: bool,
    /// Accounts at other providers.
    pub socials: bool,
}

/// The rows of an account that was made here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRow {
    /// The public id.
    pub pid: String,
    /// The columns of the user.
    pub user: BTreeMap<String, Value>,
    /// The columns of the profile.
    pub profile: BTreeMap<String, Value>,
    /// Names of groups.
    pub groups: Vec<String>,
    /// The address, and whether it is verified.
    pub address: Option<(String, bool)>,
    /// Accounts at the provider.
    pub subjects: Vec<String>,
}

/// The text, `None` if it is empty.
fn text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::Text(text.to_owned()))
}

/// The name of a role in the mapping, if it has one.
fn role_name(mapping: &Mapping, role: Role) -> Option<Value> {
    let mut roles = mapping.roles.iter();
    let (name, _) = roles.find(|(_, other)| **other == role)?;
    Some(Value::Text(name.clone()))
}

/// The groups that give a role and functions.
fn groups(mapping: &Mapping, role: Role, functions: StaffFunctions) -> Vec<String> {
    let columns = |field| {
        mapping
            .fields
            .get(&field)
            .is_some_and(|all| !all.is_empty())
    };
    let has_role_column = columns(Field::Role);
    let has_flag = match role {
        Role::Client => true,
        Role::Vendor => false,
        Role::Staff => columns(Field::IsStaff),
        Role::Admin => columns(Field::IsSuperuser),
    };
    let mut names = Vec::new();
    let mut add = |grant: Grant| {
        let mut known = mapping.groups.iter();
        let found = known.find(|(_, other)| **other == grant);
        names.extend(found.map(|(name, _)| name.clone()));
    };
    if mapping.membership.is_none() {
        return names;
    }
    if !has_flag && !has_role_column {
        add(Grant::Role(role));
    }
    functions.iter().for_each(|one| add(Grant::Function(one)));
    names
}

/// A picture that the legacy system can show, or what stands there for none.
fn avatar(avatar: Option<&str>, mapping: &Mapping) -> Option<Value> {
    // Objects of ours are not where its pictures are.
    if let Some(avatar) = avatar.filter(|avatar| !avatar.starts_with("media:")) {
        return text(avatar);
    }
    let mut known = mapping.avatars.iter();
    let (name, _) = known.find(|(_, meaning)| meaning.is_empty())?;
    text(name)
}

/// The value of a field; `None` for an empty one.
fn value(account: &Account<'_>, mapping: &Mapping, field: Field) -> Option<Value> {
    let user = account.user;
    let optional = |value: &Option<String>| value.as_deref().and_then(text);
    match field {
        Field::Pid => text(&user.pid),
        Field::Email => optional(&user.email),
        Field::Phone => optional(&user.phone),
        Field::Password => text(&account.password),
        Field::FirstName => text(&user.first_name),
        Field::LastName => text(&user.last_name),
        Field::FullName => text(format!("{} {}", user.first_name, user.last_name).trim()),
        Field::Bio => text(&user.bio),
        Field::Country => text(&user.country),
        Field::State => text(&user.state),
        Field::City => text(&user.city),
        Field::Address => text(&user.address),
        Field::Locale => optional(&user.locale),
        Field::Avatar => avatar(user.avatar.as_deref(), mapping),
        Field::IsActive => Some(Value::Flag(!user.is_suspended() && !user.is_deleted())),
        Field::IsStaff => Some(Value::Flag(user.role >= Role::Staff)),
        Field::IsSuperuser => Some(Value::Flag(user.role == Role::Admin)),
        Field::Role => role_name(mapping, user.role),
        Field::IsVerified => Some(Value::Flag(user.is_verified)),
        Field::EmailVerified => Some(Value::Flag(user.email_verified)),
        Field::PhoneVerified => Some(Value::Flag(user.phone_verified)),
        Field::CreatedAt => Some(Value::Time(user.created_at)),
        Field::LastLoginAt => user.last_login_at.map(Value::Time),
        Field::VendorId => optional(&user.vendor_id),
        Field::WalletBalance => None,
    }
}

/// What stands for no value in a column.
fn empty(mapping: &Mapping, column: &Column, field: Field) -> Value {
    let is_time = matches!(field, Field::CreatedAt | Field::LastLoginAt);
    if is_time || mapping.export.nullable.contains(column) {
        Value::Null
    } else {
        Value::Text(String::new())
    }
}

fn filled(fill: &Fill, account: &Account<'_>) -> Value {
    let user = account.user;
    match fill {
        Fill::Flag(flag) => Value::Flag(*flag),
        Fill::Number(number) => Value::Number(*number),
        Fill::Text(text) => Value::Text(text.clone()),
        Fill::Mark => Value::Text(account.mark.clone()),
        Fill::Pid => Value::Text(user.pid.clone()),
        Fill::Email => user.email.clone().map_or(Value::Null, Value::Text),
        Fill::CreatedAt => Value::Time(user.created_at),
        Fill::Now => Value::Time(account.now),
    }
}

fn fill_in(cells: &mut BTreeMap<String, Value>, fills: &Fills, account: &Account<'_>) {
    for (column, fill) in fills {
        let value = filled(fill, account);
        cells.entry(column.clone()).or_insert(value);
    }
}

/// The rows of an account, with every column that the mapping names.
#[must_use]
pub fn new_row(account: &Account<'_>, mapping: &Mapping, written: Written) -> NewRow {
    let (mut user, mut profile) = (BTreeMap::new(), BTreeMap::new());
    for (field, columns) in &mapping.fields {
        if *field == Field::WalletBalance {
            continue;
        }
        let value = value(account, mapping, *field);
        for column in columns {
            let cells = if column.is_profile {
                &mut profile
            } else {
                &mut user
            };
            let value = value
                .clone()
                .unwrap_or_else(|| empty(mapping, column, *field));
            // A column that two fields share has the value of the first that has one.
            let cell = cells.entry(column.name.clone()).or_insert(Value::Null);
            if matches!(cell, Value::Null) {
                *cell = value;
            }
        }
    }
    fill_in(&mut user, &mapping.export.user, account);
    if mapping.profile.is_some() {
        fill_in(&mut profile, &mapping.export.profile, account);
    }
    let address = account.user.email.clone().filter(|_| written.emails);
    NewRow {
        pid: account.user.pid.clone(),
        user,
        profile,
        groups: groups(mapping, account.user.role, account.user.staff_functions),
        address: address.map(|address| (address, account.user.email_verified)),
        subjects: if written.socials {
            account.subjects.clone()
        } else {
            Vec::new()
        },
    }
}

/// The columns of new users and profiles, in the order of [`NewRow`].
pub(super) fn new_columns(mapping: &Mapping) -> (Vec<String>, Vec<String>) {
    let of = |is_profile: bool, fills: &Fills| {
        let fields = mapping.fields.iter();
        let fields = fields.filter(|(field, _)| **field != Field::WalletBalance);
        let columns = fields.flat_map(|(_, columns)| columns);
        let columns = columns.filter(|column| column.is_profile == is_profile);
        let mut names: BTreeSet<String> = columns.map(|column| column.name.clone()).collect();
        names.extend(fills.keys().cloned());
        names.into_iter().collect()
    };
    let profile = mapping.profile.as_ref();
    let profiles = profile.map(|_| of(true, &mapping.export.profile));
    (
        of(false, &mapping.export.user),
        profiles.unwrap_or_default(),
    )
}

impl NewRow {
    /// The rows as an import would read them.
    #[must_use]
    pub fn as_read(&self, mapping: &Mapping) -> LegacyRow {
        let cells = |cells: &BTreeMap<String, Value>| -> Cells {
            let cells = cells.iter();
            cells
                .map(|(column, value)| (column.clone(), value.cell()))
                .collect()
        };
        let mut row = LegacyRow {
            id: 0,
            user: cells(&self.user),
            profiles: mapping
                .profile
                .iter()
                .map(|_| cells(&self.profile))
                .collect(),
            groups: self.groups.iter().cloned().map(Cell::Text).collect(),
            ..LegacyRow::default()
        };
        if let Some((table, (address, verified))) =
            mapping.email.as_ref().zip(self.address.as_ref())
        {
            row.emails.push(Cells::from([
                (table.address.clone(), Cell::Text(address.clone())),
                (table.verified.clone(), Cell::Text(verified.to_string())),
                (table.primary.clone(), Cell::Text("true".to_owned())),
            ]));
        }
        row
    }
}

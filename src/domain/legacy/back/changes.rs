//! What is to be written of accounts that have a row.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Account, Value, Written, empty, groups, new_row, role_name, value};
use crate::domain::legacy::{Column, Field, Fill, Mapping};
use crate::domain::role::Role;

/// What changed in an account that was imported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedRow {
    /// The primary key of the user.
    pub id: i64,
    /// The public id that the row has, if it has one.
    pub pid: Option<String>,
    /// Columns of the user, except the address and the phone number.
    pub user: BTreeMap<String, Value>,
    /// Columns of the profile.
    pub profile: BTreeMap<String, Value>,
    /// What a profile has beside them, if there is none yet.
    pub new_profile: BTreeMap<String, Value>,
    /// The address of the user.
    pub email: Option<Value>,
    /// The phone number of the user.
    pub phone: Option<Value>,
    /// The last sign-in.
    pub last_login: Option<DateTime<Utc>>,
    /// The groups that the mapping names and the person is in.
    pub groups: Option<Vec<String>>,
    /// The address with its flag; an empty one for none.
    pub address: Option<(String, bool)>,
    /// Accounts at the provider.
    pub subjects: Vec<String>,
    /// Accounts there that were unlinked.
    pub unlinked: Vec<String>,
}

impl ChangedRow {
    /// Whether nothing is to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let named = Self {
            id: self.id,
            pid: self.pid.clone(),
            new_profile: self.new_profile.clone(),
            ..Self::default()
        };
        *self == named
    }
}

/// The fields of the mapping that hold a value that accounts are compared by.
fn sources(field: &str) -> &'static [Field] {
    match field {
        "email" => &[Field::Email],
        "phone" => &[Field::Phone],
        "first_name" | "last_name" => &[Field::FirstName, Field::LastName, Field::FullName],
        "avatar" => &[Field::Avatar],
        "bio" => &[Field::Bio],
        "country" => &[Field::Country],
        "state" => &[Field::State],
        "city" => &[Field::City],
        "address" => &[Field::Address],
        "locale" => &[Field::Locale],
        "role" | "staff_functions" => &[Field::Role, Field::IsStaff, Field::IsSuperuser],
        "is_verified" => &[Field::IsVerified],
        "email_verified" => &[Field::EmailVerified],
        "phone_verified" => &[Field::PhoneVerified],
        "is_active" => &[Field::IsActive],
        "last_login_at" => &[Field::LastLoginAt],
        "vendor_id" => &[Field::VendorId],
        "password" => &[Field::Password],
        _ => &[],
    }
}

/// What is to be written of an imported account, of which these values have changed.
#[must_use]
pub fn changed_row(
    account: &Account<'_>,
    mapping: &Mapping,
    written: Written,
    changed: &[&str],
) -> ChangedRow {
    let user = account.user;
    let mut row = ChangedRow {
        id: user.legacy_id.unwrap_or_default(),
        ..ChangedRow::default()
    };
    for field in changed.iter().flat_map(|field| sources(field)) {
        let value = value(account, mapping, *field);
        let columns = mapping.fields.get(field).map_or(&[][..], Vec::as_slice);
        for (place, column) in columns.iter().enumerate() {
            // Of several columns an import reads the first that is not empty.
            if place > 0 && value.is_some() && *field != Field::FullName {
                break;
            }
            let value = value
                .clone()
                .unwrap_or_else(|| empty(mapping, column, *field));
            let is_first = place == 0 && !column.is_profile;
            match *field {
                Field::Email if is_first => row.email = Some(value),
                Field::Phone if is_first => row.phone = Some(value),
                Field::LastLoginAt if is_first => row.last_login = user.last_login_at,
                _ if column.is_profile => drop(row.profile.insert(column.name.clone(), value)),
                _ => drop(row.user.insert(column.name.clone(), value)),
            }
        }
    }
    let has = |field| changed.contains(&field);
    if (has("role") || has("staff_functions")) && mapping.membership.is_some() {
        row.groups = Some(groups(mapping, user.role, user.staff_functions));
    }
    if written.emails && (has("email") || has("email_verified")) {
        let email = user.email.clone().unwrap_or_default();
        row.address = Some((email, user.email_verified));
    }
    if !row.profile.is_empty() {
        // For a person who has none yet. A profile has columns that must have a value.
        row.new_profile = new_row(account, mapping, written).profile;
    }
    if written.socials {
        row.subjects.clone_from(&account.subjects);
        row.unlinked.clone_from(&account.unlinked);
    }
    row
}

/// The columns of a person who was erased here: what is left of them says nothing.
#[must_use]
pub fn erased_row(id: i64, mapping: &Mapping, password: &str) -> ChangedRow {
    let mut row = ChangedRow {
        id,
        groups: Some(Vec::new()),
        ..ChangedRow::default()
    };
    let mut set = |column: &Column, value: Value| {
        let cells = if column.is_profile {
            &mut row.profile
        } else {
            &mut row.user
        };
        cells.insert(column.name.clone(), value);
    };
    for (field, columns) in &mapping.fields {
        for column in columns {
            let value = match field {
                Field::Pid | Field::CreatedAt | Field::LastLoginAt | Field::WalletBalance => {
                    continue;
                }
                Field::Password => Value::Text(password.to_owned()),
                Field::IsActive
                | Field::IsStaff
                | Field::IsSuperuser
                | Field::IsVerified
                | Field::EmailVerified
                | Field::PhoneVerified => Value::Flag(false),
                Field::Role => match role_name(mapping, Role::Client) {
                    Some(client) => client,
                    None => continue,
                },
                Field::Email if !mapping.export.nullable.contains(column) => {
                    Value::Text(format!("erased-{id}@invalid"))
                }
                _ => empty(mapping, column, *field),
            };
            set(column, value);
        }
    }
    for column in &mapping.export.erased {
        set(column, empty(mapping, column, Field::Bio));
    }
    for (column, fill) in &mapping.export.user {
        if matches!(fill, Fill::Mark | Fill::Pid | Fill::Email) {
            row.user
                .insert(column.clone(), Value::Text(format!("erased-{id}")));
        }
    }
    row
}

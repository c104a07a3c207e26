//! Which tables and columns of the legacy system hold what.

use std::collections::{BTreeMap, BTreeSet};

use chrono::FixedOffset;

use crate::domain::role::{Role, StaffFunction};

macro_rules! fields {
    ($($name:ident = $text:ident;)+) => {
        /// A value of an account that the mapping says where to find.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field { $(#[doc = stringify!($text)] $name,)+ }

        impl Field {
            /// Its name in mapping files and reports.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($text),)+ }
            }
        }

        /// The table of fields, as it is written.
        #[derive(Clone, Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct PerField<T> { $(pub(super) $text: Option<T>,)+ }

        impl<T> Default for PerField<T> {
            fn default() -> Self {
                Self { $($text: None,)+ }
            }
        }

        impl<T> PerField<T> {
            /// The fields that are given.
            pub(super) fn into_given(self) -> Vec<(Field, T)> {
                let all = [$((Field::$name, self.$text),)+];
                all.into_iter().filter_map(|(field, value)| Some((field, value?))).collect()
            }

            /// These, and those of `base` where none is given.
            pub(super) fn over(self, base: Self) -> Self {
                Self { $($text: self.$text.or(base.$text),)+ }
            }
        }
    };
}

fields! {
    Pid = pid;
    Email = email;
    Phone = phone;
    Password = password;
    FirstName = first_name;
    LastName = last_name;
    FullName = full_name;
    Bio = bio;
    Country = country;
    State = state;
    City = city;
    Address = address;
    Locale = locale;
    Avatar = avatar;
    IsActive = is_active;
    IsStaff = is_staff;
    IsSuperuser = is_superuser;
    Role = role;
    IsVerified = is_verified;
    EmailVerified = email_verified;
    PhoneVerified = phone_verified;
    CreatedAt = created_at;
    LastLoginAt = last_login_at;
    VendorId = vendor_id;
    WalletBalance = wallet_balance;
}

/// A column of the user's or the profile's table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    /// Whether the table is that of profiles.
    pub is_profile: bool,
    /// The column.
    pub name: String,
}

/// The table of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserTable {
    /// Its name, perhaps with a schema.
    pub table: String,
    /// Its primary key, a whole number.
    pub key: String,
}

/// A table that the import reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceTable {
    /// Users.
    User,
    /// Profiles.
    Profile,
    /// Memberships of users in groups.
    Membership,
    /// E-mail addresses with their flags.
    Email,
    /// Accounts at other providers.
    Social,
}

impl SourceTable {
    /// Every table.
    pub const ALL: [Self; 5] = [
        Self::User,
        Self::Profile,
        Self::Membership,
        Self::Email,
        Self::Social,
    ];

    /// Its name in records and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Profile => "profile",
            Self::Membership => "membership",
            Self::Email => "email",
            Self::Social => "social",
        }
    }
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident { $($column:ident: $description:literal,)+ })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $name {
                /// Its name.
                pub table: String,
                /// Its primary key, a whole number.
                pub key: String,
                $(#[doc = $description] pub $column: String,)+
                /// Whether it may be absent.
                pub is_optional: bool,
            }
        )+
    };
}

tables! {
    /// The table of profiles.
    ProfileTable { user: "The reference to the user.", }
    /// The table of memberships in groups.
    MembershipTable { user: "The reference to the user.", group: "The reference to the group.", }
    /// The table of addresses and their flags.
    EmailTable {
        user: "The reference to the user.",
        address: "The address.",
        verified: "Whether it was confirmed.",
        primary: "Whether it is the one to write to.",
    }
    /// The table of accounts at other providers.
    SocialTable {
        user: "The reference to the user.",
        provider: "The provider.",
        subject: "The id of the person there.",
    }
}

/// The table of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupTable {
    /// Its name.
    pub table: String,
    /// Its primary key.
    pub key: String,
    /// The name of a group.
    pub name: String,
}

/// What membership in a group gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// At least this role.
    Role(Role),
    /// This function, to members of staff.
    Function(StaffFunction),
    /// Nothing here.
    Nothing,
}

impl Grant {
    /// What the name of a role or of a function gives, and nothing if it is empty.
    pub(super) fn named(name: &str) -> Option<Self> {
        let role = || name.parse().map(Self::Role).ok();
        let function = || name.parse().map(Self::Function).ok();
        let nothing = name.is_empty().then_some(Self::Nothing);
        nothing.or_else(role).or_else(function)
    }
}

/// Which tables and columns hold what, and what their values mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Users.
    pub user: UserTable,
    /// Profiles, if they have a table of their own.
    pub profile: Option<ProfileTable>,
    /// Memberships, and the groups that they refer to.
    pub membership: Option<(MembershipTable, GroupTable)>,
    /// Addresses and their flags.
    pub email: Option<EmailTable>,
    /// Accounts at other providers.
    pub social: Option<SocialTable>,
    /// Where the fields are.
    pub fields: BTreeMap<Field, Vec<Column>>,
    /// Values of fields whose columns are absent or empty.
    pub constants: BTreeMap<Field, String>,
    /// Roles by their legacy names.
    pub roles: BTreeMap<String, Role>,
    /// What groups give, by name.
    pub groups: BTreeMap<String, Grant>,
    /// Providers by their legacy names: `google`, or empty for one that is left out.
    pub providers: BTreeMap<String, String>,
    /// Avatars by their legacy names.
    pub avatars: BTreeMap<String, String>,
    /// The offset of times without one.
    pub offset: FixedOffset,
    /// The country of phone numbers without a country code.
    pub phone_region: Option<String>,
    /// What rows that go back have beside the fields.
    pub export: Export,
}

/// What a column of a new row holds that no field names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// A truth value.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// This text.
    Text(String),
    /// The mark by which an export knows a row of an earlier one.
    Mark,
    /// The public id.
    Pid,
    /// The e-mail address.
    Email,
    /// When the account was made.
    CreatedAt,
    /// The time of the export.
    Now,
}

/// Columns of new rows, by name.
pub type Fills = BTreeMap<String, Fill>;

/// What rows that go back to the legacy system have beside the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// Columns in which an empty value is NULL.
    pub nullable: BTreeSet<Column>,
    /// Columns that no field names, and that are emptied with the others of an erased person.
    pub erased: BTreeSet<Column>,
    /// Users.
    pub user: Fills,
    /// Profiles.
    pub profile: Fills,
    /// Memberships in groups.
    pub membership: Fills,
    /// Addresses and their flags.
    pub email: Fills,
    /// Accounts at other providers.
    pub social: Fills,
}

impl Export {
    /// The column of users that has the mark.
    #[must_use]
    pub fn mark(&self) -> Option<&str> {
        let mut fills = self.user.iter();
        let mark = fills.find(|(_, fill)| **fill == Fill::Mark);
        mark.map(|(column, _)| column.as_str())
    }
}

impl Mapping {
    /// The groups that give something here.
    pub(super) fn granting_groups(&self) -> impl Iterator<Item = &String> {
        let groups = self.groups.iter();
        let granting = groups.filter(|(_, grant)| **grant != Grant::Nothing);
        granting.map(|(name, _)| name)
    }

    /// The columns of the user's or the profile's table that fields come from.
    #[must_use]
    pub fn columns(&self, of_profile: bool) -> BTreeSet<&str> {
        let columns = self.fields.values().flatten();
        columns
            .filter(|column| column.is_profile == of_profile)
            .map(|column| column.name.as_str())
            .collect()
    }
}

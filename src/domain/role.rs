//! Roles, staff functions, and the way an account was created.
//!
//! Their permissions are in [`super::permission`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text is not a member of the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a known {set}")]
pub struct UnknownName {
    pub(super) set: &'static str,
}

macro_rules! names {
    ($set:ident, $count:literal, $called:literal: $($member:ident = $text:literal),+ $(,)?) => {
        impl $set {
            /// Every member, lowest first.
            pub const ALL: [Self; $count] = [$(Self::$member),+];

            /// The name in the database, in tokens and on the command line.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$member => $text,)+
                }
            }
        }

        impl FromStr for $set {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text {
                    $($text => Ok(Self::$member),)+
                    _ => Err(UnknownName { set: $called }),
                }
            }
        }

        impl fmt::Display for $set {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

pub(super) use names;

/// The role of a user, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Buys.
    Client,
    /// Sells.
    Vendor,
    /// Works for the platform.
    Staff,
    /// Administers the platform.
    Admin,
}

names!(Role, 4, "role": Client = "client", Vendor = "vendor", Staff = "staff", Admin = "admin");

/// The function of a member of staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StaffFunction {
    /// Supports users and their accounts.
    Support,
    /// Manages content.
    Editor,
    /// Manages orders.
    Sales,
}

names!(StaffFunction, 3, "staff function": Support = "support", Editor = "editor", Sales = "sales");

/// The way an account was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthProvider {
    /// With an e-mail address.
    Email,
    /// With a phone number.
    Phone,
    /// With a Google account.
    Google,
}

names!(AuthProvider, 3, "provider": Email = "email", Phone = "phone", Google = "google");

/// A set of staff functions.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct StaffFunctions(u8);

impl StaffFunctions {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// Parses the stored form. A function that no longer exists grants nothing and is ignored.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        text.split(',')
            .filter_map(|name| name.trim().parse().ok())
            .collect()
    }

    /// The stored form: sorted names, separated by commas.
    #[must_use]
    pub fn to_text(self) -> String {
        self.iter()
            .map(StaffFunction::as_str)
            .collect::<Vec<_>>()
            .join(",")
    }

    /// Whether the set contains this function.
    #[must_use]
    pub fn contains(self, function: StaffFunction) -> bool {
        self.0 & bit(function) != 0
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The functions, sorted.
    pub fn iter(self) -> impl Iterator<Item = StaffFunction> {
        StaffFunction::ALL
            .into_iter()
            .filter(move |&function| self.contains(function))
    }
}

fn bit(function: StaffFunction) -> u8 {
    1 << function as u8
}

impl FromIterator<StaffFunction> for StaffFunctions {
    fn from_iter<I: IntoIterator<Item = StaffFunction>>(functions: I) -> Self {
        Self(
            functions
                .into_iter()
                .fold(0, |bits, function| bits | bit(function)),
        )
    }
}

impl fmt::Debug for StaffFunctions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_role_stands_above_those_before_it() {
        assert!(Role::ALL.is_sorted());
        assert!(Role::Admin > Role::Staff && Role::Staff > Role::Vendor);
        assert!(Role::Vendor > Role::Client);
    }

    #[test]
    fn every_name_reads_back_and_is_spelled_alike_in_json() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        for function in StaffFunction::ALL {
            assert_eq!(function.as_str().parse(), Ok(function));
            assert_eq!(serde_json::to_value(function).unwrap(), function.as_str());
        }
        for provider in AuthProvider::ALL {
            assert_eq!(provider.as_str().parse(), Ok(provider));
            assert_eq!(serde_json::to_value(provider).unwrap(), provider.as_str());
        }
    }

    #[test]
    fn a_name_has_one_spelling() {
        for text in ["", "Admin", "ADMIN", " admin", "root"] {
            let error = text.parse::<Role>().unwrap_err();
            assert_eq!(error.to_string(), "not a known role", "{text}");
        }
    }

    #[test]
    fn functions_are_a_set_in_a_fixed_order() {
        let functions = StaffFunctions::from_text("sales, support,sales,astronaut,");
        assert_eq!(functions.to_text(), "support,sales");
        assert!(functions.contains(StaffFunction::Sales));
        assert!(!functions.contains(StaffFunction::Editor));
        assert_eq!(format!("{functions:?}"), "{Support, Sales}");
        assert!(StaffFunctions::from_text("").is_empty());
        assert_eq!(StaffFunctions::default(), StaffFunctions::NONE);
        assert_eq!(StaffFunctions::NONE.to_text(), "");
    }

    proptest! {
        #[test]
        fn every_set_of_functions_reads_back(bits in 0_u8..8) {
            let functions = StaffFunctions(bits);
            prop_assert_eq!(StaffFunctions::from_text(&functions.to_text()), functions);
            prop_assert_eq!(functions.iter().collect::<StaffFunctions>(), functions);
        }
    }
}

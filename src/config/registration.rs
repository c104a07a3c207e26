//! `[registration]`: who may open an account, and as what.

use serde::{Deserialize, Deserializer, de::Error};

use crate::config::report::Review;
use crate::config::values;
use crate::domain::role::Role;

/// What people may do before anyone knows them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Whether people may create accounts themselves.
    pub enabled: bool,
    /// Whether an address must be confirmed before the first sign-in.
    pub confirmation: Confirmation,
    /// Roles a person may give themselves.
    #[serde(deserialize_with = "roles")]
    pub roles: Vec<Role>,
    /// The role of those who do not ask for one.
    #[serde(deserialize_with = "role")]
    pub default_role: Role,
}

/// When a new address has to be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confirmation {
    /// Before the first sign-in, which also hides whether an address is taken.
    Required,
    /// At leisure; registering signs in at once.
    Optional,
}

impl Registration {
    pub(super) fn check(&self, review: &mut Review<'_>) {
        if self
            .roles
            .iter()
            .any(|role| matches!(role, Role::Staff | Role::Admin))
        {
            review.refuse(
                "registration.roles",
                "people could make themselves staff",
                "Leave STAFF and ADMIN out; `idgate admin create` makes the first one.",
            );
        }
        if !self.roles.contains(&self.default_role) {
            review.refuse(
                "registration.default_role",
                format!(
                    "{} is not among registration.roles",
                    upper(self.default_role)
                ),
                "Choose one of registration.roles, or add it there.",
            );
        }
    }
}

fn upper(role: Role) -> String {
    role.as_str().to_ascii_uppercase()
}

fn named<E: Error>(text: &str) -> Result<Role, E> {
    let wanted = text.trim();
    let found = Role::ALL
        .into_iter()
        .find(|role| role.as_str().eq_ignore_ascii_case(wanted));
    found.ok_or_else(|| {
        let names: Vec<String> = Role::ALL.into_iter().map(upper).collect();
        E::custom(format!(
            "{} is no role; there are {}",
            values::quoted(wanted),
            names.join(", ")
        ))
    })
}

fn role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
    named(&String::deserialize(deserializer)?)
}

fn roles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Role>, D::Error> {
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|text| named(text))
        .collect()
}

//! `[registration]`: who may create an account, and with which role.

use serde::Deserialize;

use super::declaration::list;
use super::diagnostics::Diagnostics;
use super::read::{Input, Read, Reason, read_from_text};
use super::redact::quoted;
use super::section::{Check, section};

use crate::domain::role::Role;

section! {
    /// Who may create an account, and with which role.
    pub struct Registration("registration") {
        /// Whether people may create accounts themselves; if not, they have to be invited.
        pub enabled: bool = true;
        /// Whether an address has to be confirmed before the first sign-in: "required", which also hides
        /// whether an address is taken, or "optional".
        pub confirmation: Confirmation = "", development "optional", production "required";
        /// Roles that people may choose for themselves; staff roles are only granted.
        pub roles: Vec<Role> = list(["CLIENT", "VENDOR"]);
        /// The role of people who choose none.
        pub default_role: Role = "CLIENT";
    }
}

/// When a new address has to be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confirmation {
    /// Before the first sign-in, which also hides whether an address is taken.
    Required,
    /// At any time; registering signs in at once.
    Optional,
}

read_from_text!(Confirmation);

impl Registration {
    /// Whether an address must be confirmed before the first sign-in.
    #[must_use]
    pub fn requires_confirmation(&self) -> bool {
        self.confirmation == Confirmation::Required
    }
}

impl Check for Registration {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        if self
            .roles
            .iter()
            .any(|role| matches!(role, Role::Staff | Role::Admin))
        {
            diagnostics.refuse(
                "registration.roles",
                "people could make themselves staff",
                "Leave STAFF and ADMIN out; `idgate admin create` makes the first one.",
            );
        }
        if !self.roles.contains(&self.default_role) {
            diagnostics.refuse(
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

impl Read for Role {
    fn read(input: Input<'_>) -> Result<Self, Reason> {
        let wanted = String::read(input)?;
        let wanted = wanted.trim();
        let found = Self::ALL
            .into_iter()
            .find(|role| role.as_str().eq_ignore_ascii_case(wanted));
        found.ok_or_else(|| {
            let names: Vec<String> = Self::ALL.into_iter().map(upper).collect();
            let (wanted, names) = (quoted(wanted), names.join(", "));
            Reason(format!("{wanted} is not a role; there are {names}"))
        })
    }
}

//! Permissions and who holds them: the one matrix behind guards, token scopes and documentation.
//!
//! Access to one's own account needs no permission.

use std::fmt;

use super::role::{Role, StaffFunction, StaffFunctions};

/// A permission as a type, so that a proof of it names the permission that was checked.
pub trait PermissionType: Copy {
    /// The permission.
    const PERMISSION: Permission;
}

macro_rules! permissions {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// What only some callers may do. Variants are in the order of their names in scopes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission { $( $(#[doc = $doc])+ $name, )+ }

        impl Permission {
            /// Every permission, in the order of their names.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$name),+];

            /// The name in scopes (RFC 6749 §3.3) and directives.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            const fn bit(self) -> u16 {
                1 << self as u16
            }
        }

        /// Each permission as a type.
        pub mod types {
            use super::{Permission, PermissionType};
            $(
                $(#[doc = $doc])+
                #[derive(Clone, Copy, Debug)]
                pub struct $name;

                impl PermissionType for $name {
                    const PERMISSION: Permission = Permission::$name;
                }
            )+
        }
    };
}

permissions! {
    /// Read the audit log.
    AuditRead = "audit:read",
    /// Change content.
    ContentWrite = "content:write",
    /// Change roles and staff functions.
    RolesWrite = "roles:write",
    /// Read orders.
    SalesRead = "sales:read",
    /// End the sessions of others.
    SessionsWrite = "sessions:write",
    /// Read statistics.
    StatsRead = "stats:read",
    /// Delete, restore and erase accounts.
    UsersDelete = "users:delete",
    /// Read the accounts of others.
    UsersRead = "users:read",
    /// Change the accounts of others.
    UsersWrite = "users:write",
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The permissions of a role.
const fn granted_by_role(role: Role) -> PermissionSet {
    match role {
        Role::Client | Role::Vendor => PermissionSet::NONE,
        Role::Staff => PermissionSet::with(&[Permission::StatsRead]),
        Role::Admin => PermissionSet::with(&Permission::ALL),
    }
}

/// The permissions that a staff function adds.
const fn granted_by_function(function: StaffFunction) -> PermissionSet {
    use Permission::{
        AuditRead, ContentWrite, SalesRead, SessionsWrite, StatsRead, UsersRead, UsersWrite,
    };
    PermissionSet::with(match function {
        StaffFunction::Support => &[AuditRead, SessionsWrite, UsersRead, UsersWrite],
        StaffFunction::Editor => &[ContentWrite],
        StaffFunction::Sales => &[SalesRead, StatsRead],
    })
}

/// A set of permissions.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PermissionSet(u16);

impl PermissionSet {
    /// No permissions.
    pub const NONE: Self = Self(0);

    const fn with(mut permissions: &[Permission]) -> Self {
        let mut bits = 0;
        while let [first, rest @ ..] = permissions {
            bits |= first.bit();
            permissions = rest;
        }
        Self(bits)
    }

    /// The permissions of a role with these functions. Functions grant nothing to other roles than
    /// staff: they are left over from an earlier role.
    #[must_use]
    pub fn of(role: Role, functions: StaffFunctions) -> Self {
        let base = granted_by_role(role);
        if role != Role::Staff {
            return base;
        }
        functions
            .iter()
            .map(granted_by_function)
            .fold(base, |all, more| Self(all.0 | more.0))
    }

    /// Whether the set includes a permission.
    #[must_use]
    pub fn holds(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether the set includes all of the others.
    #[must_use]
    pub fn covers(self, others: Self) -> bool {
        others.0 & !self.0 == 0
    }

    /// The permissions, sorted by name.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .into_iter()
            .filter(move |&permission| self.holds(permission))
    }

    /// The `scope` claim (RFC 9068 §2.2.3), sorted, so that equal sets have equal text.
    #[must_use]
    pub fn scope(self) -> String {
        self.iter()
            .map(Permission::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        let bits = permissions.into_iter().map(Permission::bit);
        Self(bits.fold(0, |all, bit| all | bit))
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn of(role: Role, functions: &str) -> PermissionSet {
        PermissionSet::of(role, StaffFunctions::from_text(functions))
    }

    /// The whole matrix, for review.
    #[test]
    fn the_matrix_reads_as_agreed() {
        let columns = [
            of(Role::Client, ""),
            of(Role::Vendor, ""),
            of(Role::Staff, ""),
            of(Role::Staff, "support"),
            of(Role::Staff, "editor"),
            of(Role::Staff, "sales"),
            of(Role::Admin, ""),
        ];
        let mut table =
            String::from("               client vendor staff +support +editor +sales admin\n");
        for permission in Permission::ALL {
            let marks = columns.map(|column| if column.holds(permission) { "x" } else { "." });
            let [client, vendor, staff, support, editor, sales, admin] = marks;
            let name = permission.as_str();
            writeln!(
                table,
                "{name:<14} {client:<6} {vendor:<6} {staff:<5} \
                 {support:<8} {editor:<7} {sales:<6} {admin}"
            )
            .unwrap();
        }
        let agreed = "\
\x20              client vendor staff +support +editor +sales admin
audit:read     .      .      .     x        .       .      x
content:write  .      .      .     .        x       .      x
roles:write    .      .      .     .        .       .      x
sales:read     .      .      .     .        .       x      x
sessions:write .      .      .     x        .       .      x
stats:read     .      .      x     x        x       x      x
users:delete   .      .      .     .        .       .      x
users:read     .      .      .     x        .       .      x
users:write    .      .      .     x        .       .      x
";
        assert_eq!(table, agreed, "\n{table}");
    }

    #[test]
    fn names_are_sorted_so_scopes_are() {
        assert!(Permission::ALL.map(Permission::as_str).is_sorted());
        assert_eq!(
            of(Role::Staff, "sales,editor").scope(),
            "content:write sales:read stats:read"
        );
        assert_eq!(of(Role::Client, "").scope(), "");
    }

    #[test]
    fn functions_left_over_from_an_earlier_role_grant_nothing() {
        for role in [Role::Client, Role::Vendor] {
            assert_eq!(of(role, "support,editor,sales"), PermissionSet::NONE);
        }
    }

    proptest! {
        #[test]
        fn more_functions_never_take_a_permission_away(
            role in 0_usize..4,
            functions in 0_usize..8,
        ) {
            let all: StaffFunctions = StaffFunction::ALL
                .into_iter()
                .enumerate()
                .filter_map(|(place, function)| (functions >> place & 1 == 1).then_some(function))
                .collect();
            let role = Role::ALL[role];
            let fewer = PermissionSet::of(role, StaffFunctions::NONE);
            let more = PermissionSet::of(role, all);
            let admin = PermissionSet::of(Role::Admin, StaffFunctions::NONE);
            prop_assert!(fewer.iter().all(|permission| more.holds(permission)));
            prop_assert!(more.iter().all(|permission| admin.holds(permission)));
        }
    }
}

//! The administrative hierarchy: whom a user may administer, and which roles they may grant.

use super::permission::{Permission, PermissionSet};
use super::role::{Role, StaffFunctions};
use super::user::User;

/// A role with the permissions that it and the staff functions grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rank {
    role: Role,
    permissions: PermissionSet,
}

impl Rank {
    /// The rank of a role with these functions.
    #[must_use]
    pub fn of(role: Role, functions: StaffFunctions) -> Self {
        Self {
            role,
            permissions: PermissionSet::of(role, functions),
        }
    }

    /// The rank of a user.
    #[must_use]
    pub fn of_user(user: &User) -> Self {
        Self::of(user.role, user.staff_functions)
    }

    /// Whether this rank holds a permission.
    #[must_use]
    pub fn holds(self, permission: Permission) -> bool {
        self.permissions.holds(permission)
    }

    /// Whether this rank may administer a user of the other: the other role is not higher and has no
    /// permission that this one lacks.
    #[must_use]
    pub fn reaches(self, other: Self) -> bool {
        other.role <= self.role && self.permissions.covers(other.permissions)
    }

    /// Whether this rank may give another user that rank. Granting a staff role takes `roles:write`,
    /// however few permissions the new member of staff would have.
    #[must_use]
    pub fn may_grant(self, other: Self) -> bool {
        let is_staff = other.role >= Role::Staff;
        self.reaches(other) && (!is_staff || self.holds(Permission::RolesWrite))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rank(role: Role, functions: &str) -> Rank {
        Rank::of(role, StaffFunctions::from_text(functions))
    }

    fn any_rank() -> impl Strategy<Value = Rank> {
        const FUNCTIONS: [&str; 5] = ["", "support", "editor", "sales", "support,sales"];
        (0_usize..4, proptest::sample::select(&FUNCTIONS[..]))
            .prop_map(|(role, functions)| rank(Role::ALL[role], functions))
    }

    #[test]
    fn support_reaches_people_and_colleagues_and_nobody_with_other_rights() {
        let support = rank(Role::Staff, "support");
        for (role, functions, reached) in [
            (Role::Client, "", true),
            (Role::Vendor, "", true),
            (Role::Staff, "", true),
            (Role::Staff, "support", true),
            (Role::Staff, "editor", false),
            (Role::Staff, "sales", false),
            (Role::Admin, "", false),
        ] {
            let other = rank(role, functions);
            assert_eq!(support.reaches(other), reached, "{other:?}");
            let may_grant = reached && role < Role::Staff;
            assert_eq!(support.may_grant(other), may_grant, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn an_admin_reaches_everybody_and_is_reached_by_admins(other in any_rank()) {
            let admin = rank(Role::Admin, "");
            prop_assert!(admin.may_grant(other));
            prop_assert_eq!(other.reaches(admin), other.role == Role::Admin);
        }

        #[test]
        fn nobody_grants_what_they_do_not_hold(mine in any_rank(), other in any_rank()) {
            if mine.may_grant(other) {
                prop_assert!(mine.permissions.covers(other.permissions));
                prop_assert!(mine.role >= other.role);
            }
        }
    }
}

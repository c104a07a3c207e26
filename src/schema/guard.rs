//! Authorization of fields and operations: guards, built on the permission matrix of
//! [`crate::domain::permission`].
//!
//! A guard is checked whenever its field is resolved, so it holds on every path to the field. It
//! decides by the caller's row as read for this request, never by the claims of the token.
//! async-graphql's own guards are not used: a refusal would null the parent of a nullable field.

use super::error::{Error, Nullable};
use crate::domain::caller::SignedIn;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::role::{Role, StaffFunctions};

/// Who accesses a record, and whether it is their own.
#[derive(Clone, Copy, Debug)]
pub struct AccessContext<'a> {
    /// The signed-in caller.
    pub person: Option<&'a SignedIn>,
    /// Whether the record belongs to the caller.
    pub is_own: bool,
}

/// A condition on the caller.
pub trait Guard: Copy {
    /// Whether access is allowed.
    fn allows(&self, access: AccessContext<'_>) -> bool;

    /// Allows what either guard allows.
    fn or<G: Guard>(self, other: G) -> Either<Self, G> {
        Either(self, other)
    }

    /// Allows what both guards allow.
    fn and<G: Guard>(self, other: G) -> Both<Self, G> {
        Both(self, other)
    }

    /// The value if access is allowed, else `null` with one error.
    fn field<T>(
        &self,
        access: AccessContext<'_>,
        value: impl FnOnce() -> Option<T>,
    ) -> Nullable<T> {
        if self.allows(access) {
            value().map(Ok)
        } else {
            Some(Err(Error::forbidden()))
        }
    }
}

/// Allows what either of two guards allows.
#[derive(Clone, Copy, Debug)]
pub struct Either<A, B>(A, B);

impl<A: Guard, B: Guard> Guard for Either<A, B> {
    fn allows(&self, access: AccessContext<'_>) -> bool {
        self.0.allows(access) || self.1.allows(access)
    }
}

/// Allows what both of two guards allow.
#[derive(Clone, Copy, Debug)]
pub struct Both<A, B>(A, B);

impl<A: Guard, B: Guard> Guard for Both<A, B> {
    fn allows(&self, access: AccessContext<'_>) -> bool {
        self.0.allows(access) && self.1.allows(access)
    }
}

/// Allows callers with a permission.
#[derive(Clone, Copy, Debug)]
pub struct Holds(pub Permission);

impl Guard for Holds {
    fn allows(&self, access: AccessContext<'_>) -> bool {
        let holds = |person: &SignedIn| person.permissions().holds(self.0);
        access.person.is_some_and(holds)
    }
}

/// Allows the owner of the record.
#[derive(Clone, Copy, Debug)]
pub struct IsOwner;

impl Guard for IsOwner {
    fn allows(&self, access: AccessContext<'_>) -> bool {
        access.is_own
    }
}

/// Allows all but the owner of the record.
#[derive(Clone, Copy, Debug)]
pub struct IsNotOwner;

impl Guard for IsNotOwner {
    fn allows(&self, access: AccessContext<'_>) -> bool {
        !access.is_own
    }
}

macro_rules! guards {
    ($($(#[doc = $doc:literal])+ $name:ident: $allows:expr;)+) => { $(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Guard for $name {
            fn allows(&self, access: AccessContext<'_>) -> bool {
                access.person.is_some_and($allows)
            }
        }
    )+ };
}

guards! {
    /// Allows vendors only: their role grants no permissions, so no other role covers it.
    IsVendor: |person| person.role() == Role::Vendor;
    /// Allows staff, and roles that cover theirs.
    IsStaff: |person| {
        let granted = PermissionSet::of(Role::Staff, StaffFunctions::default());
        person.role() >= Role::Staff && person.permissions().covers(granted)
    };
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::domain::session::tests::session;
    use crate::domain::user::User;
    use crate::domain::user::tests::ada;

    fn person(role: Role, functions: &str) -> SignedIn {
        let user = User {
            role,
            staff_functions: StaffFunctions::from_text(functions),
            ..ada()
        };
        let permissions = PermissionSet::of(role, user.staff_functions);
        SignedIn::new(&user, &session(), permissions)
    }

    type Allows<'a> = &'a dyn Fn(AccessContext<'_>) -> bool;

    fn access(person: Option<&SignedIn>, is_own: bool) -> AccessContext<'_> {
        AccessContext { person, is_own }
    }

    /// Which roles each guard allows, as a table for review.
    #[test]
    fn guards_allow_the_reviewed_roles() {
        let people = [
            person(Role::Client, "support"),
            person(Role::Vendor, ""),
            person(Role::Staff, ""),
            person(Role::Staff, "support"),
            person(Role::Staff, "editor"),
            person(Role::Staff, "sales"),
            person(Role::Admin, ""),
        ];
        let guards: [(&str, Allows<'_>); 2] = [
            ("IsVendor", &|access| IsVendor.allows(access)),
            ("IsStaff", &|access| IsStaff.allows(access)),
        ];
        let mut table = String::from("client vendor staff +support +editor +sales admin\n");
        for (name, allows) in guards {
            let marks = people.each_ref().map(|person| {
                if allows(access(Some(person), false)) {
                    "x"
                } else {
                    "."
                }
            });
            writeln!(table, "{} {name}", marks.join(" ")).unwrap();
            assert!(
                !allows(access(None, true)),
                "{name} allows anonymous callers"
            );
        }
        let agreed = "\
client vendor staff +support +editor +sales admin
. x . . . . . IsVendor
. . x x x x x IsStaff
";
        assert_eq!(table, agreed, "\n{table}");
    }

    #[test]
    fn a_refused_field_is_null_with_one_error_and_is_not_computed() {
        let client = person(Role::Client, "");
        let guard = IsOwner.or(Holds(Permission::UsersRead));
        let value = || -> Option<u8> { unreachable!("a refused value must not be computed") };
        let refused = guard.field(access(Some(&client), false), value);
        assert_eq!(refused, Some(Err(Error::forbidden())));
        let own = guard.field(access(Some(&client), true), || Some(1));
        assert_eq!(own, Some(Ok(1)));
        let vendors = IsOwner.and(IsVendor);
        assert!(!vendors.allows(access(Some(&client), true)));
    }
}

//! Who may see a field or run an operation: guards, made from the one matrix of
//! [`crate::domain::permission`].
//!
//! A guard stands on a field and is asked whenever the field is resolved, so it holds on every
//! path that leads there. What it asks is the caller's row of this request, never their token.
//! The engine's own guards are not used: their refusal would take the parent of a nullable field
//! away with it.

use super::error::{Error, Nullable};
use crate::domain::caller::SignedIn;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::role::{Role, StaffFunction, StaffFunctions};

/// Who asks, and whether about what is their own.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The person, if somebody is signed in.
    pub person: Option<&'a SignedIn>,
    /// Whether the record is theirs.
    pub is_own: bool,
}

/// A condition on who asks.
pub trait Guard: Copy {
    /// Whether they may.
    fn admits(&self, asking: Asking<'_>) -> bool;

    /// Admits whom either admits.
    fn or<G: Guard>(self, other: G) -> Either<Self, G> {
        Either(self, other)
    }

    /// Admits whom both admit.
    fn and<G: Guard>(self, other: G) -> Both<Self, G> {
        Both(self, other)
    }

    /// The value for those who may see it, and `null` with one error for the others.
    fn field<T>(&self, asking: Asking<'_>, value: impl FnOnce() -> Option<T>) -> Nullable<T> {
        if self.admits(asking) {
            value().map(Ok)
        } else {
            Some(Err(Error::forbidden()))
        }
    }

    /// The refusal of an operation: those who are not signed in are told to.
    fn operation(&self, person: Option<&SignedIn>) -> Result<(), Error> {
        let asking = Asking {
            person,
            is_own: false,
        };
        match person {
            _ if self.admits(asking) => Ok(()),
            Some(_) => Err(Error::forbidden()),
            None => Err(Error::unauthenticated()),
        }
    }
}

/// Whom either of two guards admits.
#[derive(Clone, Copy, Debug)]
pub struct Either<A, B>(A, B);

impl<A: Guard, B: Guard> Guard for Either<A, B> {
    fn admits(&self, asking: Asking<'_>) -> bool {
        self.0.admits(asking) || self.1.admits(asking)
    }
}

/// Whom both of two guards admit.
#[derive(Clone, Copy, Debug)]
pub struct Both<A, B>(A, B);

impl<A: Guard, B: Guard> Guard for Both<A, B> {
    fn admits(&self, asking: Asking<'_>) -> bool {
        self.0.admits(asking) && self.1.admits(asking)
    }
}

/// Those who hold a permission.
#[derive(Clone, Copy, Debug)]
pub struct Holds(pub Permission);

impl Guard for Holds {
    fn admits(&self, asking: Asking<'_>) -> bool {
        let holds = |person: &SignedIn| person.permissions().holds(self.0);
        asking.person.is_some_and(holds)
    }
}

/// Whoever the record belongs to.
#[derive(Clone, Copy, Debug)]
pub struct IsOwner;

impl Guard for IsOwner {
    fn admits(&self, asking: Asking<'_>) -> bool {
        asking.is_own
    }
}

/// Everybody but whoever the record is about.
#[derive(Clone, Copy, Debug)]
pub struct IsNotOwner;

impl Guard for IsNotOwner {
    fn admits(&self, asking: Asking<'_>) -> bool {
        !asking.is_own
    }
}

macro_rules! guards {
    ($($(#[doc = $doc:literal])+ $name:ident: $admits:expr;)+) => { $(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Guard for $name {
            fn admits(&self, asking: Asking<'_>) -> bool {
                asking.person.is_some_and($admits)
            }
        }
    )+ };
}

guards! {
    /// Clients. Their role grants nothing, so nobody stands in for them.
    IsClient: |person| person.role() == Role::Client;
    /// Vendors. Their role grants nothing, so nobody stands in for them.
    IsVendor: |person| person.role() == Role::Vendor;
    /// Staff, and who may do what all of them may.
    IsStaff: |person| stands_in(person, Role::Staff, None);
    /// Staff who help people, and who may do all that they may.
    IsSupport: |person| stands_in(person, Role::Staff, Some(StaffFunction::Support));
    /// Staff who edit, and who may do all that they may.
    IsEditor: |person| stands_in(person, Role::Staff, Some(StaffFunction::Editor));
    /// Staff who sell, and who may do all that they may.
    IsSales: |person| stands_in(person, Role::Staff, Some(StaffFunction::Sales));
    /// Administrators.
    IsAdmin: |person| stands_in(person, Role::Admin, None);
}

/// Whether somebody stands as high as a role and holds everything that it grants with a function.
fn stands_in(person: &SignedIn, role: Role, function: Option<StaffFunction>) -> bool {
    let functions: StaffFunctions = function.into_iter().collect();
    let granted = PermissionSet::of(role, functions);
    person.role() >= role && person.permissions().covers(granted)
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

    type Admits<'a> = &'a dyn Fn(Asking<'_>) -> bool;

    fn asking(person: Option<&SignedIn>, is_own: bool) -> Asking<'_> {
        Asking { person, is_own }
    }

    /// Whom each guard admits, as a person reviews it.
    #[test]
    fn guards_admit_as_agreed() {
        let people = [
            person(Role::Client, "support"),
            person(Role::Vendor, ""),
            person(Role::Staff, ""),
            person(Role::Staff, "support"),
            person(Role::Staff, "editor"),
            person(Role::Staff, "sales"),
            person(Role::Admin, ""),
        ];
        let guards: [(&str, Admits<'_>); 7] = [
            ("IsClient", &|asking| IsClient.admits(asking)),
            ("IsVendor", &|asking| IsVendor.admits(asking)),
            ("IsStaff", &|asking| IsStaff.admits(asking)),
            ("IsSupport", &|asking| IsSupport.admits(asking)),
            ("IsEditor", &|asking| IsEditor.admits(asking)),
            ("IsSales", &|asking| IsSales.admits(asking)),
            ("IsAdmin", &|asking| IsAdmin.admits(asking)),
        ];
        let mut table = String::from("client vendor staff +support +editor +sales admin\n");
        for (name, admits) in guards {
            let marks = people.each_ref().map(|person| {
                if admits(asking(Some(person), false)) {
                    "x"
                } else {
                    "."
                }
            });
            writeln!(table, "{} {name}", marks.join(" ")).unwrap();
            assert!(!admits(asking(None, true)), "{name} admits nobody");
        }
        let agreed = "\
client vendor staff +support +editor +sales admin
x . . . . . . IsClient
. x . . . . . IsVendor
. . x x x x x IsStaff
. . . x . . x IsSupport
. . . . x . x IsEditor
. . . . . x x IsSales
. . . . . . x IsAdmin
";
        assert_eq!(table, agreed, "\n{table}");
    }

    #[test]
    fn a_refused_field_is_null_with_one_error_and_its_value_is_never_made() {
        let client = person(Role::Client, "");
        let guard = IsOwner.or(Holds(Permission::UsersRead));
        let value = || -> Option<u8> { unreachable!("nobody may see it") };
        let refused = guard.field(asking(Some(&client), false), value);
        assert_eq!(refused, Some(Err(Error::forbidden())));
        let own = guard.field(asking(Some(&client), true), || Some(1));
        assert_eq!(own, Some(Ok(1)));
        let vendors = IsOwner.and(IsVendor);
        assert!(!vendors.admits(asking(Some(&client), true)));
    }

    #[test]
    fn an_operation_tells_strangers_to_sign_in_and_others_that_they_may_not() {
        let client = person(Role::Client, "");
        let support = person(Role::Staff, "support");
        let guard = Holds(Permission::UsersRead);
        assert_eq!(guard.operation(None), Err(Error::unauthenticated()));
        assert_eq!(guard.operation(Some(&client)), Err(Error::forbidden()));
        assert_eq!(guard.operation(Some(&support)), Ok(()));
    }
}

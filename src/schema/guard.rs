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

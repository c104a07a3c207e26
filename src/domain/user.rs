//! Users.

use std::fmt;

use chrono::{DateTime, Utc};

use super::ids::UserId;
use super::role::{AuthProvider, Role, StaffFunctions};

/// The maximum length of a given or a family name, in characters.
pub const MAX_NAME_LENGTH: usize = 150;

/// A user's account, live or soft-deleted.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The public id, for display.
    pub pid: String,
    /// The primary key in the system that the account was imported from.
    pub legacy_id: Option<i64>,
    /// The e-mail address, as typed by its owner.
    pub email: Option<String>,
    /// Whether it is verified.
    pub email_verified: bool,
    /// The phone number, in E.164.
    pub phone: Option<String>,
    /// Whether it is verified.
    pub phone_verified: bool,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// What the picture is: see [`AvatarReference`](super::media::AvatarReference).
    pub avatar: Option<String>,
    /// What the user writes about themselves.
    pub bio: String,
    /// Country of residence.
    pub country: String,
    /// State or province.
    pub state: String,
    /// City.
    pub city: String,
    /// Street and number.
    pub address: String,
    /// Preferred language, as a BCP 47 tag.
    pub locale: Option<String>,
    /// The role.
    pub role: Role,
    /// The staff functions; none unless staff.
    pub staff_functions: StaffFunctions,
    /// How the account was created.
    pub auth_provider: AuthProvider,
    /// Whether the platform vouches for the account.
    pub is_verified: bool,
    /// The reference of the vendor module.
    pub vendor_id: Option<String>,
    /// Notes of staff about the account.
    pub staff_note: String,
    /// Incremented with every change of credentials, so that a concurrent sign-in notices that what
    /// it checked is outdated.
    pub credential_version: i64,
    /// Since when the account is suspended.
    pub suspended_at: Option<DateTime<Utc>>,
    /// Why the account is suspended.
    pub suspended_reason: Option<String>,
    /// The last sign-in.
    pub last_login_at: Option<DateTime<Utc>>,
    /// When the account was created.
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was soft-deleted.
    pub deleted_at: Option<DateTime<Utc>>,
    /// When the first address was verified; `None` also where that was before it was recorded.
    pub first_verified_at: Option<DateTime<Utc>>,
    /// When the account was last reset for the owner of an address that an attacker had registered.
    pub reclaimed_at: Option<DateTime<Utc>>,
}

/// What every caller may see of an account.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicProfile {
    /// The id.
    pub id: UserId,
    /// The public id, for display.
    pub pid: String,
    /// Given name.
    pub first_name: String,
    /// URL of the picture.
    pub avatar: Option<String>,
    /// The role.
    pub role: Role,
}

impl fmt::Debug for PublicProfile {
    /// Prints no personal data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PublicProfile")
            .field("id", &self.id)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// The kinds of address of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// The e-mail address.
    Email,
    /// The phone number.
    Phone,
}

impl User {
    /// Whether this address is verified.
    #[must_use]
    pub const fn has_verified(&self, contact: Contact) -> bool {
        match contact {
            Contact::Email => self.email_verified,
            Contact::Phone => self.phone_verified,
        }
    }

    /// Whether any address is verified.
    #[must_use]
    pub const fn has_verified_contact(&self) -> bool {
        self.email_verified || self.phone_verified
    }

    /// Whether an action of the account at this moment was taken by its present owner, and not by the
    /// attacker who had registered the address.
    #[must_use]
    pub fn belonged_to_owner_at(&self, at: DateTime<Utc>) -> bool {
        self.reclaimed_at.is_none_or(|since| at >= since)
    }

    /// Whether an address was verified by this moment. What others did to the account before that,
    /// such as failed sign-ins, does not concern its present owner.
    #[must_use]
    pub fn was_verified_at(&self, at: DateTime<Utc>) -> bool {
        self.has_verified_contact() && self.first_verified_at.is_none_or(|since| at >= since)
    }

    /// Whether the account is suspended.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.suspended_at.is_some()
    }

    /// Whether the account is soft-deleted.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }

    /// Whether the account may have sessions.
    #[must_use]
    pub fn may_sign_in(&self) -> bool {
        !self.is_suspended() && !self.is_deleted()
    }
}

impl fmt::Debug for User {
    /// Prints no personal data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("User")
            .field("id", &self.id)
            .field("role", &self.role)
            .field("staff_functions", &self.staff_functions)
            .field("auth_provider", &self.auth_provider)
            .field("email_verified", &self.email_verified)
            .field("phone_verified", &self.phone_verified)
            .field("suspended_at", &self.suspended_at)
            .field("deleted_at", &self.deleted_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use uuid::Uuid;

    use super::*;

    pub(crate) fn ada() -> User {
        let text = |value: &str| format!("personal {value}");
        User {
            id: UserId::from(Uuid::from_u128(1)),
            pid: text("pid"),
            legacy_id: None,
            email: Some(text("email")),
            email_verified: true,
            phone: Some(text("phone")),
            phone_verified: false,
            first_name: text("first name"),
            last_name: text("last name"),
            avatar: Some(text("avatar")),
            bio: text("bio"),
            country: text("country"),
            state: text("state"),
            city: text("city"),
            address: text("address"),
            locale: Some(text("locale")),
            role: Role::Client,
            staff_functions: StaffFunctions::NONE,
            auth_provider: AuthProvider::Email,
            is_verified: false,
            vendor_id: Some(text("vendor id")),
            staff_note: text("staff note"),
            credential_version: 0,
            suspended_at: None,
            suspended_reason: Some(text("reason")),
            last_login_at: None,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            deleted_at: None,
            first_verified_at: None,
            reclaimed_at: None,
        }
    }

    #[test]
    fn suspended_and_deleted_accounts_may_not_sign_in() {
        let now = Some(DateTime::UNIX_EPOCH);
        assert!(ada().may_sign_in());
        assert!(
            !User {
                suspended_at: now,
                ..ada()
            }
            .may_sign_in()
        );
        assert!(
            !User {
                deleted_at: now,
                ..ada()
            }
            .may_sign_in()
        );
    }

    #[test]
    fn nothing_personal_prints() {
        let printed = format!("{:?}", ada());
        assert!(!printed.contains("personal"), "{printed}");
        assert!(printed.contains("Client"), "{printed}");
    }
}

//! Soft-deleted accounts.

use std::fmt;

use chrono::{DateTime, Utc};

use super::ids::{DeletedRecordId, UserId};

/// The record of a soft-deleted account: columns in plain text, the copy of the account sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct DeletedRecord {
    /// Its id.
    pub id: DeletedRecordId,
    /// The account.
    pub user: UserId,
    /// Who deleted it: staff, or its owner.
    pub deleted_by: Option<UserId>,
    /// When it was deleted.
    pub deleted_at: DateTime<Utc>,
    /// Until when it can be restored.
    pub restorable_until: DateTime<Utc>,
    /// Sealed: the account as it was.
    pub sealed_data: Vec<u8>,
}

impl DeletedRecord {
    /// Whether the account can be restored.
    #[must_use]
    pub fn is_restorable(&self, now: DateTime<Utc>) -> bool {
        now < self.restorable_until
    }

    /// Whether its owner deleted it and may take that back.
    #[must_use]
    pub fn is_cancellable(&self, now: DateTime<Utc>) -> bool {
        self.deleted_by == Some(self.user) && self.is_restorable(now)
    }
}

impl fmt::Debug for DeletedRecord {
    /// Prints ids and times only.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DeletedRecord")
            .field("id", &self.id)
            .field("user", &self.user)
            .field("deleted_by", &self.deleted_by)
            .field("restorable_until", &self.restorable_until)
            .finish_non_exhaustive()
    }
}

/// What another account has taken since the deletion, so that the account cannot be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The e-mail address.
    Email,
    /// The phone number.
    Phone,
    /// A Google identity.
    GoogleIdentity,
}

/// Which records to list; an absent field does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeletedRecordFilter {
    /// Deleted by this person.
    pub deleted_by: Option<UserId>,
    /// Not before this instant.
    pub since: Option<DateTime<Utc>>,
    /// Before this instant.
    pub until: Option<DateTime<Utc>>,
    /// Whether they can still be restored at the given instant.
    pub restorable: Option<(bool, DateTime<Utc>)>,
    /// With this canonical e-mail address.
    pub email: Option<String>,
    /// With this phone number.
    pub phone: Option<String>,
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use uuid::Uuid;

    use super::*;

    fn record(deleted_by: u128) -> DeletedRecord {
        DeletedRecord {
            id: Uuid::from_u128(9).into(),
            user: Uuid::from_u128(1).into(),
            deleted_by: Some(Uuid::from_u128(deleted_by).into()),
            deleted_at: DateTime::UNIX_EPOCH,
            restorable_until: DateTime::UNIX_EPOCH + Duration::days(14),
            sealed_data: b"personal".to_vec(),
        }
    }

    #[test]
    fn only_the_owner_cancels_and_only_while_the_account_can_be_restored() {
        let (start, end) = (
            DateTime::UNIX_EPOCH,
            DateTime::UNIX_EPOCH + Duration::days(14),
        );
        let last = end - Duration::microseconds(1);
        let (own, staff) = (record(1), record(2));
        assert!(own.is_cancellable(start) && own.is_cancellable(last));
        assert!(!own.is_cancellable(end) && !own.is_restorable(end));
        assert!(staff.is_restorable(last) && !staff.is_cancellable(last));
    }

    #[test]
    fn nothing_personal_prints() {
        assert!(!format!("{:?}", record(1)).contains("personal"));
    }
}

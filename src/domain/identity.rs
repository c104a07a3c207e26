//! Who somebody is at an identity provider, as every layer hands it on.

use std::fmt;

use chrono::{DateTime, Utc};

use super::ids::{IdentityId, UserId};

/// An identity at a provider and the account it was linked with.
///
/// Issuer and subject name it (OpenID Connect Core §5.7); the e-mail address can change and only
/// helps a person to recognise it.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// Names the link; made by us.
    pub id: IdentityId,
    /// Whose account it opens.
    pub user_id: UserId,
    /// The provider.
    pub issuer: String,
    /// The e-mail address that the provider named when it was linked.
    pub email: Option<String>,
    /// When it was linked.
    pub created_at: DateTime<Utc>,
    /// When somebody last signed in with it.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When its owner took it off the account; from then on it opens nothing.
    pub unlinked_at: Option<DateTime<Utc>>,
}

impl fmt::Debug for Identity {
    /// Shows which link it is and nothing about the person.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Identity")
            .field("id", &self.id)
            .field("user_id", &self.user_id)
            .field("unlinked_at", &self.unlinked_at)
            .finish_non_exhaustive()
    }
}

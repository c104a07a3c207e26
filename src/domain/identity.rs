//! Identities at identity providers.

use std::fmt;

use chrono::{DateTime, Utc};

use super::ids::{IdentityId, UserId};

/// An identity at a provider and the account that it is linked to.
///
/// Identified by issuer and subject (OpenID Connect Core §5.7). The e-mail address can change and is
/// only displayed.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// Our id of the link.
    pub id: IdentityId,
    /// The account that it signs in to.
    pub user_id: UserId,
    /// The issuer.
    pub issuer: String,
    /// The e-mail address at the time of linking.
    pub email: Option<String>,
    /// When it was linked.
    pub created_at: DateTime<Utc>,
    /// When it was last used to sign in.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When the owner unlinked it; it no longer signs in.
    pub unlinked_at: Option<DateTime<Utc>>,
}

impl fmt::Debug for Identity {
    /// Prints ids only, no personal data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Identity")
            .field("id", &self.id)
            .field("user_id", &self.user_id)
            .field("unlinked_at", &self.unlinked_at)
            .finish_non_exhaustive()
    }
}

//! A sign-in on one device, as every layer hands it on.

use std::fmt;

use chrono::{DateTime, Utc};

use super::ids::{SessionId, UserId};

/// A session, live or over.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Names the session; the `sid` of its access tokens.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// When it was started.
    pub created_at: DateTime<Utc>,
    /// When it was last refreshed.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends whatever happens.
    pub expires_at: DateTime<Utc>,
    /// OpenID Connect Core §2, `auth_time`: when the person last authenticated.
    pub auth_time: DateTime<Utc>,
    /// RFC 8176: how they did.
    pub amr: Vec<String>,
    /// From where it was last used.
    pub ip_address: Option<String>,
    /// The user agent, as it names itself.
    pub user_agent: String,
    /// The browser in words.
    pub browser: String,
    /// The operating system in words.
    pub os: String,
    /// The kind of device.
    pub device: String,
    /// When it was ended, if it was.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Session {
    /// Whether the session may still be used.
    #[must_use]
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

impl fmt::Debug for Session {
    /// Shows how the session stands and nothing about where or on what it is used.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Session")
            .field("id", &self.id)
            .field("user_id", &self.user_id)
            .field("expires_at", &self.expires_at)
            .field("auth_time", &self.auth_time)
            .field("amr", &self.amr)
            .field("revoked_at", &self.revoked_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use chrono::Duration;
    use uuid::Uuid;

    use super::*;

    pub(crate) fn session() -> Session {
        let text = |value: &str| format!("personal {value}");
        Session {
            id: SessionId::from(Uuid::from_u128(2)),
            user_id: UserId::from(Uuid::from_u128(1)),
            created_at: DateTime::UNIX_EPOCH,
            last_seen_at: DateTime::UNIX_EPOCH,
            expires_at: DateTime::UNIX_EPOCH + Duration::hours(1),
            auth_time: DateTime::UNIX_EPOCH,
            amr: vec!["pwd".to_owned()],
            ip_address: Some(text("address")),
            user_agent: text("agent"),
            browser: text("browser"),
            os: text("os"),
            device: text("device"),
            revoked_at: None,
        }
    }

    #[test]
    fn a_session_lives_until_its_end_or_its_revocation() {
        let start = DateTime::UNIX_EPOCH;
        let live = session();
        assert!(live.is_live(start));
        assert!(live.is_live(start + Duration::hours(1) - Duration::microseconds(1)));
        assert!(!live.is_live(start + Duration::hours(1)));
        assert!(
            !Session {
                revoked_at: Some(start),
                ..live
            }
            .is_live(start)
        );
    }

    #[test]
    fn nothing_personal_prints() {
        let printed = format!("{:?}", session());
        assert!(!printed.contains("personal"), "{printed}");
        assert!(printed.contains("pwd"), "{printed}");
    }
}

//! Sessions: a sign-in on one device.

use std::fmt;

use chrono::{DateTime, Utc};

use super::ids::{SessionId, UserId};

/// A session, live or ended.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// The id; the `sid` of its access tokens.
    pub id: SessionId,
    /// The user.
    pub user_id: UserId,
    /// When it was started.
    pub created_at: DateTime<Utc>,
    /// When it was last refreshed.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// OpenID Connect Core §2, `auth_time`: when the user last authenticated.
    pub auth_time: DateTime<Utc>,
    /// RFC 8176: how the user authenticated.
    pub amr: Vec<String>,
    /// The network address of its last use.
    pub ip_address: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// The browser, for display.
    pub browser: String,
    /// The operating system, for display.
    pub os: String,
    /// The kind of device.
    pub device: String,
    /// When it was revoked, if it was.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Session {
    /// Whether the session may still be used.
    #[must_use]
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

macro_rules! revocation_reasons {
    ($($(#[$doc:meta])* $name:ident: $text:literal,)+) => {
        /// Why a session was ended before it expired.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum RevocationReason {
            $($(#[$doc])* $name,)+
        }

        impl RevocationReason {
            /// The text in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// Parses the text in the database; `None` if this version does not know it.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

revocation_reasons! {
    /// The user signed out.
    SignedOut: "session.ended",
    /// The user ended it from another session.
    Revoked: "session.revoked",
    /// The user ended all sessions but one.
    OthersRevoked: "session.others_revoked",
    /// The password was changed.
    PasswordChanged: "password.changed",
    /// A first password was set.
    PasswordSet: "password.set",
    /// The password was reset.
    PasswordReset: "password.reset",
    /// An invitation was accepted.
    InvitationAccepted: "user.invitation_accepted",
    /// RFC 9700 §4.14.2: a consumed refresh token was presented again.
    RefreshTokenReused: "refresh_token_reuse",
    /// An administrator ended all sessions of the user.
    RevokedByStaff: "user.sessions_revoked",
    /// The account was suspended.
    Suspended: "user.suspended",
    /// The owner of the address took over an unverified account.
    AccountReset: "account.reclaimed",
    /// The account lost its only address to the owner of that address.
    AddressDetached: "account.address_released",
    /// A change of the e-mail address was reverted.
    EmailReverted: "email.reverted",
    /// Staff deleted the account.
    DeletedByStaff: "user.deleted",
    /// Its owner deleted the account.
    Deleted: "account.deleted",
    /// The account was erased.
    Erased: "user.erased",
}

impl fmt::Debug for Session {
    /// Prints no personal data.
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

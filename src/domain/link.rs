//! The kinds of links that messages carry.

/// The purpose of a link, which decides its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// Confirms the e-mail address of a registration.
    VerifyEmail,
    /// Sets a new password.
    PasswordReset,
    /// Accepts an invitation and sets the first password.
    Invitation,
    /// Confirms a new address of an account.
    ChangeEmail,
    /// Reverts such a change, from the old address.
    RevertEmail,
    /// Keeps an account that its owner has deleted.
    CancelDeletion,
}

impl LinkKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::VerifyEmail,
        Self::PasswordReset,
        Self::Invitation,
        Self::ChangeEmail,
        Self::RevertEmail,
        Self::CancelDeletion,
    ];

    /// The last segment of its path below `links.base_url`. Published paths never change: sent
    /// links use them.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::PasswordReset => "password_reset",
            Self::Invitation => "invitation",
            Self::ChangeEmail => "change_email",
            Self::RevertEmail => "revert_email",
            Self::CancelDeletion => "cancel_deletion",
        }
    }
}

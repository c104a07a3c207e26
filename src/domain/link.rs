//! The kinds of links that messages carry.

/// What a link in a message is for; it decides the path that the link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// Confirms the e-mail address of a registration.
    VerifyEmail,
    /// Sets a new password.
    PasswordReset,
    /// Sets the first password of an account that somebody else made.
    Invitation,
    /// Confirms a new address of an account.
    ChangeEmail,
    /// Undoes such a change, from the old address.
    RevertEmail,
}

impl LinkKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::VerifyEmail,
        Self::PasswordReset,
        Self::Invitation,
        Self::ChangeEmail,
        Self::RevertEmail,
    ];

    /// The last step of its path, below `links.base_url`. A published path never changes: links
    /// are on their way.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::PasswordReset => "password_reset",
            Self::Invitation => "invitation",
            Self::ChangeEmail => "change_email",
            Self::RevertEmail => "revert_email",
        }
    }
}

//! `[password]`: rules for new passwords.

use super::section::{Check, section};
use crate::domain::password::PasswordPolicy;

section! {
    /// Length and strength of new passwords. NIST SP 800-63B §5.1.1.2 demands a minimum of at least 8
    /// characters, allows at least 64, and no rules of composition.
    pub struct PasswordRules("password") {
        /// Least characters of a new password.
        pub min_length: usize = 8, in 8..=64;
        /// Most characters of a password, which bounds the work of hashing it.
        pub max_length: usize = 256, in 64..=256;
        /// Least strength of a new password as zxcvbn estimates it, from 0 (any) to 4 (very strong).
        pub min_score: u8 = 2, in 0..=4;
    }
}

impl PasswordRules {
    /// The rules as the domain applies them.
    #[must_use]
    pub const fn policy(&self) -> PasswordPolicy {
        let Self {
            min_length,
            max_length,
            min_score,
        } = *self;
        PasswordPolicy {
            min_length,
            max_length,
            min_score,
        }
    }
}

impl Check for PasswordRules {}

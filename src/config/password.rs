//! `[password]`: what a new password has to be.

use serde::Deserialize;

use crate::config::report::Review;
use crate::domain::password::PasswordPolicy;

/// Rules for new passwords; length and strength only (NIST SP 800-63B §5.1.1.2).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordRules {
    /// The fewest characters.
    pub min_length: usize,
    /// The most characters.
    pub max_length: usize,
    /// The least strength, 0 to 4.
    pub min_score: u8,
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

    pub(super) fn check(&self, review: &mut Review<'_>) {
        // NIST SP 800-63B §5.1.1.2: at least 8 are demanded, at least 64 are allowed.
        review.within("password.min_length", self.min_length, 8..=64);
        review.within("password.max_length", self.max_length, 64..=256);
        review.within("password.min_score", self.min_score, 0..=4);
    }
}

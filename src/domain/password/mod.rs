//! Passwords before hashing: length, strength and Unicode form.
//!
//! Hashing is in `crypto`; verification is elsewhere.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

pub use self::strength::UserInputs;
use super::violation::{Violation, ViolationRule};

mod strength;

/// The rules for new passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The minimum length in characters.
    pub min_length: usize,
    /// The maximum length in characters, up to [`Password::MAX_CHARACTERS`].
    pub max_length: usize,
    /// The minimum strength, from 0 (any) to 4 (very hard to guess).
    pub min_score: u8,
}

impl Default for PasswordPolicy {
    /// NIST SP 800-63B-3 §5.1.1.2: at least 8 characters, no composition rules.
    fn default() -> Self {
        Self {
            min_length: 8,
            max_length: Password::MAX_CHARACTERS,
            min_score: 2,
        }
    }
}

/// A password that may be hashed. It does not print, and its memory is wiped.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// The maximum length of any password in characters.
    pub const MAX_CHARACTERS: usize = 256;
    /// The maximum length of any password in bytes, checked before characters are counted.
    pub const MAX_BYTES: usize = 1024;

    /// A password to be verified.
    ///
    /// Only bounds the work: an old password may have been chosen under weaker rules.
    ///
    /// # Errors
    ///
    /// The violation is at `password`.
    pub fn attempt(secret: SecretString) -> Result<Self, Violation> {
        let text = secret.expose_secret();
        if text.is_empty() {
            return Err(violation(ViolationRule::Required, "Enter a password."));
        }
        if text.len() > Self::MAX_BYTES || text.chars().count() > Self::MAX_CHARACTERS {
            return Err(too_long(Self::MAX_CHARACTERS));
        }
        Ok(Self(secret))
    }

    /// The form that is hashed: NFKC, so that different keyboards produce the same password (NIST
    /// SP 800-63B-3 §5.1.1.2).
    #[must_use]
    pub fn normalized(&self) -> Zeroizing<String> {
        // Full capacity up front: a growing buffer leaves copies that are not wiped.
        let room = self.expose().nfkc().map(char::len_utf8).sum();
        let mut text = Zeroizing::new(String::with_capacity(room));
        text.extend(self.expose().nfkc());
        text
    }

    /// The password as typed.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// A new password of valid length whose strength is not rated yet. It cannot be hashed before that.
#[derive(Clone)]
pub struct Candidate(Password);

impl Candidate {
    /// Checks the length, at no cost.
    ///
    /// # Errors
    ///
    /// The violation is at `password`.
    pub fn new(secret: SecretString, policy: &PasswordPolicy) -> Result<Self, Violation> {
        let password = Password::attempt(secret)?;
        // NIST SP 800-63B-3 §5.1.1.2: each code point counts as one character.
        let length = password.expose().chars().count();
        if length < policy.min_length {
            let message = format!("Use at least {} characters.", policy.min_length);
            return Err(violation(ViolationRule::TooShort, message));
        }
        if length > policy.max_length {
            return Err(too_long(policy.max_length));
        }
        Ok(Self(password))
    }

    /// Rates how hard the password is to guess for an attacker who knows these words about the user.
    ///
    /// Takes milliseconds: call it on the threads of `crypto::hasher`.
    ///
    /// # Errors
    ///
    /// The violation is at `password`.
    pub fn rate(self, min_score: u8, user_inputs: &UserInputs) -> Result<Password, Violation> {
        match strength::weakness(&self.0, min_score, user_inputs) {
            Some(message) => Err(violation(ViolationRule::TooWeak, message)),
            None => Ok(self.0),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(***)")
    }
}

fn violation(rule: ViolationRule, message: impl Into<String>) -> Violation {
    Violation::new("password", rule, message)
}

fn too_long(limit: usize) -> Violation {
    violation(
        ViolationRule::TooLong,
        format!("Use at most {limit} characters."),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test may block")]
    fn choose_by(
        policy: &PasswordPolicy,
        text: &str,
        user_inputs: &[&str],
    ) -> Result<Password, Violation> {
        let candidate = Candidate::new(text.into(), policy)?;
        candidate.rate(policy.min_score, &UserInputs::new(user_inputs))
    }

    fn choose(text: &str, user_inputs: &[&str]) -> Result<Password, Violation> {
        choose_by(&PasswordPolicy::default(), text, user_inputs)
    }

    fn refused(text: &str, user_inputs: &[&str]) -> ViolationRule {
        let violation = choose(text, user_inputs).unwrap_err();
        assert_eq!(violation.path, "password");
        violation.rule
    }

    #[test]
    fn a_common_password_is_refused_however_low_the_bar() {
        let policy = PasswordPolicy {
            min_score: 0,
            ..PasswordPolicy::default()
        };
        for common in [
            "password1",
            "Password",
            "iloveyou",
            "qwertyuiop",
            "Alexander",
        ] {
            let refused = choose_by(&policy, common, &[]).unwrap_err();
            assert_eq!(refused.rule, ViolationRule::TooWeak, "{common}");
        }
        choose_by(&policy, "password1 password1", &[]).unwrap();
    }

    #[test]
    fn a_megabyte_is_refused_without_being_looked_at() {
        let violation = Password::attempt("x".repeat(1 << 20).into()).unwrap_err();
        assert_eq!(violation.rule, ViolationRule::TooLong);
    }

    #[test]
    fn nothing_is_no_password() {
        assert_eq!(
            Password::attempt("".into()).unwrap_err().rule,
            ViolationRule::Required
        );
        assert_eq!(refused("", &[]), ViolationRule::Required);
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(Password::attempt("é".repeat(256).into()).is_ok());
        assert!(Password::attempt("é".repeat(257).into()).is_err());
        assert!(Password::attempt("😀".repeat(256).into()).is_ok());
        assert_eq!(refused("pÿt7kö!", &[]), ViolationRule::TooShort);
        assert!(choose("pÿt7kö!q", &[]).is_ok());
    }

    #[test]
    fn an_old_short_password_may_still_be_attempted() {
        assert!(Password::attempt("a".into()).is_ok());
    }

    #[test]
    fn the_longest_password_is_accepted_and_one_more_is_not() {
        let long: String = ('a'..='z').cycle().step_by(7).take(256).collect();
        assert!(choose(&long, &[]).is_ok());
        assert_eq!(refused(&format!("{long}x"), &[]), ViolationRule::TooLong);
    }

    #[test]
    fn a_policy_may_ask_for_less_than_the_roof() {
        let policy = PasswordPolicy {
            max_length: 10,
            ..PasswordPolicy::default()
        };
        let violation = choose_by(&policy, "12345678901", &[]).unwrap_err();
        assert_eq!(violation.rule, ViolationRule::TooLong);
        assert_eq!(violation.message, "Use at most 10 characters.");
    }

    #[test]
    fn composition_does_not_matter_but_guessing_does() {
        assert!(choose("correct horse battery staple", &[]).is_ok());
        for common in [
            "password",
            "Passw0rd!",
            "qwertyuiop",
            "aaaaaaaaaaaa",
            "12345678",
        ] {
            assert_eq!(refused(common, &[]), ViolationRule::TooWeak, "{common}");
        }
    }

    #[test]
    fn what_others_know_about_a_person_is_easy_to_guess() {
        assert!(choose("wolfeschlegel77", &[]).is_ok());
        assert_eq!(
            refused("wolfeschlegel77", &["Wolfeschlegel"]),
            ViolationRule::TooWeak
        );
        let address = ["ada.wolfeschlegel@example.com"];
        assert_eq!(refused("wolfeschlegel77", &address), ViolationRule::TooWeak);
    }

    #[test]
    fn a_message_never_repeats_the_password() {
        let violation = choose("hunter22", &["hunter22"]).unwrap_err();
        assert!(!format!("{violation:?}").contains("hunter22"));
    }

    #[test]
    fn a_password_does_not_print() {
        let password = Password::attempt("hunter2-hunter2".into()).unwrap();
        assert_eq!(format!("{password:?}"), "Password(***)");
        assert_eq!(password.expose(), "hunter2-hunter2");
    }

    #[test]
    fn two_spellings_of_one_password_hash_alike() {
        let composed = Password::attempt("caf\u{e9} \u{fb01}n".into()).unwrap();
        let decomposed = Password::attempt("cafe\u{301} fin".into()).unwrap();
        assert_eq!(*composed.normalized(), *decomposed.normalized());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_text_breaks_a_choice(text in "\\PC{0,300}", user_inputs in "\\PC{0,40}") {
            let _ = choose(&text, &[&user_inputs]);
        }

        #[test]
        fn normalising_is_done_once(text in "\\PC{1,60}") {
            let once = Password::attempt(text.into()).unwrap().normalized();
            let again = Password::attempt(once.as_str().into());
            prop_assume!(again.is_ok());
            prop_assert_eq!(&*again.unwrap().normalized(), &*once);
        }
    }
}

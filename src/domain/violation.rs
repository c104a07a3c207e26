//! Violations of input rules, with the path of the field for display in a form.

use std::convert::Infallible;
use std::fmt;

/// The rule that a value violates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ViolationRule {
    /// The value is required.
    Required,
    /// It is too short.
    TooShort,
    /// It is too long.
    TooLong,
    /// It is too easy to guess.
    TooWeak,
    /// It is not an e-mail address.
    InvalidEmail,
    /// It is not a phone number.
    InvalidPhone,
    /// It has an invalid format.
    InvalidFormat,
    /// It is well-formed, but not permitted.
    NotAllowed,
    /// Exactly one of several fields is required.
    ExactlyOne,
}

impl ViolationRule {
    /// Every rule.
    pub const ALL: [Self; 9] = [
        Self::Required,
        Self::TooShort,
        Self::TooLong,
        Self::TooWeak,
        Self::InvalidEmail,
        Self::InvalidPhone,
        Self::InvalidFormat,
        Self::NotAllowed,
        Self::ExactlyOne,
    ];

    /// The code that clients match on.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "REQUIRED",
            Self::TooShort => "TOO_SHORT",
            Self::TooLong => "TOO_LONG",
            Self::TooWeak => "TOO_WEAK",
            Self::InvalidEmail => "INVALID_EMAIL",
            Self::InvalidPhone => "INVALID_PHONE",
            Self::InvalidFormat => "INVALID_FORMAT",
            Self::NotAllowed => "NOT_ALLOWED",
            Self::ExactlyOne => "EXACTLY_ONE",
        }
    }
}

impl fmt::Display for ViolationRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The violations of an input; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// The last parsed value, if neither it nor the others violate a rule.
    pub fn check<T>(mut violations: Vec<Violation>, last: Result<T, Violation>) -> Result<T, Self> {
        match last {
            Ok(value) if violations.is_empty() => return Ok(value),
            Ok(_) => {}
            Err(violation) => violations.push(violation),
        }
        Err(Self(violations))
    }

    /// The rule of the first violation.
    #[must_use]
    pub fn first_rule(&self) -> Option<ViolationRule> {
        self.0.first().map(|violation| violation.rule)
    }
}

impl From<Vec<Violation>> for Violations {
    fn from(violations: Vec<Violation>) -> Self {
        Self(violations)
    }
}

impl From<Infallible> for Violations {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<Violation> for Violations {
    fn from(violation: Violation) -> Self {
        Self(vec![violation])
    }
}

impl IntoIterator for Violations {
    type Item = Violation;
    type IntoIter = std::vec::IntoIter<Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A rule violated by a field of the input.
///
/// Never repeats the value, which may be a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field as clients name it; nested fields are joined by dots.
    pub path: String,
    /// The rule.
    pub rule: ViolationRule,
    /// What to do about it, for people.
    pub message: String,
}

impl Violation {
    /// A violation of this field.
    #[must_use]
    pub fn new(path: impl Into<String>, rule: ViolationRule, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            rule,
            message: message.into(),
        }
    }

    /// The same violation for another path, for values with several names.
    #[must_use]
    pub fn at(self, path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_code_of_its_own_in_capitals() {
        let codes: std::collections::HashSet<_> = ViolationRule::ALL
            .iter()
            .map(|rule| rule.as_str())
            .collect();
        assert_eq!(codes.len(), ViolationRule::ALL.len());
        for code in codes {
            assert!(
                code.chars()
                    .all(|character| matches!(character, 'A'..='Z' | '_')),
                "{code}"
            );
        }
    }

    #[test]
    fn a_violation_moves_to_the_field_it_was_sent_in() {
        let violation = Violation::new("password", ViolationRule::TooShort, "say more");
        let moved = violation.clone().at("newPassword");
        assert_eq!(moved.path, "newPassword");
        assert_eq!(
            (moved.rule, moved.message),
            (violation.rule, violation.message)
        );
    }
}

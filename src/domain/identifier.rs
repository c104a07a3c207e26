//! Identifiers that people type: an e-mail address, a phone number or neither.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::email::EmailAddress;
use super::phone::PhoneNumber;
use super::user::Contact;

/// The longest input that is parsed, in characters.
const MAX_INPUT: usize = 1024;
/// Characters that are kept of an input that is neither.
const MAX_OTHER: usize = 254;

/// An identifier as typed.
///
/// Reading never fails: rejecting an invalid address early would distinguish cases that have to
/// look alike.
#[derive(Clone, PartialEq, Eq)]
pub enum Identifier {
    /// An e-mail address.
    Email(EmailAddress),
    /// A phone number.
    Phone(PhoneNumber),
    /// Neither. Identifies no account, but is rate limited like one.
    Other(String),
}

impl Identifier {
    /// The kind of address, if it is one.
    #[must_use]
    pub const fn contact(&self) -> Option<Contact> {
        match self {
            Self::Email(_) => Some(Contact::Email),
            Self::Phone(_) => Some(Contact::Phone),
            Self::Other(_) => None,
        }
    }

    /// Reads an input; see [`PhoneNumber::parse`] for the default region.
    #[must_use]
    pub fn read(text: &str, default_region: Option<&str>) -> Self {
        let text: String = text.chars().take(MAX_INPUT).collect();
        if let Ok(email) = EmailAddress::parse(&text) {
            return Self::Email(email);
        }
        if let Ok(phone) = PhoneNumber::parse(&text, default_region) {
            return Self::Phone(phone);
        }
        let folded: String = text.nfkc().flat_map(char::to_lowercase).nfkc().collect();
        let other: String = folded.trim().chars().take(MAX_OTHER).collect();
        // Truncating and folding may have produced an address, which must not identify an account
        // with separate rate limits.
        match EmailAddress::parse(&other) {
            Ok(email) => Self::Email(email),
            Err(_) => Self::Other(other),
        }
    }

    /// One text for all spellings of an identifier, for rate limits and keyed hashes.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Email(email) => format!("email:{}", email.canonical()),
            Self::Phone(phone) => format!("phone:{}", phone.as_str()),
            Self::Other(text) => format!("other:{text}"),
        }
    }
}

impl fmt::Debug for Identifier {
    /// An input that is neither may be anything, even a password in the wrong field.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email(email) => email.fmt(formatter),
            Self::Phone(phone) => phone.fmt(formatter),
            Self::Other(_) => formatter.write_str("Other(***)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> String {
        Identifier::read(text, Some("US")).key()
    }

    #[test]
    fn all_spellings_of_an_identifier_have_one_key() {
        for text in [
            "A@x.example",
            "a@x.example",
            "a@x.example.",
            "ａ＠x.example",
            " a@X.EXAMPLE ",
        ] {
            assert_eq!(key(text), "email:a@x.example", "{text}");
        }
        for text in ["+1 415 555 2671", "(415) 555-2671", "4155552671"] {
            assert_eq!(key(text), "phone:+14155552671", "{text}");
        }
        for text in ["Nobody", " nobody ", "ｎobody", "NOBODY"] {
            assert_eq!(key(text), "other:nobody", "{text}");
        }
    }

    #[test]
    fn a_national_number_needs_a_default_region() {
        assert_eq!(
            Identifier::read("415 555 2671", None).key(),
            "other:415 555 2671"
        );
    }

    #[test]
    fn a_long_input_is_truncated() {
        assert_eq!(
            key(&"X".repeat(1 << 20)),
            format!("other:{}", "x".repeat(254))
        );
        assert_eq!(key(""), "other:");
    }

    #[test]
    fn an_address_that_folding_produces_is_an_address() {
        // Sixty-six octets of capitals fold to sixty-four.
        let local = format!("{}{}", "ẞ".repeat(2), "a".repeat(60));
        let lower = local.to_lowercase();
        assert_eq!((local.len(), lower.len()), (66, 64));
        assert_eq!(
            key(&format!("{local}@example.com")),
            format!("email:{lower}@example.com")
        );
    }

    #[test]
    fn an_input_that_is_no_address_does_not_print() {
        let identifiers = ["ada@example.com", "+14155552671", "hunter2"];
        let printed = identifiers.map(|text| format!("{:?}", Identifier::read(text, None)));
        let expected = [
            "EmailAddress(a***@example.com)",
            "PhoneNumber(+14***71)",
            "Other(***)",
        ];
        assert_eq!(printed, expected);
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_other_is_never_an_address(text in ".{0,300}") {
            if let Identifier::Other(other) = Identifier::read(&text, Some("US")) {
                prop_assert!(EmailAddress::parse(&other).is_err());
                prop_assert!(other.chars().count() <= 254);
            }
        }

        #[test]
        fn all_spellings_of_an_address_have_one_key(
            text in "[A-Za-zıİ\u{212a}]{1,12}@[A-Za-zé]{1,9}\\.[a-z]{2,4}",
        ) {
            prop_assert_eq!(key(&format!(" {text}. ")), key(&text));
        }
    }
}

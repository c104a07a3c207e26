//! Phone numbers: parsing what people type into E.164.

mod line;
mod rules;

use std::fmt;

use phonenumber::country;

pub use self::line::{LineKind, TextRule, is_country};
pub use self::rules::load as load_rules;

use super::digits;

/// Why a text is not a phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PhoneRule {
    /// It is empty.
    #[error("Enter a phone number.")]
    Empty,
    /// It contains a character that no phone number has.
    #[error("This is not a phone number.")]
    Form,
    /// It has no country code, and there is no default region.
    #[error("Begin the phone number with + and the country code.")]
    Country,
    /// It is well-formed, but no such number exists.
    #[error("This phone number does not exist.")]
    Unassigned,
}

/// A phone number in E.164.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Parses a number as typed.
    ///
    /// A number without `+` belongs to the default region (an ISO 3166 code), if there is one.
    ///
    /// # Errors
    ///
    /// The first rule that the text violates.
    pub fn parse(text: &str, default_region: Option<&str>) -> Result<Self, PhoneRule> {
        let written = digits::read(text).ok_or(PhoneRule::Form)?;
        if written.is_empty() {
            return Err(PhoneRule::Empty);
        }
        // No letters: vanity numbers and extensions cannot receive a code.
        let digits = written.strip_prefix('+').unwrap_or(&written);
        let digits = digits.replace(['.', '(', ')', '/'], "");
        if digits.contains(|character: char| !character.is_ascii_digit()) {
            return Err(PhoneRule::Form);
        }
        if written.starts_with('+') {
            return international(&digits);
        }
        let region = default_region.ok_or(PhoneRule::Country)?;
        national(&digits, region)
    }

    /// The number in E.164: `+`, country code, national number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PhoneNumber {
    /// Enough for the owner to recognize it, too little for anyone else to use it.
    #[must_use]
    pub fn masked(&self) -> String {
        let first: String = self.0.chars().take(3).collect();
        let last = self
            .0
            .get(self.0.len().saturating_sub(2)..)
            .unwrap_or_default();
        format!("{first}***{last}")
    }
}

impl fmt::Debug for PhoneNumber {
    /// Enough to tell numbers apart in a log.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PhoneNumber({})", self.masked())
    }
}

/// A number with its country code. No region is passed to the library: it would strip that region's
/// trunk prefix from numbers of every other region.
fn international(digits: &str) -> Result<PhoneNumber, PhoneRule> {
    let read = |text: &str| {
        let number = phonenumber::parse(None, text).map_err(|_| PhoneRule::Unassigned)?;
        assigned(&number)
    };
    rules::prepare_international(digits);
    let number = read(&format!("+{digits}"))?;
    // A number that parses differently the second time would be two accounts.
    if read(&number)? == number {
        Ok(PhoneNumber(number))
    } else {
        Err(PhoneRule::Unassigned)
    }
}

fn national(digits: &str, region: &str) -> Result<PhoneNumber, PhoneRule> {
    let region: country::Id = region
        .to_ascii_uppercase()
        .parse()
        .map_err(|_| PhoneRule::Country)?;
    rules::prepare_region(region.as_ref());
    let number = phonenumber::parse(Some(region), digits).map_err(|_| PhoneRule::Unassigned)?;
    international(assigned(&number)?.trim_start_matches('+'))
}

/// The E.164 form, if the numbering plan has room for it (ITU-T E.164 §6: at most 15 digits).
fn assigned(number: &phonenumber::PhoneNumber) -> Result<String, PhoneRule> {
    let code = number.country().code();
    // Behind an international prefix there may be another country than the region's.
    rules::prepare(code);
    if !phonenumber::is_valid(number) {
        return Err(PhoneRule::Unassigned);
    }
    // The library's own format, without searching for a grouping of the digits.
    let text = format!("+{code}{}", number.national());
    let digits = text.strip_prefix('+').unwrap_or_default();
    let fits = (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits {
        Ok(text)
    } else {
        Err(PhoneRule::Unassigned)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, region: Option<&str>) -> Result<String, PhoneRule> {
        PhoneNumber::parse(text, region).map(|number| number.as_str().to_owned())
    }

    #[test]
    fn every_writing_of_one_number_is_one_account() {
        let writings = [
            "+14155552671",
            "+1 (415) 555-2671",
            " +1.415.555.2671 ",
            "＋１４１５５５５２６７１",
            "+1 415\u{2011}555\u{2011}2671",
            "\u{202a}+1\u{a0}(415)\u{a0}555\u{2013}2671\u{202c}",
            "\u{2066}+1 415 555 2671\u{2069}\r\n",
            "\u{feff}+1\t415\u{2212}555\u{ad}2671\u{200e}",
            "+\u{661}\u{664}\u{661}\u{665}\u{665}\u{665}\u{665}\u{662}\u{666}\u{667}\u{661}",
            "+१ ४१५ ५५५ २६७१",
            "+1 415 555 267\u{661}",
        ];
        for text in writings {
            assert_eq!(read(text, None).as_deref(), Ok("+14155552671"), "{text}");
        }
    }

    #[test]
    fn numbers_of_many_countries_are_read() {
        let numbers = [
            "+491701234567",
            "+390612345678",
            "+447400123456",
            "+33612345678",
            "+917410410123",
            "+2348021234567",
            "+8613123456789",
            "+5511961234567",
            "+12042345678",
        ];
        for number in numbers {
            assert_eq!(read(number, None).as_deref(), Ok(number));
        }
    }

    #[test]
    fn a_national_number_belongs_to_the_default_region() {
        assert_eq!(
            read("0170 1234567", Some("DE")).as_deref(),
            Ok("+491701234567")
        );
        assert_eq!(
            read("(415) 555-2671", Some("us")).as_deref(),
            Ok("+14155552671")
        );
        assert_eq!(
            read("06 1234 5678", Some("IT")).as_deref(),
            Ok("+390612345678")
        );
        assert_eq!(read("0170 1234567", None), Err(PhoneRule::Country));
        assert_eq!(
            read("0170 1234567", Some("Atlantis")),
            Err(PhoneRule::Country)
        );
    }

    #[test]
    fn the_default_region_never_changes_an_international_number() {
        for region in [None, Some("US"), Some("DE"), Some("RU"), Some("CN")] {
            assert_eq!(
                read("+491701234567", region).as_deref(),
                Ok("+491701234567"),
                "{region:?}"
            );
            assert_eq!(
                read("+14155552671", region).as_deref(),
                Ok("+14155552671"),
                "{region:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_a_number_is_refused_with_the_rule_it_breaks() {
        let long = format!("+1{}", " ".repeat(130));
        let cases = [
            ("", PhoneRule::Empty),
            ("  ", PhoneRule::Empty),
            ("\u{200b}\u{2013}", PhoneRule::Empty),
            ("ada@example.com", PhoneRule::Form),
            ("+1 800 FLOWERS", PhoneRule::Form),
            ("+1 415 555 2671 ext. 3", PhoneRule::Form),
            ("tel:+14155552671", PhoneRule::Form),
            ("+1+4155552671", PhoneRule::Form),
            ("++14155552671", PhoneRule::Form),
            ("+1415555267三", PhoneRule::Form),
            ("+1415555267\0", PhoneRule::Form),
            (&long, PhoneRule::Form),
            ("14155552671", PhoneRule::Country),
            ("+", PhoneRule::Unassigned),
            ("+0", PhoneRule::Unassigned),
            ("+1", PhoneRule::Unassigned),
            ("+1415555", PhoneRule::Unassigned),
            ("+11155552671", PhoneRule::Unassigned),
            ("+9991234567", PhoneRule::Unassigned),
            ("+1415555267112345678", PhoneRule::Unassigned),
        ];
        for (text, rule) in cases {
            assert_eq!(read(text, None), Err(rule), "{text:?}");
        }
    }

    #[test]
    fn a_number_does_not_print() {
        let number = PhoneNumber::parse("+14155552671", None).unwrap();
        assert_eq!(format!("{number:?}"), "PhoneNumber(+14***71)");
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,60}", region in "[A-Za-z]{0,3}") {
            let _ = PhoneNumber::parse(&text, Some(&region));
        }

        #[test]
        fn no_digits_break_the_reader(
            text in "\\+?[0-9 ()./-]{0,24}",
            region in "US|DE|IT|CN|RU|AR|MX|AU",
        ) {
            let _ = PhoneNumber::parse(&text, Some(&region));
        }

        #[test]
        fn reading_twice_changes_nothing(
            digits in "[1-9][0-9]{6,14}",
            region in "US|DE|IT|CN|RU|AR|MX|AU",
        ) {
            for text in [format!("+{digits}"), digits] {
                let Ok(number) = PhoneNumber::parse(&text, Some(&region)) else { continue };
                prop_assert_eq!(PhoneNumber::parse(number.as_str(), None), Ok(number.clone()));
                prop_assert_eq!(PhoneNumber::parse(number.as_str(), Some(&region)), Ok(number));
            }
        }
    }
}

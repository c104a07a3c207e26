//! Normalizing digits that people type or paste.
//!
//! Copied text brings direction marks, line breaks, no-break spaces and typographic dashes; keyboards
//! of other scripts have their own digits.

use icu_properties::props::BinaryProperty as _;
use icu_properties::props::{
    Dash, DefaultIgnorableCodePoint, EnumeratedProperty as _, GeneralCategory, WhiteSpace,
};
use unicode_normalization::UnicodeNormalization as _;

/// The longest accepted input in characters.
const MAX_LENGTH: usize = 128;

/// Characters used as dashes that Unicode does not classify as such: neighbours of the digits on
/// keyboards of other scripts, and look-alikes from web pages.
const LIKE_DASHES: [char; 5] = ['\u{2d7}', '\u{2043}', '\u{23af}', '\u{2500}', '\u{30fc}'];
/// Makes an emoji key cap of a digit (Unicode Technical Standard #51, "emoji keycap sequence").
const KEYCAP: char = '\u{20e3}';

/// The text in NFKC with the digits of every script as ASCII, without blanks, line breaks, dashes
/// and format characters. Other characters stay, for the caller to reject.
///
/// `None` for a text of more than 128 characters, to bound the work.
#[must_use]
pub fn read(text: &str) -> Option<String> {
    if text.chars().nth(MAX_LENGTH).is_some() {
        return None;
    }
    let meant = text.nfkc().filter(|sign| !is_beside_digits(*sign));
    Some(meant.map(|sign| decimal(sign).unwrap_or(sign)).collect())
}

fn is_beside_digits(sign: char) -> bool {
    WhiteSpace::for_char(sign)
        || Dash::for_char(sign)
        || DefaultIgnorableCodePoint::for_char(sign)
        || GeneralCategory::for_char(sign) == GeneralCategory::Format
        || LIKE_DASHES.contains(&sign)
        || sign == KEYCAP
}

/// The ASCII digit of a decimal digit. The digits of a script are consecutive (Unicode §4.6), and
/// adjacent scripts start at multiples of ten.
pub(super) fn decimal(sign: char) -> Option<char> {
    let is_decimal = |code: u32| {
        char::from_u32(code)
            .is_some_and(|sign| GeneralCategory::for_char(sign) == GeneralCategory::DecimalNumber)
    };
    let code = u32::from(sign);
    if sign.is_ascii() || !is_decimal(code) {
        return None;
    }
    let before = (0..code).rev().take_while(|code| is_decimal(*code)).count();
    char::from_digit(u32::try_from(before % 10).ok()?, 10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_digits_of_every_script_are_read() {
        let scripts = [
            0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xbe6, 0xe50, 0xed0, 0xf20, 0x1040, 0x1090,
            0x17e0, 0x1810, 0x1a80, 0x1a90, 0xa9f0, 0xff10, 0x1_04a0, 0x1_d7ce, 0x1_d7d8, 0x1_d7f6,
            0x1_e950, 0x1_fbf0,
        ];
        for zero in scripts {
            let digits: String = (zero..zero + 10).filter_map(char::from_u32).collect();
            assert_eq!(read(&digits).as_deref(), Some("0123456789"), "{digits}");
        }
        let every = ('\u{80}'..=char::MAX)
            .filter(|digit| GeneralCategory::for_char(*digit) == GeneralCategory::DecimalNumber);
        for (position, sign) in every.enumerate() {
            let value = char::from_digit(u32::try_from(position % 10).unwrap(), 10);
            assert_eq!(decimal(sign), value, "{sign:?}");
        }
    }

    #[test]
    fn blanks_dashes_and_format_characters_of_any_kind_go() {
        for between in [
            " ",
            "\t",
            "\n",
            "\r\n",
            "\u{85}",
            "\u{a0}",
            "\u{ad}",
            "\u{200b}",
            "\u{200e}",
            "\u{200f}",
            "\u{2007}",
            "\u{2009}",
            "\u{2028}",
            "\u{202a}",
            "\u{202c}",
            "\u{202e}",
            "\u{202f}",
            "\u{2060}",
            "\u{2066}",
            "\u{2069}",
            "\u{3000}",
            "\u{feff}",
            "\u{61c}",
            "-",
            "\u{2010}",
            "\u{2011}",
            "\u{2012}",
            "\u{2013}",
            "\u{2014}",
            "\u{2015}",
            "\u{2212}",
            "\u{fe63}",
            "\u{ff0d}",
            "\u{30fc}",
            "\u{ff70}",
            "\u{58a}",
            "\u{fe0f}",
            "\u{fe0f}\u{20e3}",
            "\u{e0001}",
        ] {
            let text = format!("{between}1{between}23{between}{between}4{between}");
            assert_eq!(read(&text).as_deref(), Some("1234"), "{text:?}");
        }
    }

    #[test]
    fn what_is_neither_stays_to_be_refused() {
        for text in [
            "12a4",
            "1_2",
            "1.2",
            "1\u{0}2",
            "½",
            "Ⅳ",
            "四",
            "1\u{301}2",
            "1e3",
        ] {
            let meant = read(text).unwrap();
            assert!(!meant.bytes().all(|byte| byte.is_ascii_digit()), "{text:?}");
        }
        assert_eq!(read(&" ".repeat(128)).as_deref(), Some(""));
        assert_eq!(read(&" ".repeat(129)), None);
    }

    proptest! {
        #[test]
        fn what_stands_between_digits_changes_nothing(
            digits in "[0-9]{1,15}",
            between in "[ \u{a0}\u{200b}\u{200f}\u{202a}\u{2013}\u{feff}\r\n-]{0,4}",
        ) {
            let parts: Vec<_> = digits.chars().map(String::from).collect();
            let text = parts.join(&between);
            prop_assert_eq!(read(&text), Some(digits));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,140}") {
            let _ = read(&text);
        }
    }
}

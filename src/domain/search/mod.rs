//! The form in which people are searched and put in order: what two spellings of one name have in
//! common.
//!
//! Both sides of a comparison are folded here, and never by a database: SQLite knows the case of
//! ASCII alone, Postgres that of the locale it was made with, and neither knows that `é` has two
//! spellings. The stores keep the form beside each text that can be searched. Who is who is decided
//! elsewhere and more strictly (`email`): `jose` finds `José`, and is another address.
//!
//! Whoever changes a rule adds a migration that empties the columns with the old form.

use icu_properties::props::{
    BinaryProperty as _, CanonicalCombiningClass, Dash, DefaultIgnorableCodePoint,
    EnumeratedProperty as _, GeneralCategory, Script,
};
use unicode_normalization::UnicodeNormalization as _;

use super::digits;

/// Lengthens a stroke between Arabic letters.
const TATWEEL: char = '\u{640}';
const ACUTE: char = '\u{301}';

/// The form of a text: compatibility forms, case and marks folded, one blank between words.
///
/// It does not depend on which normal form the text is in.
#[must_use]
pub fn form(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut signs = text.nfkd().peekable();
    while let Some(sign) = signs.next() {
        if sign == ' ' && signs.peek() == Some(&ACUTE) {
            // The acute accent that stands alone, which many type for an apostrophe.
            folded.push('\'');
        } else if !is_left_out(sign) {
            for cased in fold_case(sign) {
                match plain(cased) {
                    Some(letters) => folded.push_str(letters),
                    None => folded.push(digits::decimal(cased).unwrap_or(cased)),
                }
            }
        }
    }
    // Composed again, so that one syllable of Hangul is not a part of another.
    let composed: String = folded.nfkc().collect();
    let words: Vec<&str> = composed.split_whitespace().collect();
    words.join(" ")
}

/// The words of a search, each in the form in which it is a part of the form of what it finds.
#[must_use]
pub fn words(search: &str) -> Vec<String> {
    form(search)
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Full case folding (Unicode §5.18), free of the language somebody writes in: both `ß` and `ẞ`
/// are `ss`, both sigmas are one, and so are the four Turkish letters `I`, `ı`, `İ` and `i`.
fn fold_case(sign: char) -> impl Iterator<Item = char> {
    sign.to_lowercase()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
}

/// What distinguishes no two names: characters that show nothing, marks on letters.
fn is_left_out(sign: char) -> bool {
    if DefaultIgnorableCodePoint::for_char(sign) || sign == TATWEEL {
        return true;
    }
    match GeneralCategory::for_char(sign) {
        GeneralCategory::Control => !sign.is_whitespace(),
        GeneralCategory::Format => true,
        GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark => is_diacritic(sign),
        _ => false,
    }
}

/// Marks that people leave out when they type. Where marks are vowels (India, South-East Asia), or
/// make another syllable (Japan), they are letters.
fn is_diacritic(mark: char) -> bool {
    match CanonicalCombiningClass::for_char(mark) {
        CanonicalCombiningClass::KanaVoicing => false,
        CanonicalCombiningClass::Nukta => true,
        _ => [
            Script::Inherited,
            Script::Common,
            Script::Latin,
            Script::Greek,
            Script::Cyrillic,
            Script::Coptic,
            Script::Hebrew,
            Script::Arabic,
            Script::Syriac,
        ]
        .contains(&Script::for_char(mark)),
    }
}

/// Letters and signs that Unicode keeps apart and people do not: strokes and ligatures of Latin,
/// the Persian and Urdu keys for Arabic letters, apostrophes, quotes and dashes of typographers.
fn plain(sign: char) -> Option<&'static str> {
    Some(match sign {
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' | 'ɖ' | 'ɗ' => "d",
        'þ' => "th",
        'ħ' => "h",
        'ŧ' => "t",
        'ŋ' => "n",
        'ɓ' => "b",
        'ƙ' => "k",
        'ƴ' => "y",
        'ɨ' => "i",
        '\u{671}' => "\u{627}",
        '\u{649}' | '\u{6cc}' | '\u{6d2}' => "\u{64a}",
        '\u{6a9}' => "\u{643}",
        '\u{629}' | '\u{6c1}' | '\u{6d5}' => "\u{647}",
        '`'
        | '\u{2b9}'
        | '\u{2bb}'..='\u{2bd}'
        | '\u{55a}'
        | '\u{5f3}'
        | '\u{2018}'..='\u{201b}'
        | '\u{2032}'
        | '\u{a78c}' => "'",
        '\u{5f4}' | '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => "\"",
        _ if !sign.is_ascii() && Dash::for_char(sign) => "-",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;

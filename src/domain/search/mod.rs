//! The folded form by which people are searched and sorted.
//!
//! Both sides of a comparison are folded here and never by a database: SQLite folds ASCII only,
//! Postgres by the locale it was created with, and neither normalizes `é`. The stores keep the folded
//! form beside each searchable text. Identity is decided by stricter rules (`email`): `jose` finds
//! `José`, but is another address.
//!
//! A change of these rules needs a migration that clears the folded columns.

use icu_properties::props::{
    BinaryProperty as _, CanonicalCombiningClass, Dash, DefaultIgnorableCodePoint,
    EnumeratedProperty as _, GeneralCategory, Script,
};
use unicode_normalization::UnicodeNormalization as _;

use super::digits;

/// Arabic tatweel, which only stretches a line.
const TATWEEL: char = '\u{640}';
const ACUTE: char = '\u{301}';

/// Folds compatibility forms, case and marks, and separates words by one blank.
///
/// Independent of the normalization form of the text.
#[must_use]
pub fn form(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut signs = text.nfkd().peekable();
    while let Some(sign) = signs.next() {
        if sign == ' ' && signs.peek() == Some(&ACUTE) {
            // The spacing acute accent, which many people type as an apostrophe.
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
    // Composed again, so that one Hangul syllable is not a substring of another.
    let composed: String = folded.nfkc().collect();
    let words: Vec<&str> = composed.split_whitespace().collect();
    words.join(" ")
}

/// The words of a search, folded like the texts that they are found in.
#[must_use]
pub fn words(search: &str) -> Vec<String> {
    form(search)
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Full case folding (Unicode §5.18), independent of locale: both `ß` and `ẞ` fold to `ss`, both
/// sigmas to one, and so do the four Turkish letters `I`, `ı`, `İ` and `i`.
fn fold_case(sign: char) -> impl Iterator<Item = char> {
    sign.to_lowercase()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
}

/// Characters that do not distinguish names: invisible ones, and marks on letters.
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

/// Marks that people omit when they type. Where marks are vowels (India, South-East Asia) or make
/// another syllable (Japan), they are significant.
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

/// Characters that people treat as equal: Latin strokes and ligatures, Persian and Urdu keys for
/// Arabic letters, typographic apostrophes, quotes and dashes.
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

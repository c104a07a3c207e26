//! Texts that people write about themselves and each other: names, addresses, reasons, notes.
//!
//! All follow the same rules: unified line ends, NFC, no surrounding blanks, and no characters that
//! are invisible or disguise a text. Direction overrides turn `moc.live` around, and invisible
//! characters make equal names differ.

use std::fmt;

use icu_properties::props::{
    BidiClass, BinaryProperty as _, CanonicalCombiningClass, DefaultIgnorableCodePoint, Emoji,
    EmojiModifier, EnumeratedProperty as _, ExtendedPictographic, GeneralCategory, Ideographic,
    JoiningType, Script,
};
use unicode_normalization::UnicodeNormalization as _;

const ZERO_WIDTH_SPACE: char = '\u{200b}';
const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';
/// Looks like a blank, but every property says symbol.
const BRAILLE_BLANK: char = '\u{2800}';
const KEYCAP: char = '\u{20e3}';
const BLACK_FLAG: char = '\u{1f3f4}';

/// Which white space a text may contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A single line, such as a name.
    Line,
    /// Several lines with tabs, such as a biography or an address.
    Lines,
}

/// Why a text is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextRule {
    /// It has more characters than this.
    TooLong(usize),
    /// It must be a single line, but has line breaks or tabs.
    OneLine,
    /// It has an invisible or deceptive character.
    Character(char),
}

impl fmt::Display for TextRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(most) => write!(formatter, "at most {most} characters"),
            Self::OneLine => formatter.write_str("one line, without tabs"),
            Self::Character(sign) => {
                let code = u32::from(*sign);
                write!(
                    formatter,
                    "U+{code:04X} is not allowed: it cannot be seen, or misleads"
                )
            }
        }
    }
}

/// Normalizes a text of at most `most` characters.
///
/// # Errors
///
/// The first rule that it violates.
pub fn read(text: &str, layout: Layout, most: usize) -> Result<String, TextRule> {
    let text = bounded(text, most).ok_or(TextRule::TooLong(most))?;
    let text = normal(text);
    if text.chars().nth(most).is_some() {
        return Err(TextRule::TooLong(most));
    }
    let mut before = Before::of(&text, layout);
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        if matches!(sign, '\n' | '\t') {
            if layout == Layout::Line {
                return Err(TextRule::OneLine);
            }
        } else if !is_allowed(sign, before, signs.peek().copied()) {
            return Err(TextRule::Character(sign));
        }
        before = before.followed_by(sign);
    }
    Ok(text)
}

/// Forces a text from another system into the rules: drops characters that would be rejected, and
/// truncates the rest.
#[must_use]
pub fn salvage(text: &str, layout: Layout, most: usize) -> String {
    let text: String = text.chars().take(most.saturating_mul(4)).collect();
    let text = normal(&text);
    let mut before = Before::of(&text, layout);
    let mut kept = String::new();
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        let is_break = matches!(sign, '\n' | '\t');
        let sign = if is_break && layout == Layout::Line {
            ' '
        } else {
            sign
        };
        if is_break || is_allowed(sign, before, signs.peek().copied()) {
            kept.push(sign);
            before = before.followed_by(sign);
        }
    }
    let cut: String = kept.chars().take(most).collect();
    // Truncation may have removed the character that a joiner needs.
    read(&cut, layout, most).unwrap_or_else(|_| {
        let visible = |sign: &char| !DefaultIgnorableCodePoint::for_char(*sign);
        normal(&cut.chars().filter(visible).collect::<String>())
    })
}

/// The trimmed text, unless it is certainly too long: composition reduces at most four characters to
/// one.
fn bounded(text: &str, most: usize) -> Option<&str> {
    let text = text.trim();
    let is_hopeless = text.chars().nth(most.saturating_mul(4)).is_some();
    (!is_hopeless).then_some(text)
}

/// Unified line ends, NFC, trimmed: the form that is compared.
#[must_use]
pub fn normal(text: &str) -> String {
    let ends = ['\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
    let lines = text.replace("\r\n", "\n").replace(ends, "\n");
    let composed: String = lines.nfc().collect();
    composed.trim().to_owned()
}

/// Which emoji sequences a character could continue (UTS #51).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Emojis {
    /// None.
    #[default]
    No,
    /// One that can be joined with another.
    Any,
    /// A flag that may also be followed by tags: England, Scotland, Wales.
    Flag,
}

/// The characters before the current one.
#[derive(Clone, Copy, Default)]
struct Before {
    last: Option<char>,
    /// Whether the last letter, ignoring marks, is of a joining script (Arabic and related ones).
    joins: bool,
    emoji: Emojis,
    /// Whether the text has letters of right-to-left scripts.
    has_both_directions: bool,
}

impl Before {
    fn of(text: &str, layout: Layout) -> Self {
        Self {
            has_both_directions: layout == Layout::Lines && text.chars().any(is_right_to_left),
            ..Self::default()
        }
    }

    fn followed_by(self, sign: char) -> Self {
        let continues =
            matches!(sign, '\u{fe0f}' | KEYCAP) && self.last.is_some_and(Emoji::for_char);
        let emoji = if sign == BLACK_FLAG || (is_tag(sign) && self.emoji == Emojis::Flag) {
            Emojis::Flag
        } else if continues || ExtendedPictographic::for_char(sign) || EmojiModifier::for_char(sign)
        {
            Emojis::Any
        } else {
            Emojis::No
        };
        let joins = match JoiningType::for_char(sign) {
            JoiningType::Transparent => self.joins,
            JoiningType::DualJoining | JoiningType::LeftJoining | JoiningType::RightJoining => true,
            _ => false,
        };
        Self {
            last: Some(sign),
            joins,
            emoji,
            ..self
        }
    }
}

/// Whether a character is permitted, other than tabs and line breaks.
fn is_allowed(sign: char, before: Before, after: Option<char>) -> bool {
    match GeneralCategory::for_char(sign) {
        GeneralCategory::Control | GeneralCategory::PrivateUse => false,
        // Code points reserved for future emoji are known already; noncharacters are never assigned.
        GeneralCategory::Unassigned => ExtendedPictographic::for_char(sign),
        GeneralCategory::Format => is_allowed_format(sign, before, after),
        _ if is_variation(sign) => selects(sign, before.last, after),
        // Fillers are invisible letters: a name of them is empty.
        _ => sign != BRAILLE_BLANK && !DefaultIgnorableCodePoint::for_char(sign),
    }
}

fn is_allowed_format(sign: char, before: Before, after: Option<char>) -> bool {
    match sign {
        JOINER | NON_JOINER => may_join(sign, before, after),
        // Line break opportunities in scripts without blanks between words.
        ZERO_WIDTH_SPACE => before.last.is_some_and(|last| {
            let script = Script::for_char(last);
            [Script::Khmer, Script::Lao, Script::Myanmar, Script::Thai].contains(&script)
        }),
        // Directional marks place signs correctly in mixed text, and move no letters.
        '\u{200e}' | '\u{200f}' | '\u{61c}' => before.has_both_directions,
        '\u{fff9}'..='\u{fffb}' => false,
        _ if is_tag(sign) => before.emoji == Emojis::Flag,
        // Arabic number signs and similar ones are visible.
        _ => !DefaultIgnorableCodePoint::for_char(sign),
    }
}

/// RFC 5892 appendix A.1 and A.2, and UTS #51: joiners only where they have a visible effect.
fn may_join(sign: char, before: Before, after: Option<char>) -> bool {
    if matches!(before.last, None | Some(JOINER | NON_JOINER)) {
        return false;
    }
    let is_virama =
        |sign: char| CanonicalCombiningClass::for_char(sign) == CanonicalCombiningClass::Virama;
    let joins_emoji = sign == JOINER
        && before.emoji != Emojis::No
        && after.is_some_and(ExtendedPictographic::for_char);
    before.joins
        || joins_emoji
        || before.last.is_some_and(is_virama)
        || after.is_some_and(is_virama)
}

/// Whether a character is a letter of a right-to-left script, whose marks share its direction.
fn is_right_to_left(sign: char) -> bool {
    sign.is_alphabetic()
        && matches!(
            BidiClass::for_char(sign),
            BidiClass::RightToLeft | BidiClass::ArabicLetter
        )
}

fn is_tag(sign: char) -> bool {
    matches!(sign, '\u{e0020}'..='\u{e007f}')
}

fn is_variation(sign: char) -> bool {
    matches!(sign, '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Whether a variation selector follows a character that has variants.
fn selects(selector: char, last: Option<char>, after: Option<char>) -> bool {
    let Some(last) = last else { return false };
    let script = Script::for_char(last);
    match selector {
        // Digits are emoji only as key caps.
        '\u{fe0e}' | '\u{fe0f}' if last.is_ascii() => {
            Emoji::for_char(last) && after == Some(KEYCAP)
        }
        '\u{fe0e}' | '\u{fe0f}' => Emoji::for_char(last),
        '\u{180b}'..='\u{180f}' => script == Script::Mongolian,
        '\u{e0100}'..='\u{e01ef}' => Ideographic::for_char(last),
        _ => {
            Ideographic::for_char(last)
                || [Script::Myanmar, Script::PhagsPa].contains(&script)
                || GeneralCategory::for_char(last) == GeneralCategory::MathSymbol
        }
    }
}

#[cfg(test)]
mod tests;

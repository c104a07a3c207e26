//! Texts that people write about themselves and each other: names, addresses, reasons, notes.
//!
//! One rule for all of them. Line ends become one kind, equal texts get one form (NFC), blanks
//! around them go, and characters are refused that show nothing, or that let a text show as
//! another: direction overrides turn `moc.live` around, invisible signs make equal names differ.

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
/// Shows as a blank and is a symbol to every property.
const BRAILLE_BLANK: char = '\u{2800}';
const KEYCAP: char = '\u{20e3}';
const BLACK_FLAG: char = '\u{1f3f4}';

/// What a text may hold besides characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One line: a name.
    Line,
    /// Several lines, with tabs: a biography, an address.
    Lines,
}

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextRule {
    /// It has more characters than this.
    TooLong(usize),
    /// It has several lines or tabs, and may have one line alone.
    OneLine,
    /// It has a character that cannot be seen, or that makes others look like something else.
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

/// Reads a text of at most `most` characters.
///
/// # Errors
///
/// The first rule that it breaks.
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

/// The same of what another system says, which cannot be asked to mend it: what would be refused
/// is left out, and the rest is cut.
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
    // Cutting may have taken the sign that a joiner was allowed for.
    read(&cut, layout, most).unwrap_or_else(|_| {
        let visible = |sign: &char| !DefaultIgnorableCodePoint::for_char(*sign);
        normal(&cut.chars().filter(visible).collect::<String>())
    })
}

/// A text without the blanks around it, if it can be short enough: composing makes one character
/// of four at most.
fn bounded(text: &str, most: usize) -> Option<&str> {
    let text = text.trim();
    let is_hopeless = text.chars().nth(most.saturating_mul(4)).is_some();
    (!is_hopeless).then_some(text)
}

/// One kind of line end, NFC, no blanks around it: what a text is compared as.
#[must_use]
pub fn normal(text: &str) -> String {
    let ends = ['\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
    let lines = text.replace("\r\n", "\n").replace(ends, "\n");
    let composed: String = lines.nfc().collect();
    composed.trim().to_owned()
}

/// Which emoji a character could continue (UTS #51).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Emojis {
    /// None.
    #[default]
    No,
    /// One to which another can be joined.
    Any,
    /// A flag that tags may continue, too: England, Scotland, Wales.
    Flag,
}

/// What stands before a character.
#[derive(Clone, Copy, Default)]
struct Before {
    last: Option<char>,
    /// Whether the last letter, marks aside, takes part in joining (Arabic and its kin).
    joins: bool,
    emoji: Emojis,
    /// Whether it is prose with letters of right-to-left scripts.
    has_both_directions: bool,
}

impl Before {
    fn of(text: &str, layout: Layout) -> Self {
        Self {
            has_both_directions: layout == Layout::Lines && text.chars().any(is_from_the_right),
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

/// Whether a character may stand in a text, tabs and line ends aside.
fn is_allowed(sign: char, before: Before, after: Option<char>) -> bool {
    match GeneralCategory::for_char(sign) {
        GeneralCategory::Control | GeneralCategory::PrivateUse => false,
        // What is to become an emoji is known before it is one; noncharacters never are.
        GeneralCategory::Unassigned => ExtendedPictographic::for_char(sign),
        GeneralCategory::Format => is_allowed_format(sign, before, after),
        _ if is_variation(sign) => selects(sign, before.last, after),
        // Fillers are letters that show nothing: a name of them is no name.
        _ => sign != BRAILLE_BLANK && !DefaultIgnorableCodePoint::for_char(sign),
    }
}

fn is_allowed_format(sign: char, before: Before, after: Option<char>) -> bool {
    match sign {
        JOINER | NON_JOINER => may_join(sign, before, after),
        // Scripts without blanks between words, where lines may break.
        ZERO_WIDTH_SPACE => before.last.is_some_and(|last| {
            let script = Script::for_char(last);
            [Script::Khmer, Script::Lao, Script::Myanmar, Script::Thai].contains(&script)
        }),
        // Where both directions meet, people set signs right by these. They move no letter.
        '\u{200e}' | '\u{200f}' | '\u{61c}' => before.has_both_directions,
        '\u{fff9}'..='\u{fffb}' => false,
        _ if is_tag(sign) => before.emoji == Emojis::Flag,
        // Arabic number signs and their kin are seen.
        _ => !DefaultIgnorableCodePoint::for_char(sign),
    }
}

/// RFC 5892 appendix A.1 and A.2, and UTS #51: joiners where they change what is seen.
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

/// Whether a character is a letter of a right-to-left script; the marks have its direction, too.
fn is_from_the_right(sign: char) -> bool {
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

/// Whether a variation selector stands after a character that has variants.
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

//! What the specification of September 2025 has and the engine's parser has not, written as the
//! parser reads it: escapes beyond four digits, `\"""` in block strings, and descriptions.
//!
//! Only strings are touched, and each takes as many lines and columns as before, so that errors
//! keep their places. A text that is no GraphQL either way stays so: the parser still has the last
//! word, and what it accepts here is what the specification accepts.

mod lexer;
mod place;
mod string;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use lexer::{Kind, Lexer};
use place::Place;

/// A text as the parser reads it.
#[derive(Debug)]
pub(super) struct Spelled<'a> {
    /// The text itself where nothing had to be changed.
    pub(super) text: Cow<'a, str>,
    /// Whether an escape stands for U+0000.
    pub(super) nul: bool,
}

/// What cannot be part of any document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    /// The byte it begins at.
    pub(super) at: usize,
    /// What should be there.
    pub(super) expected: &'static str,
}

/// Spells a text as the parser reads it.
///
/// # Errors
///
/// A string that does not end, or an escape that stands for no character. The parser takes `""`
/// for a whole string where a block string does not end, and reads on in the middle of it.
pub(super) fn spell(text: &str) -> Result<Spelled<'_>, Malformed> {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut place = Place::default();
    // A string that is a description if the right token follows.
    let mut waiting: Option<Range<usize>> = None;
    let mut nul = false;
    for token in Lexer::of(text) {
        let token = token?;
        let word = text.get(token.range.clone()).unwrap_or_default();
        if let Some(described) = waiting.take()
            && place.describes(word)
        {
            edits.pop_if(|(range, _)| *range == described);
            let blank = blank(text.get(described.clone()).unwrap_or_default());
            edits.push((described, blank));
        }
        if let Kind::String { block } = token.kind {
            let read = string::read(word, block).map_err(|wrong| Malformed {
                at: token.range.start + wrong.at,
                ..wrong
            })?;
            nul |= read.nul;
            if place.may_be_described() {
                waiting = Some(token.range.clone());
            }
            if let Some(spelled) = read.spelled {
                edits.push((token.range.clone(), padded(spelled, word)));
            }
        }
        place.pass(token.kind, word);
    }
    let text = if edits.is_empty() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(edited(text, edits))
    };
    Ok(Spelled { text, nul })
}

fn edited(text: &str, edits: Vec<(Range<usize>, String)>) -> String {
    let mut written = String::with_capacity(text.len());
    let mut copied = 0;
    for (range, replacement) in edits {
        written.push_str(text.get(copied..range.start).unwrap_or_default());
        written.push_str(&replacement);
        copied = range.end;
    }
    written.push_str(text.get(copied..).unwrap_or_default());
    written
}

/// Spaces in place of a string, with its line ends.
fn blank(string: &str) -> String {
    let blank = |letter| match letter {
        '\n' | '\r' => letter,
        _ => ' ',
    };
    string.chars().map(blank).collect()
}

/// A string with spaces after it, so that what follows stays in its line and column. Where escapes
/// make a single line longer, what follows in it moves to the right.
fn padded(mut string: String, original: &str) -> String {
    let lines = original.rfind(['\n', '\r']).map_or(0, |last| last + 1);
    let (before, last) = original.split_at(lines);
    string.extend(before.chars().filter(|it| matches!(it, '\n' | '\r')));
    let column = if lines == 0 {
        string.chars().count()
    } else {
        0
    };
    let missing = last.chars().count().saturating_sub(column);
    string.extend(std::iter::repeat_n(' ', missing));
    string
}

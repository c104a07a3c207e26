//! Rewrites syntax of the September 2025 specification that the engine's parser does not know:
//! escapes with braces and surrogate pairs, `\"""` in block strings, and descriptions.
//!
//! Only strings change, and keep their lines and columns, so that error positions stay right.
//! Invalid documents stay invalid: the parser still decides, and accepts nothing here that the
//! specification rejects.

mod lexer;
mod position;
mod string;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use lexer::{Kind, Lexer};
use position::Position;

/// A text for the parser.
#[derive(Debug)]
pub(super) struct Rewritten<'a> {
    /// Borrowed if nothing had to change.
    pub(super) text: Cow<'a, str>,
    /// Whether an escape stands for U+0000.
    pub(super) nul: bool,
}

/// A syntax error in a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StringError {
    /// Byte offset of the error.
    pub(super) at: usize,
    /// What was expected.
    pub(super) expected: &'static str,
}

/// Rewrites a text for the parser.
///
/// # Errors
///
/// An unterminated string or an invalid escape. For an unterminated block string the parser would
/// read `""` as a complete string and continue inside it.
pub(super) fn rewrite(text: &str) -> Result<Rewritten<'_>, StringError> {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut position = Position::default();
    // A string that is a description if a definition follows.
    let mut waiting: Option<Range<usize>> = None;
    let mut nul = false;
    for token in Lexer::of(text) {
        let token = token?;
        let word = text.get(token.range.clone()).unwrap_or_default();
        if let Some(described) = waiting.take()
            && position.describes(word)
        {
            edits.pop_if(|(range, _)| *range == described);
            let blank = blank(text.get(described.clone()).unwrap_or_default());
            edits.push((described, blank));
        }
        if let Kind::String { block } = token.kind {
            let read = string::read(word, block).map_err(|error| StringError {
                at: token.range.start + error.at,
                ..error
            })?;
            nul |= read.nul;
            if position.may_be_described() {
                waiting = Some(token.range.clone());
            }
            if let Some(rewritten) = read.rewritten {
                edits.push((token.range.clone(), padded(rewritten, word)));
            }
        }
        position.pass(token.kind, word);
    }
    let text = if edits.is_empty() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(edited(text, edits))
    };
    Ok(Rewritten { text, nul })
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

/// Spaces that keep the line breaks of a string.
fn blank(string: &str) -> String {
    let blank = |letter| match letter {
        '\n' | '\r' => letter,
        _ => ' ',
    };
    string.chars().map(blank).collect()
}

/// Pads a string with spaces to its original extent, so that what follows keeps its line and
/// column. A string on one line may grow by its escapes and then shifts the rest of its line.
fn padded(mut string: String, original: &str) -> String {
    let lines = original.rfind(['\n', '\r']).map_or(0, |last| last + 1);
    let (before, last) = original.split_at(lines);
    string.extend(
        before
            .chars()
            .filter(|character| matches!(character, '\n' | '\r')),
    );
    let column = if lines == 0 {
        string.chars().count()
    } else {
        0
    };
    let missing = last.chars().count().saturating_sub(column);
    string.extend(std::iter::repeat_n(' ', missing));
    string
}

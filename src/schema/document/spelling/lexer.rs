//! The tokens of a text, as far as they matter to where its strings stand.

use std::ops::Range;

use super::Malformed;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a keyword or a number.
    Word,
    /// A string with its quotes.
    String { block: bool },
    /// A single character, whether or not it belongs there.
    Sign,
}

/// A token and where it stands, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

/// Reads a text token by token; ends after the first string that does not end.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) const fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// GraphQL specification, Ignored Tokens.
    fn skip_ignored(&mut self) {
        loop {
            let rest = self.rest();
            let ignored = [' ', '\t', '\n', '\r', ',', '\u{feff}'];
            let kept = rest.trim_start_matches(ignored);
            self.at += rest.len() - kept.len();
            if !kept.starts_with('#') {
                return;
            }
            self.at += kept.find(['\n', '\r']).unwrap_or(kept.len());
        }
    }

    fn string(&self) -> Result<(Kind, usize), Malformed> {
        let rest = self.rest();
        let block = rest.starts_with("\"\"\"");
        let length = if block {
            block_length(rest)
        } else {
            line_length(rest)
        };
        let length = length.ok_or(Malformed {
            at: self.at,
            expected: "a string that ends",
        })?;
        Ok((Kind::String { block }, length))
    }
}

impl Iterator for Lexer<'_> {
    type Item = Result<Token, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_ignored();
        let rest = self.rest();
        let first = rest.chars().next()?;
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let (kind, length) = if first == '"' {
            match self.string() {
                Ok(read) => read,
                Err(wrong) => {
                    self.at = self.text.len();
                    return Some(Err(wrong));
                }
            }
        } else if is_word(first) {
            let length = rest.find(|letter| !is_word(letter));
            (Kind::Word, length.unwrap_or(rest.len()))
        } else {
            (Kind::Sign, first.len_utf8())
        };
        let range = self.at..self.at + length;
        self.at = range.end;
        Some(Ok(Token { kind, range }))
    }
}

/// The bytes of a block string: only `\"""` is an escape in it.
fn block_length(text: &str) -> Option<usize> {
    let mut at = 3;
    loop {
        let rest = text.get(at..)?;
        let quotes = rest.find("\"\"\"")?;
        if !rest.get(..quotes)?.ends_with('\\') {
            return Some(at + quotes + 3);
        }
        at += quotes + 3;
    }
}

/// The bytes of a simple string, which stands on one line.
fn line_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            '\n' | '\r' => return None,
            '"' if !escaped => return Some(at + 1),
            _ => escaped = letter == '\\' && !escaped,
        }
    }
    None
}

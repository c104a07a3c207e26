//! A lexer that is just exact enough to find strings.

use std::ops::Range;

use super::StringError;

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, keyword or number.
    Word,
    /// A string with its quotes.
    String { block: bool },
    /// Any other single character, valid or not.
    Sign,
}

/// A token and its byte range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

/// Tokenizes a text; stops after an unterminated string.
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

    /// Ignored tokens, GraphQL specification §2.1.
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

    fn string(&self) -> Result<(Kind, usize), StringError> {
        let rest = self.rest();
        let block = rest.starts_with("\"\"\"");
        let length = if block {
            block_length(rest)
        } else {
            line_length(rest)
        };
        let length = length.ok_or(StringError {
            at: self.at,
            expected: "a string that ends",
        })?;
        Ok((Kind::String { block }, length))
    }
}

impl Iterator for Lexer<'_> {
    type Item = Result<Token, StringError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_ignored();
        let rest = self.rest();
        let first = rest.chars().next()?;
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let (kind, length) = if first == '"' {
            match self.string() {
                Ok(read) => read,
                Err(error) => {
                    self.at = self.text.len();
                    return Some(Err(error));
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

/// Length of a block string; `\"""` is its only escape.
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

/// Length of a string within a line.
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

//! The value of a string, and an equivalent string that the parser reads the same.

use super::StringError;

/// A string literal.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The replacement, if the parser would reject or misread the original.
    pub(super) rewritten: Option<String>,
    /// Whether an escape stands for U+0000.
    pub(super) nul: bool,
}

/// Reads a string literal with its quotes.
pub(super) fn read(string: &str, block: bool) -> Result<Read, StringError> {
    if !block {
        return read_line(string);
    }
    // The parser keeps the backslash of `\"""`.
    let rewritten = string.contains("\\\"\"\"").then(|| {
        let quotes = string.len().saturating_sub(3);
        quoted(&block_value(string.get(3..quotes).unwrap_or_default()))
    });
    Ok(Read {
        rewritten,
        nul: false,
    })
}

/// The static semantics of `StringValue`, GraphQL specification §2.9.4.
fn read_line(string: &str) -> Result<Read, StringError> {
    if !string.contains('\\') {
        return Ok(Read::default());
    }
    let mut written = String::with_capacity(string.len());
    let (mut nul, mut at) = (false, 0);
    while let Some(letter) = string.get(at..).and_then(|rest| rest.chars().next()) {
        if letter != '\\' {
            written.push(letter);
            at += letter.len_utf8();
            continue;
        }
        let error = |expected| StringError { at, expected };
        let escape = string.get(at + 1..).unwrap_or_default();
        let length = match escape.strip_prefix('u') {
            None if escape.starts_with(['"', '\\', '/', 'b', 'f', 'n', 'r', 't']) => {
                written.push_str(string.get(at..at + 2).unwrap_or_default());
                2
            }
            None => return Err(error("an escape")),
            Some(digits) => {
                let (value, length) =
                    character(digits).ok_or_else(|| error("an escape of a Unicode character"))?;
                nul |= value == '\0';
                if length == 4 && !digits.starts_with('{') {
                    written.push_str(string.get(at..at + 6).unwrap_or_default());
                } else {
                    push_escaped(&mut written, value);
                }
                2 + length
            }
        };
        at += length;
    }
    let rewritten = (written != string).then_some(written);
    Ok(Read { rewritten, nul })
}

/// The character of an escape after `\u`, and the bytes it takes.
///
/// A surrogate pair is one character; a lone surrogate is invalid, and so is any in braces.
fn character(digits: &str) -> Option<(char, usize)> {
    if let Some(braced) = digits.strip_prefix('{') {
        let (inside, _) = braced.split_once('}')?;
        if inside.is_empty() {
            return None;
        }
        let mut value = 0_u32;
        for digit in inside.chars() {
            value = value.checked_mul(16)?.checked_add(digit.to_digit(16)?)?;
        }
        return Some((char::from_u32(value)?, inside.len() + 2));
    }
    let first = four_digits(digits)?;
    if let Some(value) = char::from_u32(first.into()) {
        return Some((value, 4));
    }
    let second = four_digits(digits.get(4..)?.strip_prefix("\\u")?)?;
    let mut decoded = char::decode_utf16([first, second]);
    Some((decoded.next()?.ok()?, 10))
}

fn four_digits(text: &str) -> Option<u16> {
    let digits = text.get(..4)?;
    let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hexadecimal.then(|| u16::from_str_radix(digits, 16).ok())?
}

/// Writes a character in at most as many characters as its escape.
fn push_escaped(written: &mut String, value: char) {
    match value {
        '\u{8}' => written.push_str("\\b"),
        '\t' => written.push_str("\\t"),
        '\n' => written.push_str("\\n"),
        '\u{c}' => written.push_str("\\f"),
        '\r' => written.push_str("\\r"),
        '"' => written.push_str("\\\""),
        '\\' => written.push_str("\\\\"),
        _ => written.push(value),
    }
}

fn quoted(value: &str) -> String {
    let mut written = String::with_capacity(value.len() + 2);
    written.push('"');
    for letter in value.chars() {
        push_escaped(&mut written, letter);
    }
    written.push('"');
    written
}

/// `BlockStringValue()`, GraphQL specification §2.9.4.
fn block_value(raw: &str) -> String {
    let raw = raw.replace("\\\"\"\"", "\"\"\"").replace("\r\n", "\n");
    let lines: Vec<&str> = raw.split(['\n', '\r']).collect();
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let is_blank = |line: &&str| indent(line) == line.len();
    let later = lines.iter().skip(1).filter(|line| !is_blank(line));
    let common = later.map(|line| indent(line)).min().unwrap_or(0);
    let Some(first) = lines.iter().position(|line| !is_blank(line)) else {
        return String::new();
    };
    let last = lines
        .iter()
        .rposition(|line| !is_blank(line))
        .unwrap_or(first);
    let kept = lines.iter().enumerate().take(last + 1).skip(first);
    let dedented = kept.map(|(number, line)| match number {
        0 => *line,
        _ => line.get(common..).unwrap_or_default(),
    });
    dedented.collect::<Vec<_>>().join("\n")
}

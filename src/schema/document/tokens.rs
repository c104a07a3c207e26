//! Scans an unparsed text for its number of tokens and its nesting.
//!
//! The parser recurses for each bracket, so nesting bounds its stack. Where this scan and the
//! parser disagree, the scan must count more.

use std::iter::Peekable;
use std::str::Chars;

/// Counts of an unparsed text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Upper bound of the lexical tokens: words, single punctuators and strings. Comments count
    /// too: the parser takes as long for `#` and a line break as for a token.
    pub(super) tokens: usize,
    /// Maximum number of open brackets.
    pub(super) nesting: usize,
    /// Length of the longest word.
    pub(super) longest: usize,
    /// Number of directives, unreachable ones included.
    pub(super) directives: usize,
    /// Whether U+0000 occurs, literally or as an escape in a string.
    pub(super) nul: bool,
}

impl Scan {
    /// Scans a text.
    pub(super) fn of(text: &str) -> Self {
        let mut scan = Self::default();
        let mut open = 0_usize;
        let mut word_length = 0_usize;
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let word = letter.is_alphanumeric() || letter == '_';
            scan.nul |= letter == '\0';
            match letter {
                '#' => {
                    scan.tokens += 1;
                    skip_comment(&mut letters);
                }
                '"' => {
                    scan.tokens += 1;
                    scan.nul |= skip_string(&mut letters);
                }
                _ if word => scan.tokens += usize::from(word_length == 0),
                ',' => {}
                _ if letter.is_whitespace() => {}
                _ => scan.tokens += 1,
            }
            match letter {
                '{' | '[' | '(' => open += 1,
                '}' | ']' | ')' => open = open.saturating_sub(1),
                '@' => scan.directives += 1,
                _ => {}
            }
            scan.nesting = scan.nesting.max(open);
            word_length = if word {
                word_length.saturating_add(1)
            } else {
                0
            };
            scan.longest = scan.longest.max(word_length);
        }
        scan
    }
}

/// GraphQL specification §2.1.2: a carriage return ends a line, too. A scan that waits for a line
/// feed would skip a whole document as a comment.
const fn ends_line(letter: char) -> bool {
    matches!(letter, '\n' | '\r')
}

fn skip_comment(letters: &mut Peekable<Chars<'_>>) {
    while letters.next_if(|letter| !ends_line(*letter)).is_some() {}
}

/// Skips the rest of a string after its first quote. Block strings (§2.9.4) may contain quotes and
/// line breaks.
///
/// Returns whether it contains U+0000.
fn skip_string(letters: &mut Peekable<Chars<'_>>) -> bool {
    if letters.next_if_eq(&'"').is_some() {
        return letters.next_if_eq(&'"').is_some() && skip_block(letters);
    }
    let mut escaped = false;
    let mut nul = false;
    // Number of zeros after `\u`, if only zeros followed so far.
    let mut zeros = None;
    // A line break ends the string: the parser fails there, the scan goes on.
    while let Some(letter) = letters.next_if(|letter| !ends_line(*letter)) {
        if letter == '"' && !escaped {
            break;
        }
        zeros = match zeros {
            _ if escaped && letter == 'u' => Some(0),
            Some(count) if letter == '0' => Some(count + 1),
            _ => None,
        };
        nul |= letter == '\0' || zeros == Some(4);
        escaped = letter == '\\' && !escaped;
    }
    nul
}

/// `\"""` is the only escape in a block string.
///
/// Returns whether it contains U+0000.
fn skip_block(letters: &mut Peekable<Chars<'_>>) -> bool {
    let mut quotes = 0;
    let mut escaped = false;
    let mut nul = false;
    for letter in letters.by_ref() {
        nul |= letter == '\0';
        if letter == '"' {
            quotes += 1;
            if quotes == 3 && !escaped {
                break;
            }
            if quotes == 3 {
                (quotes, escaped) = (0, false);
            }
        } else {
            (quotes, escaped) = (0, letter == '\\');
        }
    }
    nul
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use proptest::prelude::*;

    use super::*;

    fn tokens(text: &str) -> usize {
        Scan::of(text).tokens
    }

    #[test]
    fn tokens_are_counted_as_a_reader_would() {
        assert_eq!(tokens("{ me { id } } # a comment { { {"), 7);
        assert_eq!(tokens(r#"{ a(b: "x \" } y") }"#), 8);
        assert_eq!(tokens("query Me($id: ID!) { a }"), 12);
    }

    #[test]
    fn nothing_hides_behind_what_looks_like_a_comment_or_a_string() {
        let many = "b ".repeat(50);
        for text in [
            format!("#\r{{ {many} }}"),
            format!("#\r\n{{ {many} }}"),
            format!("{{ a(x: \"\"\"one \" quote\"\"\") {many} }}"),
            format!("{{ a(x: \"\"\"\\\"\"\" \" \"\"\") {many} }}"),
            format!("{{ a(x: \"\"\"ends with a backslash \\\\\"\"\" \"\"\") {many} }}"),
            format!("{{ a(x: \"\") {many} }}"),
            format!("{{ a(x: \"\\\\\") {many} }}"),
        ] {
            assert!(parse_query(&text).is_ok(), "{text}");
            assert!(tokens(&text) >= 52, "{} in {text}", tokens(&text));
        }
    }

    #[test]
    fn brackets_are_nested_wherever_they_stand_but_in_strings() {
        let nesting = |text: &str| Scan::of(text).nesting;
        assert_eq!(nesting("{ a { b } c { d } }"), 2);
        assert_eq!(
            nesting("query A($a: [[Int]] = [[1]]) { a(b: { c: [1] }) }"),
            4
        );
        assert_eq!(nesting("{ a(b: \"{{{{\") } # {{{{"), 2);
        assert_eq!(nesting("}}}} { a }"), 1);
    }

    #[test]
    fn the_longest_word_is_one_outside_of_strings_and_comments() {
        let longest = |text: &str| Scan::of(text).longest;
        let text = "query Name($a: ID! = \"a long string\") { field_1(b: 12) } # a long_comment";
        assert_eq!(longest(text), 7);
        assert_eq!(longest("{ a(b: \"\"\"a block_string\"\"\") }"), 1);
        assert_eq!(longest("{ äöü123 }"), 6);
        assert_eq!(longest(""), 0);
    }

    #[test]
    fn a_null_character_is_seen_wherever_a_value_can_hold_it() {
        for text in [
            "{ a(b: \"\0\") }",
            "{ a(b: \"\"\"x \0\"\"\") }",
            r#"{ a(b: "\u0000") }"#,
            r#"{ a(b: "\\\u0000") }"#,
            r#"{ a(b: [{ c: "x\n\u0000y" }]) }"#,
            r#"query($a: ID = "\u0000") { a(b: $a) }"#,
            r#"{ a @c(d: "\u0000") }"#,
            r#"{ a } fragment f on Query { a(b: "\u0000") }"#,
        ] {
            assert!(parse_query(text).is_ok() && Scan::of(text).nul, "{text:?}");
        }
        for text in [
            r#"{ a(b: "\\u0000") }"#,
            r#"{ a(b: "\u00e0000 \u1000 u0000") }"#,
            r#"{ a(b: """\u0000""") }"#,
            "{ a } # \\u0000",
        ] {
            assert!(parse_query(text).is_ok() && !Scan::of(text).nul, "{text:?}");
        }
    }

    /// Fragments that could be mistaken for the start or end of another token.
    fn piece() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "#", "\r", "\n", "\"", "\"\"", "\"\"\"", "\\", "\\\"", "\\\"\"\"", " ", "a", "{", "}",
            "(", ")", ":", "x", ",", "\u{feff}",
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn whatever_stands_before_it_a_document_that_parses_is_seen(
            head in prop::collection::vec(piece(), 0..12),
        ) {
            let head = head.concat();
            let begun = format!("{{ a(x: \"\"\"{head}");
            // After a whole document the rest must be a comment for the parser, too.
            let is_seen = |begun: &str, rest: &str, least: usize| {
                let text = format!("{begun}{rest}");
                parse_query(begun).is_ok() || parse_query(&text).is_err() || tokens(&text) >= least
            };
            prop_assert!(is_seen(&begun, "\"\"\") b c d e f g h }", 14), "in a string: {head:?}");
            prop_assert!(is_seen(&head, "{ a b c d e f g h }", 10), "before it: {head:?}");
        }

        #[test]
        fn any_text_is_read_to_its_end(text in "\\PC{0,200}") {
            let _ = Scan::of(&text);
        }
    }
}

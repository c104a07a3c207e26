//! The maximum length of a document.
//!
//! Blanks, commas and comments are no tokens, but the parser walks them: 1 MB of empty comments
//! took 60 ms.

use super::{Limit, Limits, Refusal};

/// Maximum document size in bytes. Fits `graphql.max_expanded_nodes` fields, each on an indented
/// line of its own.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Raises the maximum where the configuration allows more tokens.
const BYTES_PER_TOKEN: usize = 4;

/// Rejects a document by its length, before it is scanned.
pub(in crate::schema) fn check(text: &str, limits: &Limits) -> Result<(), Refusal> {
    let longest = limits.tokens.saturating_mul(BYTES_PER_TOKEN);
    Limit::Document.check(text.len(), longest.max(MAX_TEXT_BYTES))
}

#[cfg(test)]
mod tests {
    use super::super::Document;
    use super::super::tests::LIMITS;
    use super::*;
    use crate::app::built_in_documents;

    /// The limit that a text exceeds with the default configuration.
    fn met(text: String, limits: &Limits) -> Option<Limit> {
        match Document::prepare(text, limits) {
            Err(Refusal::Limit { limit, .. }) => Some(limit),
            _ => None,
        }
    }

    fn filled(begin: &str, idle: &str, bytes: usize) -> String {
        let mut text = begin.to_owned();
        while text.len() + idle.len() <= bytes {
            text.push_str(idle);
        }
        text
    }

    #[test]
    fn what_is_no_token_is_bounded_by_its_length_or_by_its_number() {
        for idle in [" ", ",", "\n", "\r\n", "\t", "#", "x"] {
            let begin = if idle == "#" || idle == "x" {
                "{ me { id } } #"
            } else {
                "{ me { id } } "
            };
            let longest = filled(begin, idle, MAX_TEXT_BYTES);
            assert_eq!(met(longest.clone(), &LIMITS), None, "{idle:?}");
            assert_eq!(
                met(longest + "   ", &LIMITS),
                Some(Limit::Document),
                "{idle:?}"
            );
        }
        for comment in ["#\n", "#\r", "#a\r\n", ",#\n", "# {{{ \"\n"] {
            let text = |count: usize| "{ me { id } }".to_owned() + &comment.repeat(count);
            assert_eq!(met(text(LIMITS.tokens - 6), &LIMITS), None, "{comment:?}");
            assert_eq!(
                met(text(LIMITS.tokens), &LIMITS),
                Some(Limit::Tokens),
                "{comment:?}"
            );
        }
    }

    #[test]
    fn strings_count_by_their_length_as_well() {
        for (begin, end) in [("{ a(b: \"", "\") }"), ("{ a(b: \"\"\"", "\"\"\") }")] {
            for letter in ["x", "\u{1f600}"] {
                let text = |bytes: usize| filled(begin, letter, bytes) + end;
                assert_eq!(met(text(MAX_TEXT_BYTES - 16), &LIMITS), None, "{begin}");
                assert_eq!(
                    met(text(MAX_TEXT_BYTES), &LIMITS),
                    Some(Limit::Document),
                    "{begin}"
                );
            }
        }
    }

    #[test]
    fn more_tokens_bring_more_bytes() {
        let limits = Limits {
            tokens: 100_000,
            ..LIMITS
        };
        let text = |bytes| filled("{ me { id } }", " ", bytes);
        assert_eq!(met(text(400_000), &limits), None);
        assert_eq!(met(text(400_001), &limits), Some(Limit::Document));
    }

    #[test]
    fn documents_that_people_write_are_far_from_it() {
        for text in built_in_documents().values() {
            assert!(text.len() < MAX_TEXT_BYTES / 16, "{}", text.len());
        }
        // Two thousand fields with a comment for every tenth, as code generators print them.
        let field = |at: usize| {
            let comment = if at.is_multiple_of(10) {
                "            # why\n"
            } else {
                ""
            };
            format!("{comment}            field{at:08}\n")
        };
        let fields: String = (0..2_000).map(field).collect();
        let text = format!("query Everything {{\n{fields}}}\n");
        let limits = Limits {
            tokens: 5_000,
            expanded_nodes: 2_000,
            root_fields: 2_000,
            cost: 2_000,
            ..LIMITS
        };
        assert_eq!(met(text, &limits), None);
    }
}

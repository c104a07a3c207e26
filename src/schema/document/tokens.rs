//! Counting the tokens of a text that has not been parsed.

/// An upper bound of the lexical tokens, without parsing: words and single punctuators count,
/// strings and comments count as one.
pub(super) fn count(text: &str) -> usize {
    let mut tokens = 0;
    let mut in_word = false;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let word = letter.is_alphanumeric() || letter == '_';
        match letter {
            '#' => {
                let _ = letters.by_ref().find(|letter| *letter == '\n');
            }
            '"' => {
                tokens += 1;
                let mut escaped = false;
                let _ = letters.by_ref().find(|letter| {
                    let ends = *letter == '"' && !escaped;
                    escaped = *letter == '\\' && !escaped;
                    ends
                });
            }
            _ if word && !in_word => tokens += 1,
            _ if !word && !letter.is_whitespace() && letter != ',' => tokens += 1,
            _ => {}
        }
        in_word = word;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted_as_a_reader_would() {
        assert_eq!(count("{ me { id } } # a comment { { {"), 6);
        assert_eq!(count(r#"{ a(b: "x \" } y") }"#), 8);
        assert_eq!(count("query Me($id: ID!) { a }"), 12);
    }
}

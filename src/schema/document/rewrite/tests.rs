use async_graphql::Value;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::Selection;
use proptest::prelude::*;

use super::*;

fn rewritten(text: &str) -> String {
    rewrite(text).unwrap().text.into_owned()
}

/// The value of the first argument of the first field, as resolvers receive it.
fn value(literal: &str) -> String {
    let text = rewritten(&format!("{{ a(b: {literal}) }}"));
    let document = parse_query(&text).unwrap();
    let (_, operation) = document.operations.iter().next().unwrap();
    let Selection::Field(field) = &operation.node.selection_set.node.items[0].node else {
        panic!("a field")
    };
    let value = field.node.arguments[0].1.node.clone().into_const().unwrap();
    match value {
        Value::String(text) => text,
        other => panic!("{other}"),
    }
}

#[test]
fn every_escape_of_the_specification_is_the_character_it_names() {
    for (literal, expected) in [
        (r#""\ud83d\ude00""#, "😀"),
        (r#""\uD83D\uDE00x""#, "😀x"),
        (r#""\u{1F600}""#, "😀"),
        (r#""\u{00000000001f600}""#, "😀"),
        (r#""\u{41}\u{22}\u{5c}\u{5C}n""#, "A\"\\\\n"),
        (
            r#""\u{8}\u{9}\u{a}\u{c}\u{D}\u{1}""#,
            "\u{8}\t\n\u{c}\r\u{1}",
        ),
        (
            r#""\u{7b}\u{10FFFF}\u{D7FF}\u{E000}""#,
            "{\u{10ffff}\u{d7ff}\u{e000}",
        ),
        (r#""\\ud83d\\u{41}""#, r"\ud83d\u{41}"),
        (r#""\b\f\n\r\t\/\"\\\u00e9""#, "\u{8}\u{c}\n\r\t/\"\\é"),
        (r#""""a \""" b""""#, "a \"\"\" b"),
        (
            "\"\"\"\n    a \\\"\"\"\n      b\\n\n\n    \"c\"\n  \"\"\"",
            "a \"\"\"\n  b\\n\n\n\"c\"",
        ),
        (r#""""\u{41} \ud83d""""#, r"\u{41} \ud83d"),
    ] {
        assert_eq!(value(literal), expected, "{literal}");
    }
}

#[test]
fn what_names_no_character_is_refused_where_it_stands() {
    for escape in [
        r"\ud83d",
        r"\ude00",
        r"\ude00\ud83d",
        r"\ud83d\ud83d",
        r"\ud83dx",
        r"\ud83d\n",
        r"\ud83d\u{de00}",
        r"\u{d83d}\u{de00}",
        r"\u{D800}",
        r"\u{110000}",
        r"\u{}",
        r"\u{41",
        r"\u{ 41}",
        r"\u{+41}",
        r"\u{4_1}",
        r"\u{100000041}",
        r"\u{ffffffffffffffffffffff}",
        r"\u",
        r"\u41",
        r"\u004",
        r"\u+041",
        r"\u00é",
        r"\x41",
        r"\U0041",
        r"\'",
        r"\0",
        r"\é",
    ] {
        for text in [
            format!("{{ a(b: \"{escape}\") }}"),
            format!("\"{escape}\" query {{ a }}"),
        ] {
            let error = rewrite(&text).unwrap_err();
            let at = text.find('\\').unwrap();
            assert_eq!(error.at, at, "{text}: {error:?}");
        }
    }
    for begun in [
        "{ a(b: \"",
        "{ a(b: \"\\\"",
        "{ a(b: \"x\n\") }",
        "{ a(b: \"\\\\\\\"",
    ] {
        let error = rewrite(begun).unwrap_err();
        assert_eq!(
            (error.at, error.expected),
            (7, "a string that ends"),
            "{begun}"
        );
    }
}

/// The parser reads `""` as a complete string and continues after it; a reader that looks for the
/// end of a block string would skip the rest.
#[test]
fn a_block_string_that_does_not_end_is_refused() {
    for text in [
        "{ a(b: [\"\"\"c\"]) { d e f } }",
        "{ a(b: \"\"\"c\" ) d: e(f: [[[[[[]]]]]]) }",
        "{ a(b: [\"\"\"\\\"\"\"]) }",
    ] {
        let error = rewrite(text).unwrap_err();
        assert_eq!(error.expected, "a string that ends", "{text}");
    }
}

#[test]
fn descriptions_are_dropped_where_they_may_stand() {
    for (text, plain) in [
        (r#""of it" query { a }"#, "query { a }"),
        (
            "# c\n\"\"\"of\r\nit\n\"\"\"\u{feff},query Q { a }",
            "# c\n\r\n\n query Q { a }",
        ),
        (
            r#"{ a } "of f" fragment f on T { b }"#,
            "{ a } fragment f on T { b }",
        ),
        (
            r#""1" mutation A { a } "2" query B { b } "3" subscription C { c }"#,
            "mutation A { a } query B { b } subscription C { c }",
        ),
        (
            r#"query ("a" $a: Int, """b""" $b: [T!]! = [{c: "d"}] "e" $e: S = "f" "g" $g: S) { a }"#,
            r#"query ($a: Int, $b: [T!]! = [{c: "d"}] $e: S = "f" $g: S) { a }"#,
        ),
        (
            r#"query query("a" $a: S = "x") { a }"#,
            r#"query query($a: S = "x") { a }"#,
        ),
        (
            r#"query Q("\ud83d\ude00 \"" $a: S = "\u{41}") { a }"#,
            r#"query Q($a: S = "A") { a }"#,
        ),
    ] {
        let text = rewritten(text);
        let printed = |text: &str| {
            let parsed = parse_query(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            without_positions(&format!("{parsed:?}"))
        };
        assert_eq!(printed(&text), printed(plain), "{text}");
    }
}

/// The parser's debug output without positions, its characters sorted as maps have no order.
fn without_positions(printed: &str) -> String {
    let mut parts: Vec<&str> = printed.split("Pos(").collect();
    for part in parts.iter_mut().skip(1) {
        *part = part.split_once(')').map_or(*part, |(_, rest)| rest);
    }
    let mut letters: Vec<char> = parts.concat().chars().collect();
    letters.sort_unstable();
    letters.into_iter().collect()
}

/// Removing a string from any of these would make an invalid document valid or change a value.
#[test]
fn a_string_that_is_no_description_stays() {
    for text in [
        r#""of it" { a }"#,
        r#""of" "it" query { a }"#,
        r#"query "x" mutation { a }"#,
        r#"query Q "x" query { a }"#,
        r#"query Q "x" ($a: Int) { a }"#,
        r#"query "x" Q { a }"#,
        r#"query { "x" query }"#,
        r#"{ a } "of it""#,
        r#"{ a } "of it" { b }"#,
        r#"{ a } "of it" queryx { b }"#,
        r#"query ($a: "x" $b) { a }"#,
        r#"query ($a: Int = "x" $b: Int) { a }"#,
        r#"query ($a: [Int "x" $b: Int]) { a }"#,
        r#"query ($a: Int "x") { a }"#,
        r#"query ($ "x" $a: Int) { a }"#,
        r#"query ("x" "y" $a: Int) { a(b: ["x" $a]) }"#,
        r#"{ a(b: ["x" $c], d: {e: "f"}) }"#,
        r#"{ a(b: "x" $c) }"#,
        r#"query @a(b: ["x" $c]) { a }"#,
        r#"query Q @a(b: "x" $c) { a }"#,
        r#"fragment f("x" $a: Int) on T { a }"#,
        r#"query Q(a: "query" $b) { a }"#,
    ] {
        let rewritten = rewritten(text);
        let first = text.split('"').nth(1).unwrap();
        assert!(rewritten.contains(&format!("\"{first}\"")), "{rewritten}");
        assert_eq!(
            parse_query(&rewritten).is_ok(),
            parse_query(text).is_ok(),
            "{text}"
        );
    }
}

#[test]
fn what_follows_stays_in_its_line_and_column() {
    for text in [
        r#""of it" query Q("a" $a: S = "\u{1F600}") { a(b: "\ud83d\ude00", c: $a) ! }"#,
        "\"\"\"of\nit ä\n\"\"\" query { a(b: \"\"\"\n x \\\"\"\"\n \"\"\") ! }",
    ] {
        let position = |text: &str| {
            let before = text.rsplit_once('!').unwrap().0;
            let line = before.rsplit('\n').next().unwrap();
            (before.matches('\n').count(), line.chars().count())
        };
        assert_ne!(rewritten(text), text);
        assert_eq!(
            position(&rewritten(text)),
            position(text),
            "{}",
            rewritten(text)
        );
    }
}

/// A character in one of its spellings.
fn written(value: char, way: u8) -> String {
    let code = u32::from(value);
    match way % 4 {
        0 if !matches!(value, '"' | '\\' | '\n' | '\r') => value.to_string(),
        1 => format!("\\u{{{code:X}}}"),
        2 => format!("\\u{{{code:08x}}}"),
        _ => {
            let mut units = [0; 2];
            let units = value.encode_utf16(&mut units);
            let escaped = |text: String, unit: &u16| format!("{text}\\u{unit:04x}");
            units.iter().fold(String::new(), escaped)
        }
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "query", "mutation", "fragment", "on", "a", "$", "$b", ":", "=", "@", "!", "{", "}", "(",
        ")", "[", "]", "\"x\"", "\"", "\"\"\"", "\\", "\\\"\"\"", "\\u", "\\ud83d", "\\ude00",
        "\\u{41}", "\\u{", "}", "é", "😀", "\n", "\r", "#", ",", " ", "\u{feff}", "{ a }", "1",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_characters_reach_the_resolver_however_they_are_written(
        letters in prop::collection::vec((any::<char>(), any::<u8>()), 0..20),
    ) {
        let expected: String = letters.iter().map(|(letter, _)| *letter).collect();
        let literal: String = letters.iter().map(|(letter, way)| written(*letter, *way)).collect();
        prop_assert_eq!(value(&format!("\"{literal}\"")), expected);
    }

    #[test]
    fn any_value_of_a_block_string_reaches_the_resolver(raw in "[a \\\\\"\\n\\r\\t😀]{0,24}") {
        // Three quotes in a row are escaped, as the specification requires.
        let content = raw.replace("\"\"\"", "\\\"\"\"");
        let literal = format!("\"\"\"{content}x\\\"\"\" \"\"\"");
        // The parser's own reading, with a placeholder for the escape it does not know.
        let parsers = format!("\"\"\"{}xQQQ \"\"\"", content.replace("\\\"\"\"", "QQQ"));
        prop_assume!(!parsers.contains('\u{0}'));
        // The parser keeps the blanks of a blank line shorter than the common indent.
        let lines = |value: String| -> Vec<String> {
            let trimmed = |line: &str| match line.trim_matches([' ', '\t']) {
                "" => String::new(),
                _ => line.to_owned(),
            };
            value.split('\n').map(trimmed).collect()
        };
        let own = value(&literal).replace("\"\"\"", "QQQ");
        prop_assert_eq!(lines(own), lines(value(&parsers)));
    }

    #[test]
    fn no_text_makes_it_panic_and_what_it_wrote_it_leaves(text in pieces()) {
        if let Ok(once) = rewrite(&text) {
            let again = rewrite(&once.text).unwrap();
            prop_assert!(matches!(again.text, Cow::Borrowed(_)), "{} {:?}", once.text, again);
            prop_assert!(once.text.lines().count() == text.lines().count());
        }
    }

    #[test]
    fn what_the_parser_reads_rightly_is_left_to_it(text in pieces()) {
        let odd = ["\\\"\"\"", "\\u{"].iter().any(|part| text.contains(part));
        if !odd && parse_query(&text).is_ok() && let Ok(rewritten) = rewrite(&text) {
            prop_assert!(matches!(rewritten.text, Cow::Borrowed(_)), "{}", rewritten.text);
        }
    }

    #[test]
    fn any_text_at_all_is_read(text in "\\PC{0,200}") {
        let _ = rewrite(&text);
    }
}

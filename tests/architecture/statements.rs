//! Raw SQL statements: `Database` decides by the first word whether a statement writes, and so on
//! which connection it runs and whether it may be repeated.

use proc_macro2::{TokenStream, TokenTree};

use crate::Source;

/// First words of statements that write.
const WRITES: [&str; 4] = ["INSERT", "UPDATE", "DELETE", "WITH"];

/// First words of statements that do not, or that run where it makes no difference: brackets of a
/// transaction, and settings of a connection.
const OTHERS: [&str; 5] = ["SELECT", "BEGIN", "COMMIT", "ROLLBACK", "PRAGMA"];

/// First words that SQL statements may have and that no source may use before `is_write` and this
/// rule know them.
const UNKNOWN: [&str; 11] = [
    "ALTER", "CALL", "COPY", "CREATE", "DROP", "LOCK", "MERGE", "REPLACE", "TABLE", "TRUNCATE",
    "VALUES",
];

/// A statement that writes begins with a word that says so, and one that begins with such a word
/// writes.
pub(crate) fn raw(sources: &[Source]) -> Vec<String> {
    let statements = statements(sources);
    let wrong = statements.iter().filter_map(|(place, statement)| {
        let reason = problem(statement)?;
        Some(format!("{place}: {reason}: {statement}"))
    });
    wrong.collect()
}

/// How many statements there are, so that the rule is known to see them.
pub(crate) fn count(sources: &[Source]) -> usize {
    statements(sources).len()
}

fn problem(statement: &str) -> Option<&'static str> {
    let first = words(statement).next()?;
    let writes = words(statement).any(|word| {
        let verbs = ["INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE"];
        verbs.contains(&word)
    });
    // `SELECT … FOR UPDATE` locks.
    let locks = statement.contains("FOR UPDATE") || statement.contains("FOR NO KEY UPDATE");
    if !statement.starts_with(first) {
        return Some("is_write looks for the first word at the very beginning");
    }
    // It goes with the connection, and runs by `execute_unprepared`.
    if statement.starts_with("CREATE TEMPORARY TABLE ") {
        return None;
    }
    // `Tx::copy_in` takes nothing else, and notes that it wrote.
    if statement.starts_with("COPY ") {
        return None;
    }
    if UNKNOWN.contains(&first) {
        return Some("a statement of a kind that is_write does not know");
    }
    if WRITES.contains(&first) {
        return (!writes).then_some("it is taken for one that writes");
    }
    (writes && !locks).then_some("it writes and is taken for a read")
}

/// The literals of the crate that are SQL statements, with the places they stand in.
fn statements(sources: &[Source]) -> Vec<(String, String)> {
    let ours = sources.iter().filter(|source| {
        let homes = ["src/stores/", "src/selectors/", "src/app/", "src/entities/"];
        homes.iter().any(|home| source.path.starts_with(home))
    });
    let mut found = Vec::new();
    for source in ours {
        let stream = source.text.parse();
        let mut literals = Vec::new();
        collect(
            stream.expect("a source consists of Rust's tokens"),
            &mut literals,
        );
        for (line, literal) in literals {
            let first = words(&literal).next().unwrap_or_default();
            let mut known = WRITES.iter().chain(&OTHERS).chain(&UNKNOWN);
            let has_more = literal.trim() != first || OTHERS.contains(&first);
            let begins = literal.trim_start().starts_with(first);
            if begins && has_more && known.any(|word| *word == first) {
                found.push((format!("{}:{line}", source.path), literal));
            }
        }
    }
    found
}

/// The string literals, without doc comments.
fn collect(stream: TokenStream, literals: &mut Vec<(usize, String)>) {
    let mut is_attribute = false;
    for tree in stream {
        match tree {
            TokenTree::Punct(sign) if sign.as_char() == '#' => is_attribute = true,
            TokenTree::Group(group) => {
                if !std::mem::take(&mut is_attribute) {
                    collect(group.stream(), literals);
                }
            }
            TokenTree::Literal(literal) => {
                let (line, text) = (literal.span().start().line, literal.to_string());
                if let Some((_, inside)) = text.split_once('"') {
                    let inside = inside.trim_end_matches('#').trim_end_matches('"');
                    literals.push((line, joined(inside)));
                }
            }
            _ => is_attribute = false,
        }
    }
}

/// A literal without the line breaks that a backslash escapes.
fn joined(literal: &str) -> String {
    let mut lines = literal.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| text + line.trim_start())
}

fn words(statement: &str) -> impl Iterator<Item = &str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    statement
        .split(move |letter| !is_part(letter))
        .filter(|word| !word.is_empty())
}

//! Words that were replaced by the field's terms and must not come back.

use super::{Source, assert_none, read_all};

/// Replaced everywhere. A layer that has lost another of its private words adds it here.
const EVERYWHERE: [&str; 25] = [
    "|it|",
    "LONGEST_",
    "DEEPEST_",
    "ask_for_a_sign",
    "came to be",
    "FAREWELL",
    "Fitting",
    "is_bearable",
    "keep_out",
    "leaves the house",
    "neglected",
    "NOWHERE",
    "Occasion",
    "planted",
    "REFLECTIONS",
    "REFLECTING_LISTS",
    "settle_decoys",
    "step_back",
    "tamed",
    "Undelivered",
    "UnderWay",
    "UNLESS_SAID",
    "waiting_in_vain",
    "What comes of",
    "Whom to",
];

/// Replaced in these places so far.
const IN_PLACES: [(&str, &[&str]); 3] = [
    ("src/", &["MOST_"]),
    ("src/schema/", &["hoever"]),
    (
        "schema/",
        &["came to be", "hoever", "obody", "omebody", "nybody"],
    ),
];

#[test]
fn replaced_words_do_not_come_back() {
    let sources = read_all(&["src", "tests", "fuzz/src", "queries", "docs", "schema"]);
    let is_this = |source: &&Source| source.path == "tests/architecture/words.rs";
    let found: Vec<String> = sources
        .iter()
        .filter(|source| !is_this(source))
        .flat_map(|source| {
            let places = IN_PLACES
                .iter()
                .filter(|(place, _)| source.path.starts_with(place));
            let words = places.flat_map(|(_, words)| *words).chain(&EVERYWHERE);
            let found = words.filter(|word| source.text.contains(**word));
            found.map(|word| format!("{}: {word}", source.path))
        })
        .collect();
    assert_none(&found);
}

//! Words that were replaced by the field's terms and must not come back.

use super::{Source, assert_none, read_all};

/// Replaced everywhere. A layer that has lost another of its private words adds it here.
const EVERYWHERE: [&str; 35] = [
    "|it|",
    "LONGEST",
    "DEEPEST_",
    "ask_for_a_sign",
    "came to be",
    "FAREWELL",
    "Fitting",
    "instead_of",
    "is_bearable",
    "keep_out",
    "KnownSession",
    "leaves the house",
    "Ledger",
    "Meant::",
    "neglected",
    "NOWHERE",
    "Occasion",
    "obstacle",
    "planted",
    ".proven_at",
    ".proven_by(",
    "REFLECTIONS",
    "REFLECTING_LISTS",
    "serving_admins",
    "settle_decoys",
    "spent_proof",
    "step_back",
    "tamed",
    "Undelivered",
    "UnderWay",
    "UNLESS_SAID",
    "waiting_in_vain",
    "What comes of",
    "whole_at",
    "Whom to",
];

/// Replaced in these places so far.
const IN_PLACES: [(&[&str], &[&str]); 4] = [
    (&["src/"], &["MOST_"]),
    (&["src/schema/"], &["hoever"]),
    (
        &[
            "benches/",
            "docs/",
            "examples/",
            "queries/",
            "schema/",
            "scripts/",
            "web/",
        ],
        &["hoever", "omebody", "nybody", "verybody"],
    ),
    (&["docs/", "queries/", "schema/"], &["obody"]),
];

#[test]
fn replaced_words_do_not_come_back() {
    let places = IN_PLACES.iter().flat_map(|(places, _)| *places);
    let places: Vec<&str> = places.copied().chain(["tests/", "fuzz/src/"]).collect();
    let sources = read_all(&places);
    let is_this = |source: &&Source| source.path == "tests/architecture/words.rs";
    let found: Vec<String> = sources
        .iter()
        .filter(|source| !is_this(source))
        .flat_map(|source| {
            let places = IN_PLACES
                .iter()
                .filter(|(places, _)| places.iter().any(|place| source.path.starts_with(place)));
            let words = places.flat_map(|(_, words)| *words).chain(&EVERYWHERE);
            let found = words.filter(|word| source.text.contains(**word));
            found.map(|word| format!("{}: {word}", source.path))
        })
        .collect();
    assert_none(&found);
}

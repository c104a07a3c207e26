//! Names of words that no message uses.

use std::collections::BTreeSet;
use std::sync::Arc;

use unic_langid::LanguageIdentifier;

use crate::messages::catalog::Catalog;
use crate::messages::sources::Problem;

/// Reports words that no message uses: a mistyped name would silently change nothing.
pub(in crate::messages) fn check_names<'a>(
    catalog: &Catalog,
    embedded: impl Iterator<Item = &'a (&'a LanguageIdentifier, Arc<Catalog>)>,
    problems: &mut Vec<Problem>,
) {
    let known: BTreeSet<&str> = embedded
        .flat_map(|(_, catalog)| catalog.names.iter().map(|(name, _)| name.as_str()))
        .collect();
    for (name, line) in &catalog.names {
        if known.contains(name.as_str()) {
            continue;
        }
        let nearest = known
            .iter()
            .min_by_key(|known| strsim::damerau_levenshtein(known, name));
        problems.push(Problem {
            place: format!("{}:{line}, {name}", catalog.file),
            reason: "no message uses these words".to_owned(),
            remedy: nearest.map_or_else(
                || "remove them".to_owned(),
                |nearest| format!("did you mean {nearest}?"),
            ),
        });
    }
}

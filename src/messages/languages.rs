//! Choosing among the available languages.

use unic_langid::{CharacterDirection, LanguageIdentifier};

/// Longer than any sensible tag, which may be any input.
const MAX_TAG_BYTES: usize = 64;

/// The position of the language that matches a tag best, if any does.
///
/// The lookup of RFC 4647 §3.4: the tag is truncated until it matches, so that `fr-CA` finds `fr`.
/// Failing that, another region's variety is better than none: `pt` finds `pt-BR`.
pub(super) fn best_match(wanted: &str, available: &[&LanguageIdentifier]) -> Option<usize> {
    if wanted.len() > MAX_TAG_BYTES {
        return None;
    }
    let mut rest = wanted;
    loop {
        let tag = rest.parse::<LanguageIdentifier>();
        let is_it = |one: &&LanguageIdentifier| tag.as_ref().is_ok_and(|tag| tag == *one);
        if let Some(position) = available.iter().position(is_it) {
            return Some(position);
        }
        match rest.rsplit_once(['-', '_']) {
            Some((shorter, _)) => rest = shorter,
            None => break,
        }
    }
    let tag = rest.parse::<LanguageIdentifier>().ok()?;
    // A script of only one of the two may be one that the user cannot read.
    let is_alike = |one: &&LanguageIdentifier| one.language == tag.language && one.script.is_none();
    available.iter().position(is_alike)
}

/// The number of languages of a header that are considered.
const MAX_TAGS: usize = 20;

/// The position of the language that matches an `Accept-Language` header best (RFC 9110 §12.5.4).
pub(super) fn preferred(header: &str, available: &[&LanguageIdentifier]) -> Option<usize> {
    let mut wanted: Vec<(&str, f32)> = header
        .split(',')
        .take(MAX_TAGS)
        .map(|item| {
            let (tag, parameters) = item.split_once(';').unwrap_or((item, ""));
            let weight = parameters.trim().strip_prefix("q=");
            let weight = weight.map_or(Some(1.0), |weight| weight.parse().ok());
            (tag.trim(), weight.unwrap_or(0.0))
        })
        .filter(|(_, weight)| *weight > 0.0)
        .collect();
    wanted.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    wanted
        .into_iter()
        .find_map(|(tag, _)| best_match(tag, available))
}

/// The value of HTML's `dir` for this language.
pub(super) fn direction(language: &LanguageIdentifier) -> &'static str {
    match language.character_direction() {
        CharacterDirection::RTL => "rtl",
        CharacterDirection::LTR | CharacterDirection::TTB => "ltr",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_finds_the_nearest_language() {
        let available: Vec<LanguageIdentifier> = ["en", "fr", "pt-BR", "zh-Hant", "de", "de-CH"]
            .iter()
            .map(|tag| tag.parse().unwrap())
            .collect();
        let available: Vec<&LanguageIdentifier> = available.iter().collect();
        for (wanted, found) in [
            ("fr", Some(1)),
            ("fr-CA", Some(1)),
            ("FR_ca", Some(1)),
            ("fr-CA-x-private", Some(1)),
            ("de-CH", Some(5)),
            ("de-CH-1996", Some(5)),
            ("de-u-co-phonebk", Some(4)),
            ("pt", Some(2)),
            ("pt-PT", Some(2)),
            ("zh-Hant-TW", Some(3)),
            ("zh", None),
            ("zh-Hans", None),
            ("ja", None),
            ("", None),
            ("-", None),
            ("not a tag", None),
        ] {
            assert_eq!(best_match(wanted, &available), found, "{wanted:?}");
        }
        assert_eq!(best_match(&"fr-".repeat(1_000_000), &available), None);
    }

    #[test]
    fn a_header_names_languages_by_weight() {
        let available: Vec<LanguageIdentifier> = ["en", "fr"]
            .iter()
            .map(|tag| tag.parse().unwrap())
            .collect();
        let available: Vec<&LanguageIdentifier> = available.iter().collect();
        for (header, found) in [
            ("fr", Some(1)),
            ("fr-CA,fr;q=0.9,en;q=0.8", Some(1)),
            ("en;q=0.1, fr;q=0.2", Some(1)),
            ("de, fr;q=0.5", Some(1)),
            ("fr;q=0, en", Some(0)),
            ("fr;q=NaN, en", Some(0)),
            ("fr;q=x, en;q=0.1", Some(0)),
            ("de", None),
            ("*", None),
            ("", None),
            (";;,,;q=", None),
        ] {
            assert_eq!(preferred(header, &available), found, "{header:?}");
        }
        assert_eq!(preferred(&"de,".repeat(1_000_000), &available), None);
    }

    #[test]
    fn arabic_and_hebrew_are_right_to_left() {
        for (tag, expected) in [("en", "ltr"), ("fr", "ltr"), ("ar", "rtl"), ("he", "rtl")] {
            assert_eq!(direction(&tag.parse().unwrap()), expected);
        }
    }
}

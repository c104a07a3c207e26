//! Which of the languages there are a person gets.

use unic_langid::{CharacterDirection, LanguageIdentifier};

/// Longer than any sensible tag; people write these themselves.
const LONGEST_TAG: usize = 64;

/// The position of the language that suits a tag, if one does.
///
/// The lookup of RFC 4647 §3.4: the tag loses its last part until something fits, so that
/// `fr-CA` finds `fr`. Where that fails, another region's variety is better than none: `pt` finds
/// `pt-BR`.
pub(super) fn chosen(wanted: &str, there_are: &[&LanguageIdentifier]) -> Option<usize> {
    if wanted.len() > LONGEST_TAG {
        return None;
    }
    let mut rest = wanted;
    loop {
        let tag = rest.parse::<LanguageIdentifier>();
        let is_it = |one: &&LanguageIdentifier| tag.as_ref().is_ok_and(|tag| tag == *one);
        if let Some(position) = there_are.iter().position(is_it) {
            return Some(position);
        }
        match rest.rsplit_once(['-', '_']) {
            Some((shorter, _)) => rest = shorter,
            None => break,
        }
    }
    let tag = rest.parse::<LanguageIdentifier>().ok()?;
    // A script that was asked for, or that only the file has, may be one the person cannot read.
    let is_alike = |one: &&LanguageIdentifier| one.language == tag.language && one.script.is_none();
    there_are.iter().position(is_alike)
}

/// How many languages of a header are looked at.
const MOST_TAGS: usize = 20;

/// The position of the language that suits an `Accept-Language` header best (RFC 9110 §12.5.4).
pub(super) fn preferred(header: &str, there_are: &[&LanguageIdentifier]) -> Option<usize> {
    let mut wanted: Vec<(&str, f32)> = header
        .split(',')
        .take(MOST_TAGS)
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
        .find_map(|(tag, _)| chosen(tag, there_are))
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
        let there_are: Vec<LanguageIdentifier> = ["en", "fr", "pt-BR", "zh-Hant", "de", "de-CH"]
            .iter()
            .map(|tag| tag.parse().unwrap())
            .collect();
        let there_are: Vec<&LanguageIdentifier> = there_are.iter().collect();
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
            assert_eq!(chosen(wanted, &there_are), found, "{wanted:?}");
        }
        assert_eq!(chosen(&"fr-".repeat(1_000_000), &there_are), None);
    }

    #[test]
    fn a_header_names_languages_by_weight() {
        let there_are: Vec<LanguageIdentifier> = ["en", "fr"]
            .iter()
            .map(|tag| tag.parse().unwrap())
            .collect();
        let there_are: Vec<&LanguageIdentifier> = there_are.iter().collect();
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
            assert_eq!(preferred(header, &there_are), found, "{header:?}");
        }
        assert_eq!(preferred(&"de,".repeat(1_000_000), &there_are), None);
    }

    #[test]
    fn arabic_and_hebrew_run_from_the_right() {
        for (tag, direction_of_it) in [("en", "ltr"), ("fr", "ltr"), ("ar", "rtl"), ("he", "rtl")] {
            assert_eq!(direction(&tag.parse().unwrap()), direction_of_it);
        }
    }
}

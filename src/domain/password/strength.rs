//! Rating how hard a password is to guess, at a bounded cost.
//!
//! zxcvbn looks up every substring in every dictionary, once for each way to read digits and symbols
//! as letters. A hundred ambiguous characters took a second; [`MAX_RATED`], [`MAX_READINGS`] and
//! [`MAX_WORDS`] keep the worst text that a search found below three milliseconds.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;
use zxcvbn::matching::Match;
use zxcvbn::matching::patterns::MatchPattern;
use zxcvbn::{Score, zxcvbn};

use super::Password;

/// Characters that are rated. A weak prefix of this length is not saved by what follows.
const MAX_RATED: usize = 40;
/// Readings of the rated characters as words.
const MAX_READINGS: usize = 16;
/// Words about the user that are compared.
const MAX_WORDS: usize = 16;
/// Characters of such a word; a longer one cannot occur in what is rated.
const MAX_WORD: usize = MAX_RATED;
/// Shorter parts of an address or a name occur in strong passwords by chance.
const MIN_PIECE: usize = 3;

/// The letters that zxcvbn reads in other characters.
const LOOKALIKES: [(char, &str); 12] = [
    ('a', "4@"),
    ('b', "8"),
    ('c', "({[<"),
    ('e', "3"),
    ('g', "69"),
    ('i', "1!|"),
    ('l', "1|7"),
    ('o', "0"),
    ('s', "$5"),
    ('t', "+7"),
    ('x', "%"),
    ('z', "2"),
];

/// Words about the user, whole and in parts, which an attacker tries first.
#[derive(Clone, Default)]
pub struct UserInputs(Vec<String>);

impl UserInputs {
    /// Splits addresses and names into words, reading no more than is compared.
    #[must_use]
    pub fn new(texts: &[&str]) -> Self {
        let texts: Vec<String> = texts.iter().map(|text| folded(text)).collect();
        let is_letter = |character: char| character.is_alphanumeric();
        let pieces = texts
            .iter()
            .flat_map(|text| text.split(|character| !is_letter(character)))
            .filter(|piece| piece.chars().count() >= MIN_PIECE);
        let whole = texts.iter().map(String::as_str);
        let words = whole.filter(|text| !text.is_empty()).chain(pieces);
        Self(words.take(MAX_WORDS).map(str::to_owned).collect())
    }
}

fn folded(text: &str) -> String {
    // Truncated before normalization and again after, since both steps can lengthen it.
    let bounded: String = text.trim().chars().take(MAX_WORD).collect();
    let lower = bounded.nfkc().flat_map(char::to_lowercase);
    lower.take(MAX_WORD).collect()
}

/// Why the password is too easy to guess, if it is.
pub(super) fn weakness(
    password: &Password,
    min_score: u8,
    user_inputs: &UserInputs,
) -> Option<String> {
    let rated = rated(&password.normalized());
    let words: Vec<&str> = user_inputs.0.iter().map(String::as_str).collect();
    let rating = zxcvbn(&rated, &words);
    if is_common(rating.sequence()) {
        return Some("This is a common password or word. Choose another one.".to_owned());
    }
    if rank(rating.score()) >= min_score {
        return None;
    }
    let warning = rating
        .feedback()
        .and_then(zxcvbn::feedback::Feedback::warning);
    Some(match warning {
        Some(warning) => format!("Choose a password that is harder to guess. {warning}"),
        None => "Choose a password that is harder to guess. Several uncommon words work well."
            .to_owned(),
    })
}

/// The prefix of a password with a bounded number of readings: further lookalikes are replaced by the
/// letters that they look like, which never makes a password look stronger.
fn rated(text: &str) -> Zeroizing<String> {
    let mut rated = Zeroizing::new(String::with_capacity(MAX_RATED * 4));
    let mut kept = Vec::new();
    for character in text.chars().take(MAX_RATED) {
        let looks_like = LOOKALIKES
            .iter()
            .find(|(_, lookalikes)| lookalikes.contains(character));
        let Some((letter, _)) = looks_like else {
            rated.push(character);
            continue;
        };
        if !kept.contains(&character) {
            kept.push(character);
            if readings(&kept) > MAX_READINGS {
                kept.pop();
                rated.push(*letter);
                continue;
            }
        }
        rated.push(character);
    }
    rated
}

/// The number of ways to assign lookalikes to letters. A lookalike of two letters is assigned to
/// either in turn.
fn readings(lookalikes: &[char]) -> usize {
    let of = |letter: char| {
        let all = LOOKALIKES.iter().find(|(of, _)| *of == letter);
        let all = all.map_or("", |(_, all)| *all);
        let mut present: Vec<Option<char>> = lookalikes
            .iter()
            .filter(|lookalike| all.contains(**lookalike))
            .map(|lookalike| Some(*lookalike))
            .collect();
        if present.is_empty() {
            present.push(None);
        }
        present
    };
    let alone: usize = "abcegosxz".chars().map(|letter| of(letter).len()).product();
    let mut entangled = 0;
    for i in of('i') {
        for l in of('l') {
            for t in of('t') {
                let shared = |left: Option<char>, right| left.is_some() && left == right;
                entangled += 1 << (usize::from(shared(i, l)) + usize::from(shared(l, t)));
            }
        }
    }
    alone * entangled
}

/// Whether the whole password is in one of zxcvbn's dictionaries, in any case: attackers try these
/// first, whatever strength is required.
fn is_common(sequence: &[Match]) -> bool {
    let [
        Match {
            pattern: MatchPattern::Dictionary(found),
            ..
        },
    ] = sequence
    else {
        return false;
    };
    !found.reversed && !found.l33t
}

fn rank(score: Score) -> u8 {
    match score {
        Score::Zero => 0,
        Score::One => 1,
        Score::Two => 2,
        Score::Three => 3,
        // The library may grow, but only upwards.
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// zxcvbn's own enumeration, counted: letter by letter, each with each of its lookalikes, and
    /// twice where the lookalike is already assigned to another letter.
    fn enumerated(lookalikes: &[char]) -> usize {
        let mut found: Vec<Vec<(char, char)>> = vec![Vec::new()];
        for (letter, all) in LOOKALIKES {
            let present: Vec<char> = all
                .chars()
                .filter(|character| lookalikes.contains(character))
                .collect();
            if present.is_empty() {
                continue;
            }
            let mut next = Vec::new();
            for lookalike in present {
                for reading in &found {
                    let mut with: Vec<_> = reading
                        .iter()
                        .copied()
                        .filter(|(taken, _)| *taken != lookalike)
                        .collect();
                    if with.len() < reading.len() {
                        next.push(reading.clone());
                    }
                    with.push((lookalike, letter));
                    next.push(with);
                }
            }
            found = next;
        }
        found.len()
    }

    /// A lookalike that the library adds would not be bounded here.
    #[test]
    fn the_lookalikes_are_those_of_the_library() {
        let others = (' '..='~').chain('\u{a1}'..='\u{ff}');
        for character in others.filter(|character| !character.is_alphabetic()) {
            for letter in 'a'..='z' {
                let word = format!("qx{letter}vkjw");
                let rating = zxcvbn(&format!("qx{character}vkjw"), &[&word]);
                let seen = matches!(
                    rating.sequence(),
                    [Match { pattern: MatchPattern::Dictionary(found), .. }] if found.l33t
                );
                let (_, all) = LOOKALIKES
                    .into_iter()
                    .find(|(of, _)| *of == letter)
                    .unwrap_or_default();
                assert_eq!(seen, all.contains(character), "{character} as {letter}");
            }
        }
    }

    #[test]
    fn what_people_type_is_rated_as_it_is() {
        for text in [
            "correct horse battery staple",
            "P@ssw0rd!1",
            "Tr0ub4dor&3",
            "0123456789",
            "!@#$%^&*()_+",
            "l0ve 2 5ing",
            "19.04.2017",
        ] {
            assert_eq!(*rated(text), text);
        }
    }

    #[test]
    fn more_lookalikes_do_not_hide_a_word() {
        let all = "4@8({[<3691!|70$5+%2";
        assert!(readings(&all.chars().collect::<Vec<_>>()) > 500);
        let rated = rated(&format!("{all}p@$$w0rd"));
        // Only the word: of several equally cheap ways to split the text, zxcvbn reports any.
        let word: String = rated.chars().skip(all.len()).collect();
        let rating = zxcvbn(&word, &[]);
        let found = rating.sequence().iter().any(|found| match &found.pattern {
            MatchPattern::Dictionary(found) => found.matched_word == "password",
            _ => false,
        });
        assert!(found, "{}", *rated);
    }

    #[test]
    fn a_long_walk_to_and_fro_on_a_keyboard_is_rated() {
        for step in ["98", "qw", "po", "!@", "`1", "/*"] {
            let text = step.repeat(MAX_RATED);
            for start in ["", "1", "199"] {
                let text = format!("{start}{text}");
                let rating = zxcvbn(&rated(&text), &[]);
                assert!(rating.guesses() > 0, "{text}");
            }
        }
    }

    #[test]
    fn the_person_is_known_by_few_and_short_words() {
        let name = "ab1 ".repeat(100);
        let address = format!("{}@example.com", "a".repeat(200));
        let words = UserInputs::new(&[&address, "", &name, "Wolfe", &"\u{fdfa}".repeat(500)]);
        assert_eq!(words.0.len(), MAX_WORDS);
        assert!(words.0.iter().all(|word| word.chars().count() <= MAX_WORD));
        assert!(words.0.contains(&"wolfe".to_owned()), "{:?}", words.0);
        assert!(UserInputs::new(&["", "  "]).0.is_empty());
    }

    proptest! {
        /// The bound that these two ensure: a rating looks up at most
        /// `(readings + 2) * lists * substrings`, whatever the text.
        #[test]
        fn nothing_longer_and_with_more_readings_is_rated(
            text in prop_oneof![
                "\\PC{0,256}",
                "[4@8(\\[{<3691!|70$5+%2]{1,256}",
                "[1!|7+il0-9]{1,256}",
                "[ -~]{1,256}",
            ],
        ) {
            let rated = rated(&text);
            prop_assert!(rated.chars().count() == text.chars().count().min(MAX_RATED));
            let found: Vec<char> = LOOKALIKES
                .iter()
                .flat_map(|(_, all)| all.chars())
                .filter(|lookalike| rated.contains(*lookalike))
                .collect();
            prop_assert!(enumerated(&found) <= MAX_READINGS, "{}", *rated);
        }

        #[test]
        fn readings_are_counted_as_the_library_enumerates_them(
            lookalikes in prop::sample::subsequence("4@8({[<3691!|70$5+%2".chars().collect::<Vec<_>>(), 0..=20),
        ) {
            prop_assert_eq!(readings(&lookalikes), enumerated(&lookalikes));
        }
    }
}

//! The public id of a user: short enough to read out, and without meaning.

use std::fmt;

/// Crockford's base32: no I, L, O or U, so nothing is misread and case does not matter.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Five bits each: 60 bits, so that collisions do not happen by chance.
const CHARACTERS: u32 = 12;

/// A public id. It never changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pid(String);

impl Pid {
    /// A new id from random bytes.
    #[must_use]
    pub fn from_random(random: [u8; 8]) -> Self {
        let bits = u64::from_be_bytes(random);
        let character = |place: u32| {
            let index = bits >> (place * 5) & 31;
            ALPHABET
                .iter()
                .zip(0..)
                .find(|&(_, at)| at == index)
                .map(|(&letter, _)| letter)
        };
        Self(
            (0..CHARACTERS)
                .rev()
                .filter_map(character)
                .map(char::from)
                .collect(),
        )
    }

    /// The id as displayed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<Pid> for String {
    fn from(pid: Pid) -> Self {
        pid.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_is_made_of_the_low_sixty_bits() {
        assert_eq!(Pid::from_random([0; 8]).as_str(), "000000000000");
        assert_eq!(Pid::from_random([255; 8]).as_str(), "ZZZZZZZZZZZZ");
        assert_eq!(
            Pid::from_random(0x21_u64.to_be_bytes()).as_str(),
            "000000000011"
        );
    }

    proptest! {
        #[test]
        fn every_one_has_twelve_characters_of_the_alphabet(random: [u8; 8]) {
            let pid = Pid::from_random(random);
            prop_assert_eq!(pid.as_str().len(), 12);
            prop_assert!(pid.as_str().bytes().all(|letter| ALPHABET.contains(&letter)));
        }

        #[test]
        fn different_bits_give_different_ones(first in 0_u64..1 << 60, second in 0_u64..1 << 60) {
            let pid = |bits: u64| Pid::from_random(bits.to_be_bytes());
            prop_assert_eq!(pid(first) == pid(second), first == second);
        }
    }
}

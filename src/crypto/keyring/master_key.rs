//! The master key: its text form, its public id and the derivation of subkeys.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use hkdf::Hkdf;
use secrecy::SecretString;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::crypto::random::Random;
use crate::crypto::seal::KEY_BYTES;

/// The length of a master key's public id in bytes.
pub(super) const ID_BYTES: usize = 4;

/// The key that every other secret key is derived from; wiped when dropped.
pub struct MasterKey(Zeroizing<[u8; KEY_BYTES]>);

/// Why a text is not a master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// The text is not base64, in the standard or the URL alphabet.
    #[error(
        "a master key is 32 random bytes in base64, for instance from `openssl rand -base64 32`"
    )]
    NotBase64,
    /// It decodes to another length than that of a key.
    #[error("a master key has 32 bytes, this one has {0}")]
    WrongLength(usize),
    /// All bytes are equal: a placeholder that was never replaced.
    #[error("this master key is a placeholder: all its bytes are the same")]
    Placeholder,
}

impl MasterKey {
    /// A new random master key.
    #[must_use]
    pub fn generate(random: &Random) -> Self {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        random.fill(key.as_mut_slice());
        Self(key)
    }

    /// Parses base64 in either alphabet, padded or not.
    ///
    /// # Errors
    /// See [`MasterKeyError`]; no variant repeats the text.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim();
        let bytes = [base64::alphabet::URL_SAFE, base64::alphabet::STANDARD]
            .iter()
            .find_map(|alphabet| lenient(alphabet).decode(text).ok())
            .map(Zeroizing::new)
            .ok_or(MasterKeyError::NotBase64)?;
        let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice())
            .map(Zeroizing::new)
            .map_err(|_| MasterKeyError::WrongLength(bytes.len()))?;
        if key.iter().all(|byte| Some(byte) == key.first()) {
            return Err(MasterKeyError::Placeholder);
        }
        Ok(Self(key))
    }

    /// The text that [`Self::parse`] reads, without characters that shells or URLs interpret.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        SecretString::from(URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }

    /// The public id of this key: derived from it, but reveals nothing about it.
    #[must_use]
    pub fn id(&self) -> [u8; ID_BYTES] {
        let [first, second, third, fourth, ..] = *self.derive("id");
        [first, second, third, fourth]
    }

    /// HKDF-SHA256 (RFC 5869), without salt: the input is uniformly random.
    pub(super) fn derive(&self, label: &str) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut subkey = Zeroizing::new([0; KEY_BYTES]);
        let info = [b"idgate/1/", label.as_bytes()].concat();
        if Hkdf::<Sha256>::new(None, self.0.as_slice())
            .expand(&info, subkey.as_mut())
            .is_err()
        {
            unreachable!("HKDF-SHA256 gives up to 8160 bytes");
        }
        subkey
    }
}

fn lenient(alphabet: &base64::alphabet::Alphabet) -> GeneralPurpose {
    let padding = DecodePaddingMode::Indifferent;
    GeneralPurpose::new(
        alphabet,
        GeneralPurposeConfig::new().with_decode_padding_mode(padding),
    )
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MasterKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_text_form_reads_back() {
        let key = MasterKey::generate(&Random::seeded(1));
        let text = key.to_text();
        let read = MasterKey::parse(text.expose_secret()).unwrap();
        assert_eq!(read.id(), key.id());
        assert_eq!(*read.derive("x"), *key.derive("x"));
    }

    #[test]
    fn both_alphabets_read_with_and_without_padding() {
        let standard = "+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8=";
        let id = MasterKey::parse(standard).unwrap().id();
        for text in [
            standard.trim_end_matches('=').to_owned(),
            standard.replace('+', "-").replace('/', "_"),
            format!("  {standard}\n"),
        ] {
            assert_eq!(MasterKey::parse(&text).unwrap().id(), id);
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_repeated() {
        let refusal = |text: &str| MasterKey::parse(text).unwrap_err();
        assert_eq!(refusal("changeme!"), MasterKeyError::NotBase64);
        assert_eq!(refusal(""), MasterKeyError::WrongLength(0));
        assert_eq!(refusal("c2hvcnQ="), MasterKeyError::WrongLength(5));
        assert_eq!(refusal(&"A".repeat(43)), MasterKeyError::Placeholder);
        assert!(!refusal("changeme!").to_string().contains("changeme"));
    }

    #[test]
    fn labels_and_keys_give_unrelated_subkeys() {
        let (first, second) = (
            MasterKey::generate(&Random::seeded(1)),
            MasterKey::generate(&Random::seeded(2)),
        );
        assert_ne!(*first.derive("a"), *first.derive("b"));
        assert_ne!(*first.derive("a"), *second.derive("a"));
        assert_ne!(first.id(), second.id());
        assert_eq!(format!("{first:?}"), "MasterKey(***)");
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd_to_read(text: String) {
            let _ = MasterKey::parse(&text);
        }
    }
}

//! Authenticated encryption of values at rest: AES-256-GCM with a random nonce.
//!
//! Rotating keys are in the keyring.

use std::fmt;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

use super::random::Random;

/// The length of a sealing key in bytes.
pub const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// A key that seals and opens values; wiped when dropped.
pub struct SealingKey(Box<Aes256Gcm>);

/// Why a sealed value did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The bytes are too short or have an unknown layout.
    #[error("the sealed value has an unknown layout")]
    Malformed,
    /// No known key sealed it.
    #[error("the key that sealed the value is not known here")]
    UnknownKey,
    /// The value was changed, moved, or sealed under another key.
    #[error("the sealed value is not authentic")]
    NotAuthentic,
}

impl SealingKey {
    /// Takes the key material; the caller wipes its own copy.
    #[must_use]
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(Box::new(Aes256Gcm::new(key.into())))
    }

    /// Takes key material of unknown length, such as an unsealed key.
    #[must_use]
    pub fn from_slice(key: &[u8]) -> Option<Self> {
        key.try_into().ok().map(Self::new)
    }

    /// Seals the value: nonce, ciphertext, tag.
    ///
    /// `aad` binds it to its place, such as a row and a column: opening requires the same, so a
    /// sealed value cannot be moved. Nonces are random: NIST SP 800-38D §8.3 permits 2^32 of them
    /// per key, far more than one purpose or user needs.
    #[must_use]
    pub fn seal(&self, random: &Random, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = random.bytes();
        let Ok(ciphertext) = self.0.encrypt(&nonce.into(), Payload { msg: plain, aad }) else {
            unreachable!("AES-GCM seals everything below 64 GiB");
        };
        let mut sealed = Vec::with_capacity(NONCE_BYTES + ciphertext.len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        sealed
    }

    /// Opens what [`Self::seal`] made with the same `aad`.
    ///
    /// # Errors
    /// [`OpenError::Malformed`] for bytes too short to be sealed, else [`OpenError::NotAuthentic`].
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (nonce, ciphertext) = sealed
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(OpenError::Malformed)?;
        self.0
            .decrypt(
                &(*nonce).into(),
                Payload {
                    msg: ciphertext,
                    aad,
                },
            )
            .map(Zeroizing::new)
            .map_err(|_| OpenError::NotAuthentic)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SealingKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> SealingKey {
        SealingKey::new(&[7; KEY_BYTES])
    }

    /// Test case 16 of the GCM specification: 256-bit key, 96-bit nonce, associated data.
    #[test]
    fn a_published_test_vector_opens() {
        let bytes = |text: &str| -> Vec<u8> {
            let pairs = text.as_bytes().chunks(2);
            pairs
                .map(|p| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap())
                .collect()
        };
        let key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let sealed = bytes(
            "cafebabefacedbaddecaf888522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
             8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
        );
        let plain = bytes(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e24\
             49a6b525b16aedf5aa0de657ba637b39",
        );
        let aad = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let opened = SealingKey::new(&key.try_into().unwrap())
            .open(&aad, &sealed)
            .unwrap();
        assert_eq!(*opened, plain);
    }

    #[test]
    fn sealing_twice_gives_different_bytes() {
        let random = Random::seeded(1);
        assert_ne!(
            key().seal(&random, b"", b"plain"),
            key().seal(&random, b"", b"plain")
        );
    }

    #[test]
    fn key_material_of_another_length_is_no_key() {
        let sealed = key().seal(&Random::seeded(1), b"", b"plain");
        assert!(
            SealingKey::from_slice(&[7; KEY_BYTES])
                .unwrap()
                .open(b"", &sealed)
                .is_ok()
        );
        assert!(SealingKey::from_slice(&[7; KEY_BYTES - 1]).is_none());
    }

    #[test]
    fn a_debugged_key_shows_nothing() {
        assert_eq!(format!("{:?}", key()), "SealingKey(***)");
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(seed: u64, aad: Vec<u8>, plain: Vec<u8>) {
            let sealed = key().seal(&Random::seeded(seed), &aad, &plain);
            prop_assert_eq!(key().open(&aad, &sealed).unwrap().to_vec(), plain);
        }

        #[test]
        fn a_flipped_bit_does_not_open(seed: u64, plain: Vec<u8>, place: prop::sample::Index, bit in 0..8) {
            let mut sealed = key().seal(&Random::seeded(seed), b"row", &plain);
            let index = place.index(sealed.len());
            sealed[index] ^= 1_u8 << bit;
            prop_assert_eq!(key().open(b"row", &sealed).unwrap_err(), OpenError::NotAuthentic);
        }

        #[test]
        fn another_key_or_place_does_not_open(seed: u64, plain: Vec<u8>) {
            let sealed = key().seal(&Random::seeded(seed), b"row 1", &plain);
            prop_assert!(key().open(b"row 2", &sealed).is_err());
            prop_assert!(SealingKey::new(&[8; KEY_BYTES]).open(b"row 1", &sealed).is_err());
        }

        #[test]
        fn junk_and_cut_values_are_refused(junk: Vec<u8>) {
            prop_assert!(key().open(b"", &junk).is_err());
        }
    }
}

//! The master keys and the subkeys derived from them, one pair per purpose.
//!
//! Values are sealed and authenticated under the current master key; values from previous master
//! keys still open, because every envelope and every MAC names its master key. Where a master key
//! comes from (environment, file, data directory) is decided above.

mod master_key;

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use self::master_key::ID_BYTES;
pub use self::master_key::{MasterKey, MasterKeyError};
use super::random::Random;
use super::seal::{OpenError, SealingKey};

const MAC_BYTES: usize = 32;
/// The layout `version | master key id | nonce | ciphertext and tag`.
const ENVELOPE_VERSION: u8 = 1;

/// What a derived key is for; a value made for one purpose is worthless for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Private halves of the keys that sign access tokens.
    SigningKeys,
    /// Payloads of messages that wait for delivery.
    Outbox,
    /// The key of each person, under which audit details about that person are sealed.
    PersonKeys,
    /// Audit details that belong to no account.
    AuditUnattributed,
    /// Proof that an audit row was written by us.
    AuditMac,
    /// Keyed hashes that let sealed values be looked up.
    BlindIndex,
    /// The token of a device that signed in before.
    DeviceToken,
    /// One-time codes in flight.
    Codes,
}

impl Purpose {
    /// Part of the key derivation: changing one makes every value of that purpose unreadable.
    const fn label(self) -> &'static str {
        match self {
            Self::SigningKeys => "signing-keys",
            Self::Outbox => "outbox",
            Self::PersonKeys => "person-keys",
            Self::AuditUnattributed => "audit-unattributed",
            Self::AuditMac => "audit-mac",
            Self::BlindIndex => "blind-index",
            Self::DeviceToken => "device-token",
            Self::Codes => "codes",
        }
    }
}

/// All subkeys of the current and the previous master keys, derived once.
pub struct Keyring {
    current: Subkeys,
    previous: Vec<Subkeys>,
}

struct Subkeys {
    id: [u8; ID_BYTES],
    signing_keys: Subkey,
    outbox: Subkey,
    person_keys: Subkey,
    audit_unattributed: Subkey,
    audit_mac: Subkey,
    blind_index: Subkey,
    device_token: Subkey,
    codes: Subkey,
}

/// Two keys for one purpose, so that no key ever serves two algorithms.
struct Subkey {
    sealing: SealingKey,
    mac: Hmac<Sha256>,
}

impl Keyring {
    /// Derives all subkeys; the master keys are wiped on return.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the keyring is the last owner of the keys"
    )]
    pub fn new(current: MasterKey, previous: Vec<MasterKey>) -> Self {
        Self {
            current: Subkeys::derive(&current),
            previous: previous.iter().map(Subkeys::derive).collect(),
        }
    }

    /// Seals a value under the current master key, bound to its purpose and to `aad`.
    #[must_use]
    pub fn seal(&self, purpose: Purpose, random: &Random, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut envelope = vec![ENVELOPE_VERSION];
        envelope.extend_from_slice(&self.current.id);
        let bound = [envelope.as_slice(), aad].concat();
        envelope.extend(self.current.of(purpose).sealing.seal(random, &bound, plain));
        envelope
    }

    /// Opens an envelope that any known master key sealed for this purpose and `aad`.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(
        &self,
        purpose: Purpose,
        aad: &[u8],
        envelope: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (&version, rest) = envelope.split_first().ok_or(OpenError::Malformed)?;
        let (id, sealed) = rest
            .split_first_chunk::<ID_BYTES>()
            .ok_or(OpenError::Malformed)?;
        if version != ENVELOPE_VERSION {
            return Err(OpenError::Malformed);
        }
        let subkeys = self.find(*id).ok_or(OpenError::UnknownKey)?;
        let bound = [&[version], id.as_slice(), aad].concat();
        subkeys.of(purpose).sealing.open(&bound, sealed)
    }

    /// A MAC over the parts under the current master key: its id, then HMAC-SHA256.
    #[must_use]
    pub fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> Vec<u8> {
        let code = self
            .current
            .of(purpose)
            .authenticate(parts)
            .finalize()
            .into_bytes();
        [self.current.id.as_slice(), code.as_slice()].concat()
    }

    /// Whether [`Self::mac`] made this MAC over these parts, under any known master key.
    ///
    /// The comparison takes the same time wherever the codes differ: a forger who could time it
    /// would find a valid code byte by byte.
    #[must_use]
    pub fn verify_mac(&self, purpose: Purpose, parts: &[&[u8]], mac: &[u8]) -> bool {
        let Some((id, code)) = mac.split_first_chunk::<ID_BYTES>() else {
            return false;
        };
        self.find(*id).is_some_and(|subkeys| {
            subkeys
                .of(purpose)
                .authenticate(parts)
                .verify_slice(code)
                .is_ok()
        })
    }

    /// A keyed hash under which a value is found without being readable.
    ///
    /// The label separates kinds of values (an address, an IP), so equal texts of two kinds do not
    /// look equal. It depends on the current master key alone: what was indexed under a previous
    /// one is not found.
    #[must_use]
    pub fn blind_index(&self, label: &str, value: &str) -> [u8; MAC_BYTES] {
        self.current.blind_index(label, value)
    }

    /// The same under the current and every previous master key, for what was indexed before a
    /// rotation and is still wanted.
    pub fn blind_indices(&self, label: &str, value: &str) -> impl Iterator<Item = [u8; MAC_BYTES]> {
        std::iter::once(&self.current)
            .chain(&self.previous)
            .map(move |subkeys| subkeys.blind_index(label, value))
    }

    fn find(&self, id: [u8; ID_BYTES]) -> Option<&Subkeys> {
        std::iter::once(&self.current)
            .chain(&self.previous)
            .find(|subkeys| subkeys.id == id)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keyring(***)")
    }
}

impl Subkeys {
    fn blind_index(&self, label: &str, value: &str) -> [u8; MAC_BYTES] {
        self.of(Purpose::BlindIndex)
            .authenticate(&[label.as_bytes(), value.as_bytes()])
            .finalize()
            .into_bytes()
            .into()
    }

    fn derive(master: &MasterKey) -> Self {
        Self {
            id: master.id(),
            signing_keys: Subkey::derive(master, Purpose::SigningKeys),
            outbox: Subkey::derive(master, Purpose::Outbox),
            person_keys: Subkey::derive(master, Purpose::PersonKeys),
            audit_unattributed: Subkey::derive(master, Purpose::AuditUnattributed),
            audit_mac: Subkey::derive(master, Purpose::AuditMac),
            blind_index: Subkey::derive(master, Purpose::BlindIndex),
            device_token: Subkey::derive(master, Purpose::DeviceToken),
            codes: Subkey::derive(master, Purpose::Codes),
        }
    }

    fn of(&self, purpose: Purpose) -> &Subkey {
        match purpose {
            Purpose::SigningKeys => &self.signing_keys,
            Purpose::Outbox => &self.outbox,
            Purpose::PersonKeys => &self.person_keys,
            Purpose::AuditUnattributed => &self.audit_unattributed,
            Purpose::AuditMac => &self.audit_mac,
            Purpose::BlindIndex => &self.blind_index,
            Purpose::DeviceToken => &self.device_token,
            Purpose::Codes => &self.codes,
        }
    }
}

impl Subkey {
    fn derive(master: &MasterKey, purpose: Purpose) -> Self {
        let label = purpose.label();
        let sealing = master.derive(&format!("seal/{label}"));
        let mac = master.derive(&format!("mac/{label}"));
        let Ok(mac) = Hmac::new_from_slice(mac.as_slice()) else {
            unreachable!("HMAC takes keys of every length");
        };
        Self {
            sealing: SealingKey::new(&sealing),
            mac,
        }
    }

    /// Each part goes in after its length, so no two lists of parts look the same.
    fn authenticate(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PURPOSES: [Purpose; 8] = [
        Purpose::SigningKeys,
        Purpose::Outbox,
        Purpose::PersonKeys,
        Purpose::AuditUnattributed,
        Purpose::AuditMac,
        Purpose::BlindIndex,
        Purpose::DeviceToken,
        Purpose::Codes,
    ];

    fn master(seed: u64) -> MasterKey {
        MasterKey::generate(&Random::seeded(seed))
    }

    fn keyring() -> Keyring {
        Keyring::new(master(1), Vec::new())
    }

    #[test]
    fn a_value_opens_for_its_own_purpose_only() {
        let (keyring, random) = (keyring(), Random::seeded(9));
        for sealed_for in PURPOSES {
            let envelope = keyring.seal(sealed_for, &random, b"row", b"plain");
            let mac = keyring.mac(sealed_for, &[b"row"]);
            for opened_for in PURPOSES {
                let opened = keyring.open(opened_for, b"row", &envelope);
                assert_eq!(opened.is_ok(), sealed_for == opened_for);
                let verified = keyring.verify_mac(opened_for, &[b"row"], &mac);
                assert_eq!(verified, sealed_for == opened_for);
            }
        }
    }

    #[test]
    fn a_rotated_master_key_still_opens_and_no_longer_seals() {
        let (old, random) = (keyring(), Random::seeded(9));
        let envelope = old.seal(Purpose::Outbox, &random, b"row", b"plain");
        let mac = old.mac(Purpose::AuditMac, &[b"row"]);

        let rotated = Keyring::new(master(2), vec![master(3), master(1)]);
        assert_eq!(
            **rotated.open(Purpose::Outbox, b"row", &envelope).unwrap(),
            *b"plain"
        );
        assert!(rotated.verify_mac(Purpose::AuditMac, &[b"row"], &mac));

        let fresh = rotated.seal(Purpose::Outbox, &random, b"row", b"plain");
        assert_eq!(
            old.open(Purpose::Outbox, b"row", &fresh).unwrap_err(),
            OpenError::UnknownKey
        );
        assert!(!old.verify_mac(
            Purpose::AuditMac,
            &[b"row"],
            &rotated.mac(Purpose::AuditMac, &[b"row"])
        ));
    }

    #[test]
    fn the_division_into_parts_is_authenticated() {
        let keyring = keyring();
        let mac = keyring.mac(Purpose::AuditMac, &[b"ab", b"c"]);
        for other in [
            &[b"a".as_slice(), b"bc"] as &[&[u8]],
            &[b"abc"],
            &[b"ab", b"c", b""],
            &[],
        ] {
            assert!(!keyring.verify_mac(Purpose::AuditMac, other, &mac));
        }
        assert!(keyring.verify_mac(Purpose::AuditMac, &[b"ab", b"c"], &mac));
    }

    #[test]
    fn a_blind_index_depends_on_label_value_and_master_key() {
        let index = keyring().blind_index("email", "ada@example.com");
        assert_eq!(index, keyring().blind_index("email", "ada@example.com"));
        assert_ne!(index, keyring().blind_index("other", "ada@example.com"));
        assert_ne!(index, keyring().blind_index("email", "bob@example.com"));
        let other = Keyring::new(master(2), vec![master(1)]);
        assert_ne!(index, other.blind_index("email", "ada@example.com"));
    }

    #[test]
    fn a_keyring_shows_nothing_when_debugged() {
        assert_eq!(format!("{:?}", keyring()), "Keyring(***)");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_sealed_opens(seed: u64, aad: Vec<u8>, plain: Vec<u8>) {
            let keyring = keyring();
            let envelope = keyring.seal(Purpose::Outbox, &Random::seeded(seed), &aad, &plain);
            let opened = keyring.open(Purpose::Outbox, &aad, &envelope).unwrap();
            prop_assert_eq!(opened.as_slice(), plain.as_slice());
        }

        #[test]
        fn a_flipped_bit_or_another_place_does_not_open(
            plain: Vec<u8>, place: prop::sample::Index, bit in 0..8,
        ) {
            let keyring = keyring();
            let mut envelope = keyring.seal(Purpose::Outbox, &Random::seeded(1), b"row 1", &plain);
            prop_assert!(keyring.open(Purpose::Outbox, b"row 2", &envelope).is_err());
            let index = place.index(envelope.len());
            envelope[index] ^= 1_u8 << bit;
            prop_assert!(keyring.open(Purpose::Outbox, b"row 1", &envelope).is_err());
        }

        #[test]
        fn a_changed_mac_is_refused(part: Vec<u8>, place: prop::sample::Index, bit in 0..8) {
            let keyring = keyring();
            let mut mac = keyring.mac(Purpose::AuditMac, &[&part]);
            let index = place.index(mac.len());
            mac[index] ^= 1_u8 << bit;
            prop_assert!(!keyring.verify_mac(Purpose::AuditMac, &[&part], &mac));
            prop_assert!(!keyring.verify_mac(Purpose::AuditMac, &[&part], &mac[..index]));
        }

        #[test]
        fn junk_is_refused(junk: Vec<u8>) {
            prop_assert!(keyring().open(Purpose::Outbox, b"", &junk).is_err());
            prop_assert!(!keyring().verify_mac(Purpose::Outbox, &[], &junk));
        }
    }
}

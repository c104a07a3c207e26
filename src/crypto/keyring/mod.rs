//! The master keys and the subkeys derived from them, one pair per purpose.
//!
//! Values are sealed and authenticated under the current master key. Values of previous master keys
//! still open, because every envelope and every MAC names its master key.

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

/// The purpose of a derived key; a value of one purpose is useless for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Private keys that sign access tokens.
    SigningKeys,
    /// Messages in the outbox.
    Outbox,
    /// The key of each user, which seals audit details about that user.
    PersonKeys,
    /// Audit details without an account.
    AuditUnattributed,
    /// MACs of audit events.
    AuditMac,
    /// The chain of audit events.
    AuditLinks,
    /// Keyed hashes for looking up sealed values.
    BlindIndex,
    /// Device tokens.
    DeviceToken,
    /// One-time codes.
    Codes,
    /// Rows of the legacy system that an operator has to look at.
    Imports,
}

impl Purpose {
    /// An input of the key derivation: changing one makes every value of that purpose unreadable.
    const fn label(self) -> &'static str {
        match self {
            Self::SigningKeys => "signing-keys",
            Self::Outbox => "outbox",
            Self::PersonKeys => "person-keys",
            Self::AuditUnattributed => "audit-unattributed",
            Self::AuditMac => "audit-mac",
            Self::AuditLinks => "audit-links",
            Self::BlindIndex => "blind-index",
            Self::DeviceToken => "device-token",
            Self::Codes => "codes",
            Self::Imports => "imports",
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
    audit_links: Subkey,
    blind_index: Subkey,
    device_token: Subkey,
    codes: Subkey,
    imports: Subkey,
}

/// Two keys per purpose, so that no key serves two algorithms.
struct Subkey {
    sealing: SealingKey,
    mac: Hmac<Sha256>,
}

impl Keyring {
    /// Bytes of a MAC: the id of its master key and HMAC-SHA-256.
    pub const MAC_BYTES: usize = ID_BYTES + 32;

    /// Derives all subkeys; the master keys are wiped.
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

    /// Opens an envelope sealed for this purpose and `aad` under any known master key.
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
    /// Compares in constant time: a forger could otherwise find a valid MAC byte by byte (timing
    /// attack).
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

    /// A keyed hash by which a value can be found without being readable (blind index).
    ///
    /// The label separates kinds of values, so that equal texts of two kinds have different hashes.
    /// Depends on the current master key only: values indexed under a previous one are not found.
    #[must_use]
    pub fn blind_index(&self, label: &str, value: &str) -> [u8; MAC_BYTES] {
        self.current.blind_index(label, value)
    }

    /// [`Self::blind_index`] under the current and every previous master key, to find values that
    /// were indexed before a rotation.
    #[must_use]
    pub fn blind_indices(&self, label: &str, value: &str) -> Vec<[u8; MAC_BYTES]> {
        std::iter::once(&self.current)
            .chain(&self.previous)
            .map(|subkeys| subkeys.blind_index(label, value))
            .collect()
    }

    /// Whether a MAC names a known master key.
    #[must_use]
    pub fn knows(&self, mac: &[u8]) -> bool {
        mac.first_chunk::<ID_BYTES>()
            .is_some_and(|id| self.find(*id).is_some())
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
            audit_links: Subkey::derive(master, Purpose::AuditLinks),
            blind_index: Subkey::derive(master, Purpose::BlindIndex),
            device_token: Subkey::derive(master, Purpose::DeviceToken),
            codes: Subkey::derive(master, Purpose::Codes),
            imports: Subkey::derive(master, Purpose::Imports),
        }
    }

    fn of(&self, purpose: Purpose) -> &Subkey {
        match purpose {
            Purpose::SigningKeys => &self.signing_keys,
            Purpose::Outbox => &self.outbox,
            Purpose::PersonKeys => &self.person_keys,
            Purpose::AuditUnattributed => &self.audit_unattributed,
            Purpose::AuditMac => &self.audit_mac,
            Purpose::AuditLinks => &self.audit_links,
            Purpose::BlindIndex => &self.blind_index,
            Purpose::DeviceToken => &self.device_token,
            Purpose::Codes => &self.codes,
            Purpose::Imports => &self.imports,
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

    /// Each part is prefixed with its length, so that no two lists of parts are encoded alike.
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
mod tests;

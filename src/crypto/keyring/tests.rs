//! The guarantees of a keyring.

use proptest::prelude::*;

use super::*;

const PURPOSES: [Purpose; 9] = [
    Purpose::SigningKeys,
    Purpose::Outbox,
    Purpose::PersonKeys,
    Purpose::AuditUnattributed,
    Purpose::AuditMac,
    Purpose::AuditLinks,
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
    assert!(rotated.knows(&mac) && !Keyring::new(master(2), Vec::new()).knows(&mac));

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
    let known = other.blind_indices("email", "ada@example.com");
    assert_eq!(
        known,
        [other.blind_index("email", "ada@example.com"), index]
    );
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

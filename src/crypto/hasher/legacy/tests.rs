//! Against texts that Django 4.2 and 5.2 made.

use proptest::prelude::*;
use secrecy::SecretString;

use super::*;
use crate::config::HashImplementation;
use crate::crypto::hasher::{Hasher, HasherParameters, Verification};
use crate::crypto::random::Random;
use crate::domain::password::Password;

const GREETING: &str = "Grüße aus Köln";
/// NFKC changes it: Django hashes what was typed.
const LIGATURE: &str = "ﬁne ligature Å";

/// Password and the text that Django stored.
const STRONG: [(&str, &str); 14] = [
    (
        "kitchen table 17",
        "pbkdf2_sha256$600000$CcGxvqgbqaFTLoL17ccMFj$3Cdo71aqfrKVlpgdgVfvxQZV3LJF1jYubmpFkL5yV/Y=",
    ),
    (
        GREETING,
        "pbkdf2_sha256$2000$X7slfVdIj0wFyctyvxy0PW$oTkW93MzFpP7FqpBSOWmq1rKzQSTbKmpXsZRuXwNNyA=",
    ),
    (
        LIGATURE,
        "pbkdf2_sha256$2000$OgRALJC6H2TY2XqsLKYBtM$ljZqs5FEPCf1ZgzeGFH0igpAxNA9UBbtOIjDRvXy0KE=",
    ),
    (
        " blanks around ",
        "pbkdf2_sha256$2000$jxHvcHGXBSthlxhxRegdQi$knl6Zrjb+cO3kWEAkKVd7EYijZEdfWoZBJXRjc2qbS4=",
    ),
    (
        GREETING,
        "pbkdf2_sha1$2000$Salz$MLBDR5ryXGk+fErFiHFwYw31ELo=",
    ),
    (
        GREETING,
        "argon2$argon2id$v=19$m=102400,t=2,p=8$SUFWTUxFbWdqTzZXUHJna1ZvSXh6Zw$q+pJlnQ+aJ0JawDb9VCA3O1IU/nNrpVRUwEBySeDvP0",
    ),
    (
        GREETING,
        "bcrypt_sha256$$2b$05$c791NtkabekKsGUmgPoglunp6cZPdOIc9V6IjyyeQrZ0dZSCjQC7e",
    ),
    (
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "bcrypt_sha256$$2b$05$6/Y3nuxkDqeKkCg375GqVOafE/PaL6f5eAdmHcCXg7QTmRWsXSGuG",
    ),
    (
        GREETING,
        "bcrypt$$2b$05$hMybnd7.ejE24fDUMULroOkKJMaOBSMcqm7lX6fyDZGuY.Kw8RZHC",
    ),
    (
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "bcrypt$$2b$05$hysIKBxnZxf3T2yT/GboZ.5qGdmeV2/JZr7QILgqlyxSvuG1nKnpu",
    ),
    // bcrypt ignores what comes after 72 bytes, and Django with it.
    (
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb and more",
        "bcrypt$$2b$05$hysIKBxnZxf3T2yT/GboZ.5qGdmeV2/JZr7QILgqlyxSvuG1nKnpu",
    ),
    (
        GREETING,
        "scrypt$16384$3q1zGB0AyvoFtlFMLnPSUi$8$1$vCUYEMNOLgXl7bPwqdn0TqwPuFDRnID6QNvfVHgK1Rfi1axlpzdS53kjAq7QQ9y2aFTbKmIbSFe06cOk6ALEaQ==",
    ),
    (
        GREETING,
        "scrypt$16384$dSf2tfTx9TouRpBcGRmBHh$8$5$VM/uGfSq4VK+Bz9PlNZs1ZfGwTgHZxntMu7stR+WVq1G+TLBERjznoSJgQsoVnDCslDRe4R5KI46VXS3SOfyMg==",
    ),
    (
        LIGATURE,
        "scrypt$1024$pinch$4$3$2YMoDC9FUxs8+rNMl14ERqGYDr9wq6n+LJS3fPnti6rPZDvEQi1UgR8dQ9eWfas6V79LMOjEtS/+9eSpdoJ2Ow==",
    ),
];

const WEAK: [(&str, &str); 5] = [
    (
        GREETING,
        "md5$5KdwQyL3JvqxDlCkQM7JfC$d3ecd19b9a1f5686eade7e7914910ee9",
    ),
    (
        GREETING,
        "sha1$EJlraG0bN2D8AwrBnF3RiB$16ee268ebab8a42b21c4b0dbec9ebf0a2ce9d7ac",
    ),
    ("letmein", "0d107d09f5bbe40cade3de5c71e9e9b7"),
    ("letmein", "md5$$0d107d09f5bbe40cade3de5c71e9e9b7"),
    ("letmein", "sha1$$b7a875fc1ea228b9061041b7cec4bd3c52ab3ce3"),
];

fn hasher() -> Hasher {
    let light = HasherParameters {
        memory_kib: 64,
        iterations: 1,
        parallelism: 1,
        threads: 2,
        queue: 64,
    };
    Hasher::start(&light, HashImplementation::Simd, &Random::seeded(1)).unwrap()
}

async fn verified(hasher: &Hasher, password: &str, stored: &str) -> Verification {
    let password = Password::attempt(SecretString::from(password)).unwrap();
    hasher
        .verify(password, Some(stored.to_owned()))
        .await
        .unwrap()
}

const RIGHT: Verification = Verification {
    matches: true,
    outdated: true,
    imported: true,
};
const WRONG: Verification = Verification {
    matches: false,
    outdated: false,
    imported: true,
};

#[tokio::test]
async fn a_kept_hash_verifies_the_password_that_django_hashed() {
    let hasher = hasher();
    for (password, encoded) in STRONG {
        let Ok(ImportedHash::Strong(hash)) = read(encoded) else {
            panic!("{encoded}");
        };
        assert_eq!(hash.as_str(), encoded);
        assert_eq!(
            verified(&hasher, password, encoded).await,
            RIGHT,
            "{encoded}"
        );
        let other = format!("x{password}");
        assert_eq!(verified(&hasher, &other, encoded).await, WRONG, "{encoded}");
    }
}

#[tokio::test]
async fn a_weak_digest_is_kept_under_argon2id_alone() {
    let hasher = hasher();
    for (password, encoded) in WEAK {
        let Ok(ImportedHash::Weak(digest)) = read(encoded) else {
            panic!("{encoded}");
        };
        assert_eq!(format!("{digest:?}"), "WeakHash(***)");
        let wrapped = hasher.wrap(digest).await.unwrap();
        let hex = encoded.rsplit('$').next().unwrap();
        assert!(!wrapped.contains(hex), "{wrapped}");
        assert!(wrapped.contains("$$argon2id$v=19$m=64,"), "{wrapped}");
        assert_eq!(
            verified(&hasher, password, &wrapped).await,
            RIGHT,
            "{encoded}"
        );
        let other = format!("{password}x");
        assert_eq!(
            verified(&hasher, &other, &wrapped).await,
            WRONG,
            "{encoded}"
        );
        // Whoever has the digest does not have the password.
        assert_eq!(verified(&hasher, hex, &wrapped).await, WRONG, "{encoded}");
        assert_eq!(read(&wrapped), Err(HashProblem::Unknown), "not Django's");
    }
}

#[tokio::test]
async fn every_account_takes_the_same_work() {
    let hasher = hasher();
    hasher.set_minimum_rounds(5_000);
    let own = Password::attempt(SecretString::from("kitchen table 17")).unwrap();
    let own = hasher.hash(own).await.unwrap();
    let few = STRONG[1].1;
    for stored in [None, Some(own.as_str()), Some(few), Some("damaged")] {
        let before = (hasher.completed(), hasher.rounds());
        let wrong = Password::attempt(SecretString::from("wrong")).unwrap();
        let stored = stored.map(str::to_owned);
        let verification = hasher.verify(wrong, stored.clone()).await.unwrap();
        assert!(!verification.matches && !verification.outdated);
        let after = (hasher.completed(), hasher.rounds());
        assert_eq!(after, (before.0 + 1, before.1 + 5_000), "{stored:?}");
    }
}

#[test]
fn what_cannot_be_verified_is_refused_with_its_reason() {
    use HashProblem::{Malformed, TooCostly, Unknown};
    let tag = "oTkW93MzFpP7FqpBSOWmq1rKzQSTbKmpXsZRuXwNNyA=";
    let long = "A".repeat(600);
    let cases = [
        ("plaintext", Unknown),
        ("crypt$$ab1234567890.", Unknown),
        ("pbkdf2_sha512$1000$salt$AAAA", Unknown),
        ("argon2id_md5$$$argon2id$v=19$m=64,t=1,p=1$a$b", Unknown),
        (&format!("pbkdf2_sha256$0$salt${tag}"), Malformed),
        (&format!("pbkdf2_sha256$-1$salt${tag}"), Malformed),
        (&format!("pbkdf2_sha256$abc$salt${tag}"), Malformed),
        (&format!("pbkdf2_sha256$1000$${tag}"), Malformed),
        (&format!("pbkdf2_sha256$1000$salt${tag}$more"), Malformed),
        (&format!("pbkdf2_sha1$1000$salt${tag}"), Malformed),
        (&format!("pbkdf2_sha256$1000${long}${tag}"), Malformed),
        ("pbkdf2_sha256$1000$salt", Malformed),
        ("pbkdf2_sha256$1000$salt$AAAA", Malformed),
        ("pbkdf2_sha256$1000$salt$not base64", Malformed),
        (&format!("pbkdf2_sha256$4000001$salt${tag}"), TooCostly),
        (&format!("pbkdf2_sha256$99999999999$salt${tag}"), TooCostly),
        ("argon2$argon2id$v=19$m=102400", Malformed),
        (
            "argon2$argon2id$v=19$m=1048576,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
            TooCostly,
        ),
        (
            "argon2$argon2id$v=19$m=102400,t=11,p=8$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
            TooCostly,
        ),
        ("bcrypt_sha256$$2b$12$short", Malformed),
        (&format!("bcrypt$$2x$05${}", "a".repeat(53)), Malformed),
        (&format!("bcrypt$$2b$03${}", "a".repeat(53)), Malformed),
        (&format!("bcrypt$$2b$31${}", "a".repeat(53)), TooCostly),
        ("scrypt$salt$16384$8$1$AAAA", Malformed),
        ("scrypt$1000$salt$8$1$AAAA", Malformed),
        ("scrypt$16384$salt$0$1$AAAA", Malformed),
        ("scrypt$1048576$salt$8$1$AAAA", TooCostly),
        ("scrypt$16384$salt$8$1000$AAAA", TooCostly),
        ("md5$salt$0D107D09F5BBE40CADE3DE5C71E9E9B7", Malformed),
        ("md5$salt", Malformed),
        (
            "sha1$salt$b7a875fc1ea228b9061041b7cec4bd3c52ab3ce",
            Malformed,
        ),
    ];
    for (encoded, expected) in cases {
        assert_eq!(read(encoded), Err(expected), "{encoded}");
    }
    for unusable in ["", "!", "!abc", "!dC9WkmmDPgpc7LApaRtGCcWgSWPktJq63UGcwmBc"] {
        assert_eq!(read(unusable), Ok(ImportedHash::Unusable), "{unusable}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_is_too_odd(text in "\\PC{0,200}", at in 0_usize..200) {
        let _ = read(&text);
        for (_, encoded) in STRONG {
            let at = (0..=at.min(encoded.len())).rev().find(|&at| encoded.is_char_boundary(at));
            let (head, tail) = encoded.split_at(at.unwrap_or(0));
            let _ = read(head);
            let _ = read(&format!("{head}{text}{tail}"));
        }
    }
}

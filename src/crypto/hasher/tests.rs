//! What callers of the hasher can rely on.

use std::time::Duration;

use secrecy::SecretString;
use tokio::time::timeout;

use super::*;

const LIGHT: HasherParameters = HasherParameters {
    memory_kib: 64,
    iterations: 1,
    parallelism: 1,
    threads: 1,
    queue: 64,
};
const HEAVY: HasherParameters = HasherParameters {
    memory_kib: 65_536,
    iterations: 4,
    parallelism: 1,
    threads: 1,
    queue: 2,
};

fn password(text: &str) -> Password {
    Password::attempt(SecretString::from(text)).unwrap()
}

const SIMD: HashImplementation = HashImplementation::Simd;

fn hasher(parameters: &HasherParameters) -> Hasher {
    Hasher::start(parameters, SIMD, &Random::seeded(1)).unwrap()
}

#[tokio::test]
async fn a_hash_verifies_its_password_only() {
    let hasher = hasher(&LIGHT);
    let phc = hasher.hash(password("correct horse")).await.unwrap();
    assert!(phc.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{phc}");
    let right = hasher
        .verify(password("correct horse"), Some(phc.clone()))
        .await
        .unwrap();
    assert_eq!(
        right,
        Verification {
            matches: true,
            outdated: false,
            imported: false,
        }
    );
    let wrong = hasher
        .verify(password("correct horsf"), Some(phc))
        .await
        .unwrap();
    assert_eq!(
        wrong,
        Verification {
            matches: false,
            outdated: false,
            imported: false,
        }
    );
}

#[tokio::test]
async fn each_implementation_verifies_what_the_other_hashed() {
    let portable = Hasher::start(&LIGHT, HashImplementation::Portable, &Random::seeded(1)).unwrap();
    let hashers = [portable, hasher(&LIGHT)];
    for from in &hashers {
        let phc = from.hash(password("correct horse")).await.unwrap();
        for by in &hashers {
            let answer = by.verify(password("correct horse"), Some(phc.clone()));
            let Verification {
                matches, outdated, ..
            } = answer.await.unwrap();
            assert_eq!((matches, outdated), (true, false));
        }
    }
}

#[tokio::test]
async fn one_password_hashed_twice_gives_two_salts() {
    let hasher = hasher(&LIGHT);
    let first = hasher.hash(password("correct horse")).await.unwrap();
    assert_ne!(first, hasher.hash(password("correct horse")).await.unwrap());
}

#[tokio::test]
async fn an_unknown_person_costs_the_same_work_as_a_known_one() {
    let hasher = hasher(&LIGHT);
    let phc = hasher.hash(password("correct horse")).await.unwrap();
    let absurd = "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA";
    for stored in [
        Some(phc),
        None,
        Some("not a hash".to_owned()),
        Some(absurd.to_owned()),
    ] {
        let before = hasher.completed();
        let answer = hasher.verify(password("wrong"), stored).await.unwrap();
        assert_eq!(
            answer,
            Verification {
                matches: false,
                outdated: false,
                imported: false,
            }
        );
        assert_eq!(hasher.completed() - before, 1);
    }
}

#[tokio::test]
async fn a_hash_made_with_other_parameters_matches_and_is_outdated() {
    for parameters in [
        HasherParameters {
            memory_kib: 128,
            ..LIGHT
        },
        HasherParameters {
            memory_kib: 32,
            iterations: 3,
            ..LIGHT
        },
        HasherParameters {
            parallelism: 2,
            ..LIGHT
        },
    ] {
        let phc = hasher(&parameters)
            .hash(password("correct horse"))
            .await
            .unwrap();
        let answer = hasher(&LIGHT)
            .verify(password("correct horse"), Some(phc))
            .await
            .unwrap();
        assert_eq!(
            answer,
            Verification {
                matches: true,
                outdated: true,
                imported: false,
            }
        );
    }
}

#[tokio::test]
async fn a_caller_that_went_away_before_its_turn_costs_nothing() {
    let hasher = hasher(&HEAVY);
    let started = timeout(Duration::ZERO, hasher.hash(password("first"))).await;
    assert!(started.is_err());
    for _ in 0..HEAVY.queue {
        let _ = timeout(Duration::ZERO, hasher.hash(password("gone"))).await;
    }
    // The queue may still contain skipped jobs; a full queue answers at once.
    let mut last = hasher.hash(password("patient")).await;
    while last == Err(Overloaded) {
        tokio::task::yield_now().await;
        last = hasher.hash(password("patient")).await;
    }
    assert!(
        (1..=2).contains(&hasher.completed()),
        "{}",
        hasher.completed()
    );
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_serves_the_others() {
    let hasher = hasher(&HEAVY);
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let hasher = hasher.clone();
        callers.spawn(async move { hasher.hash(password("correct horse")).await });
    }
    let answers = callers.join_all().await;
    let served = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!((2..=3).contains(&served), "{served} served");
    assert_eq!(hasher.completed(), served as u64);
}

#[tokio::test]
async fn threads_end_with_the_last_handle() {
    let hasher = hasher(&HasherParameters {
        threads: 3,
        ..LIGHT
    });
    let alive = Arc::downgrade(&hasher.shared);
    let second = hasher.clone();
    drop(hasher);
    assert!(second.hash(password("still served")).await.is_ok());
    drop(second);
    let patience = std::time::Instant::now();
    while alive.strong_count() > 0 {
        assert!(
            patience.elapsed() < Duration::from_secs(20),
            "a thread lives on"
        );
        thread::yield_now();
    }
}

/// Waits for the threads, which return their memory by a clock of their own.
fn wait_until_released(hasher: &Hasher) {
    let patience = std::time::Instant::now();
    while hasher.holders() > 0 {
        assert!(
            patience.elapsed() < Duration::from_secs(20),
            "memory is kept"
        );
        thread::yield_now();
    }
}

#[tokio::test]
async fn every_quiet_thread_returns_its_memory_and_takes_it_again() {
    let parameters = HasherParameters {
        memory_kib: 4096,
        threads: 3,
        ..LIGHT
    };
    let hasher = Hasher::start_releasing_after(
        Duration::from_millis(1),
        &parameters,
        SIMD,
        &Random::seeded(1),
    )
    .unwrap();
    assert_eq!(hasher.holders(), 0, "no memory before the first hash");
    for _ in 0..2 {
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..12 {
            let hasher = hasher.clone();
            callers.spawn(async move { hasher.hash(password("correct horse")).await });
        }
        assert!(callers.join_all().await.iter().all(Result::is_ok));
        wait_until_released(&hasher);
    }
    assert_eq!(hasher.completed(), 24);
}

#[tokio::test]
async fn memory_stays_between_hashes_and_is_taken_for_known_and_unknown_alike() {
    for stored in [None, Some("not a hash".to_owned())] {
        let hasher = hasher(&LIGHT);
        assert_eq!(hasher.holders(), 0);
        for _ in 0..2 {
            hasher
                .verify(password("wrong"), stored.clone())
                .await
                .unwrap();
            assert_eq!(hasher.holders(), 1);
        }
    }
}

#[test]
fn impossible_parameters_do_not_start() {
    for parameters in [
        HasherParameters {
            memory_kib: 0,
            ..LIGHT
        },
        HasherParameters {
            iterations: 0,
            ..LIGHT
        },
        HasherParameters {
            parallelism: 0,
            ..LIGHT
        },
        HasherParameters {
            parallelism: 100,
            ..LIGHT
        },
        HasherParameters {
            memory_kib: u32::MAX,
            ..LIGHT
        },
    ] {
        let refusal = Hasher::start(&parameters, SIMD, &Random::seeded(1)).err();
        assert!(
            matches!(refusal, Some(HasherError::Parameters)),
            "{parameters:?}"
        );
    }
}

//! Codes in flight, on every backend.

use super::*;

/// A code that is valid for five minutes and resent in the first half.
fn code<'a>(key: &'a str, sealed: &'a [u8]) -> NewCode<'a> {
    NewCode {
        key,
        sealed,
        expires_at: moment(300_000),
        store_for: MINUTE * 15,
        cooldown: MINUTE,
        resend_for: Duration::from_secs(150),
        tries: 5,
        replaces: None,
    }
}

fn lookup(key: &str, for_other_device: bool) -> CodeLookup {
    CodeLookup {
        key: key.to_owned(),
        for_other_device,
    }
}

async fn place(store: &Volatile, milliseconds: i64, code: NewCode<'_>) -> Placement {
    store.place_code(moment(milliseconds), code).await.unwrap()
}

fn sent(sealed: &[u8]) -> Placement {
    sent_since(0, sealed)
}

fn sent_since(milliseconds: i64, sealed: &[u8]) -> Placement {
    Placement::Send {
        sealed: sealed.to_vec(),
        created_at: moment(milliseconds),
        expires_at: moment(300_000),
    }
}

/// The codes that a try of one key returns.
async fn tried(store: &Volatile, milliseconds: i64, key: &str, all: u32) -> Vec<Vec<u8>> {
    let (lookups, tries) = (
        [lookup(key, false)],
        Tries {
            total: all,
            other_devices: 0,
        },
    );
    let found = store.try_code(moment(milliseconds), &lookups, tries).await;
    found.unwrap()
}

#[tokio::test]
async fn a_code_is_removed_after_its_last_try() {
    for store in backends() {
        assert_eq!(
            place(&store, 0, code("a:login", b"one")).await,
            sent(b"one")
        );
        for _ in 0..5 {
            assert_eq!(tried(&store, 0, "a:login", 5).await, [b"one"]);
        }
        for _ in 0..2 {
            assert!(tried(&store, 0, "a:login", 5).await.is_empty());
        }
        // A higher limit does not bring it back.
        assert!(tried(&store, 0, "a:login", 50).await.is_empty());
    }
}

#[tokio::test]
async fn codes_of_other_subjects_and_purposes_are_separate() {
    for store in backends() {
        place(&store, 0, code("a:login", b"one")).await;
        for key in ["a:reset", "b:login", "a:login:", ""] {
            assert!(tried(&store, 0, key, 5).await.is_empty());
        }
        let found = tried(&store, 0, "a:login", 1).await;
        assert_eq!(found, [b"one"], "the others cost no try");
    }
}

#[tokio::test]
async fn a_repeated_request_resends_the_code_with_its_remaining_tries() {
    for store in backends() {
        place(&store, 0, code("a", b"one")).await;
        for _ in 0..3 {
            tried(&store, 0, "a", 5).await;
        }
        let wait = Duration::from_secs(40);
        let early = place(&store, 20_000, code("a", b"two")).await;
        assert_eq!(early, Placement::Cooldown { wait });
        let later = place(&store, 60_000, code("a", b"two")).await;
        assert_eq!(later, sent(b"one"));
        let third = place(&store, 90_000, code("a", b"three")).await;
        let wait = Duration::from_secs(30);
        assert_eq!(
            third,
            Placement::Cooldown { wait },
            "that was a message, too"
        );
        for _ in 0..2 {
            assert_eq!(tried(&store, 90_000, "a", 5).await, [b"one"]);
        }
        assert!(tried(&store, 90_000, "a", 5).await.is_empty());
    }
}

#[tokio::test]
async fn a_newer_code_is_added_to_the_previous_one_and_every_try_counts_for_both() {
    for store in backends() {
        place(&store, 0, code("a", b"one")).await;
        tried(&store, 0, "a", 5).await;
        assert_eq!(
            place(&store, 150_000, code("a", b"two")).await,
            sent_since(150_000, b"two")
        );
        let both: [&[u8]; 2] = [b"two", b"one"];
        for _ in 0..4 {
            assert_eq!(tried(&store, 150_000, "a", 5).await, both);
        }
        assert_eq!(tried(&store, 150_000, "a", 5).await, [b"two"]);
        assert!(tried(&store, 150_000, "a", 5).await.is_empty());
    }
}

#[tokio::test]
async fn a_code_without_tries_is_replaced() {
    for store in backends() {
        place(&store, 0, code("a", b"one")).await;
        for _ in 0..5 {
            tried(&store, 0, "a", 5).await;
        }
        assert_eq!(
            place(&store, 60_000, code("a", b"two")).await,
            sent_since(60_000, b"two")
        );
        assert_eq!(tried(&store, 60_000, "a", 5).await, [b"two"]);
    }
}

#[tokio::test]
async fn a_code_that_cannot_be_opened_is_replaced_at_once() {
    for store in backends() {
        place(&store, 0, code("a", b"one")).await;
        let again = place(&store, 60_000, code("a", b"three")).await;
        assert_eq!(again, sent(b"one"));
        let instead = |old| NewCode {
            replaces: Some(old),
            ..code("a", b"three")
        };
        let other = place(&store, 60_000, instead(b"zero")).await;
        assert_eq!(other, sent(b"one"), "what is not there is not replaced");
        assert_eq!(place(&store, 60_000, instead(b"one")).await, sent(b"three"));
        assert_eq!(tried(&store, 60_000, "a", 5).await, [b"three"]);
        let later = place(&store, 149_000, code("a", b"four")).await;
        assert_eq!(later, sent(b"three"));
        let later = place(&store, 210_000, code("a", b"five")).await;
        assert_eq!(
            later,
            sent_since(210_000, b"five"),
            "as old as the one it replaced"
        );
    }
}

#[tokio::test]
async fn a_retried_request_gets_the_same_answer() {
    for store in backends() {
        for _ in 0..2 {
            assert_eq!(place(&store, 0, code("a", b"one")).await, sent(b"one"));
        }
        for _ in 0..2 {
            let again = place(&store, 60_000, code("a", b"two")).await;
            assert_eq!(again, sent(b"one"));
        }
    }
}

#[tokio::test]
async fn other_devices_cannot_use_up_the_tries_of_a_code() {
    for store in backends() {
        place(&store, 0, code("a:device", b"one")).await;
        let tries = Tries {
            total: 5,
            other_devices: 3,
        };
        let stranger = [lookup("a", false), lookup("a:device", true)];
        let device = [lookup("a", false), lookup("a:device", false)];
        let compared = async |lookups: &[CodeLookup]| {
            let found = store.try_code(moment(0), lookups, tries).await.unwrap();
            found.len()
        };
        for allowed in [1, 1, 1, 0, 0, 0, 0, 0] {
            assert_eq!(compared(&stranger).await, allowed);
        }
        for allowed in [1, 1, 0] {
            assert_eq!(compared(&device).await, allowed, "five altogether");
        }
    }
}

#[tokio::test]
async fn a_clock_set_back_causes_no_lockout() {
    for store in backends() {
        place(&store, 3_600_000, code("a", b"one")).await;
        assert_eq!(place(&store, 0, code("a", b"two")).await, sent(b"two"));
    }
}

#[tokio::test]
async fn a_redeemed_code_removes_the_others_and_keeps_the_cooldown() {
    for store in backends() {
        place(&store, 0, code("a", b"one")).await;
        place(&store, 0, code("a:device", b"other")).await;
        place(&store, 150_000, code("a", b"two")).await;
        let lookups = [lookup("a", false), lookup("a:device", true)];
        let now = moment(150_000);
        store.forget_code(now, &lookups, b"zero").await.unwrap();
        assert_eq!(tried(&store, 150_000, "a", 5).await.len(), 2);
        store.forget_code(now, &lookups, b"one").await.unwrap();
        for key in ["a", "a:device"] {
            assert!(tried(&store, 150_000, key, 5).await.is_empty());
        }
        let placed = place(&store, 150_000, code("a", b"three")).await;
        assert!(matches!(placed, Placement::Cooldown { .. }));
    }
}

#[tokio::test]
async fn arbitrary_bytes_are_returned_unchanged() {
    let all: Vec<u8> = (0..=255).collect();
    for store in backends() {
        place(&store, 0, code("a", &all)).await;
        assert_eq!(tried(&store, 0, "a", 5).await, [all.as_slice()]);
        let again = place(&store, 60_000, code("a", b"two")).await;
        assert_eq!(again, sent(&all));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_tries_are_limited_like_sequential_ones() {
    for store in backends() {
        place(&store, 0, code("a", b"one")).await;
        let tries = (0..200).map(|_| tried(&store, 0, "a", 5));
        let answers = futures_util::future::join_all(tries).await;
        let compared = answers.iter().filter(|found| !found.is_empty()).count();
        assert_eq!(compared, 5);
    }
}

#[tokio::test]
async fn in_process_a_flood_of_codes_evicts_the_oldest() {
    let store = Volatile::memory(moment(0));
    for number in 0..140_000_u32 {
        let key = number.to_string();
        place(&store, i64::from(number) / 1000, code(&key, b"one")).await;
    }
    assert!(!tried(&store, 140, "139999", 5).await.is_empty());
    assert!(tried(&store, 140, "0", 5).await.is_empty());
}

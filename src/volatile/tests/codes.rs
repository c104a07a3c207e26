//! What a code in flight may promise, on every backend.

use super::*;

fn code<'a>(key: &'a str, sealed: &'a [u8]) -> NewCode<'a> {
    NewCode {
        key,
        sealed,
        keep: MINUTE * 5,
        cooldown: MINUTE,
    }
}

#[tokio::test]
async fn a_code_can_be_tried_so_often_and_is_gone_then() {
    for store in backends() {
        let placed = store.place_code(moment(0), code("a:login", b"one")).await;
        assert_eq!(placed.unwrap(), Placed::Stored);
        for _ in 0..5 {
            let sealed = store.try_code(moment(0), "a:login", 5).await.unwrap();
            assert_eq!(sealed.as_deref(), Some(b"one".as_slice()));
        }
        for _ in 0..2 {
            let sealed = store.try_code(moment(0), "a:login", 5).await.unwrap();
            assert_eq!(sealed, None);
        }
        // More tries allowed later do not bring it back.
        assert_eq!(
            store.try_code(moment(0), "a:login", 50).await.unwrap(),
            None
        );
    }
}

#[tokio::test]
async fn codes_of_others_and_of_other_purposes_are_apart() {
    for store in backends() {
        store
            .place_code(moment(0), code("a:login", b"one"))
            .await
            .unwrap();
        for key in ["a:reset", "b:login", "a:login:", ""] {
            assert_eq!(store.try_code(moment(0), key, 5).await.unwrap(), None);
        }
        let sealed = store.try_code(moment(0), "a:login", 1).await.unwrap();
        assert!(sealed.is_some(), "the others cost no try");
    }
}

#[tokio::test]
async fn a_young_code_is_not_replaced_and_an_older_one_is_with_fresh_tries() {
    for store in backends() {
        store
            .place_code(moment(0), code("a", b"one"))
            .await
            .unwrap();
        store.try_code(moment(0), "a", 1).await.unwrap();
        let early = store.place_code(moment(20_000), code("a", b"two")).await;
        let wait = Duration::from_secs(40);
        assert_eq!(early.unwrap(), Placed::Cooling { wait });
        let late = store.place_code(moment(60_000), code("a", b"two")).await;
        assert_eq!(late.unwrap(), Placed::Stored);
        let sealed = store.try_code(moment(60_000), "a", 1).await.unwrap();
        assert_eq!(sealed.as_deref(), Some(b"two".as_slice()));
    }
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_lock_anybody_out() {
    for store in backends() {
        store
            .place_code(moment(3_600_000), code("a", b"one"))
            .await
            .unwrap();
        let placed = store.place_code(moment(0), code("a", b"two")).await;
        assert_eq!(placed.unwrap(), Placed::Stored);
    }
}

#[tokio::test]
async fn a_redeemed_code_is_gone_and_its_cooldown_stays() {
    for store in backends() {
        store
            .place_code(moment(0), code("a", b"one"))
            .await
            .unwrap();
        store.forget_code(moment(0), "a", b"other").await.unwrap();
        assert!(store.try_code(moment(0), "a", 5).await.unwrap().is_some());
        store.forget_code(moment(0), "a", b"one").await.unwrap();
        assert_eq!(store.try_code(moment(0), "a", 5).await.unwrap(), None);
        let placed = store.place_code(moment(0), code("a", b"two")).await;
        assert!(matches!(placed.unwrap(), Placed::Cooling { .. }));
    }
}

#[tokio::test]
async fn bytes_of_every_kind_come_back_as_they_were() {
    let all: Vec<u8> = (0..=255).collect();
    for store in backends() {
        store.place_code(moment(0), code("a", &all)).await.unwrap();
        let sealed = store.try_code(moment(0), "a", 5).await.unwrap();
        assert_eq!(sealed.as_deref(), Some(all.as_slice()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_tries_are_not_more_than_tries_one_by_one() {
    for store in backends() {
        store
            .place_code(moment(0), code("a", b"one"))
            .await
            .unwrap();
        let tries = (0..200).map(|_| store.try_code(moment(0), "a", 5));
        let answers = futures_util::future::join_all(tries).await;
        let compared = answers
            .iter()
            .filter(|one| matches!(one, Ok(Some(_))))
            .count();
        assert_eq!(compared, 5);
    }
}

#[tokio::test]
async fn in_process_a_flood_of_codes_keeps_the_youngest_and_its_bound() {
    let store = Volatile::memory(moment(0));
    for number in 0..140_000_u32 {
        let key = number.to_string();
        let at = moment(i64::from(number) / 1000);
        store.place_code(at, code(&key, b"one")).await.unwrap();
    }
    let now = moment(140);
    assert!(store.try_code(now, "139999", 5).await.unwrap().is_some());
    assert_eq!(store.try_code(now, "0", 5).await.unwrap(), None);
}

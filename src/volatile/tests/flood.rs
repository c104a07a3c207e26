//! Floods: memory stays bounded, refused attempts leave no trace, exhausted budgets are not evicted.

use futures_util::StreamExt as _;

use super::*;

fn memory(store: &Volatile) -> &Memory {
    let Volatile::Memory(memory) = store else {
        unreachable!()
    };
    memory
}

#[test]
fn a_million_keys_stay_bounded_and_do_not_evict_an_exhausted_budget() {
    let store = Volatile::memory(moment(0));
    let store = memory(&store);
    let target = |cost| {
        let charge = Charge {
            window: MINUTE * 60,
            ..charge("target", 5, cost)
        };
        [vec![charge]]
    };
    assert_eq!(store.charge(moment(0), &target(5)), Verdict::Allowed);

    for number in 0..1_000_000 {
        let made_up = Charge {
            window: MINUTE * 60,
            ..charge(&format!("key {number}"), 5, 1)
        };
        assert_eq!(store.charge(moment(1), &[vec![made_up]]), Verdict::Allowed);
    }

    assert!(store.balances() <= 1 << 18, "{} balances", store.balances());
    assert_ne!(store.charge(moment(2), &target(1)), Verdict::Allowed);
}

#[test]
fn budgets_that_were_full_for_a_window_are_removed() {
    let store = Volatile::memory(moment(0));
    let store = memory(&store);
    for number in 0..1_000 {
        let charge = charge(&format!("key {number}"), 60, 1);
        store.charge(moment(0), &[vec![charge]]);
    }
    store.charge(moment(59_000), &[vec![charge("later", 60, 1)]]);
    assert_eq!(store.balances(), 1_001);
    store.charge(moment(60_000), &[vec![charge("last", 60, 1)]]);
    assert_eq!(store.balances(), 1_002, "whole, but not for a window yet");
    store.charge(moment(121_000), &[vec![charge("last", 60, 1)]]);
    assert_eq!(store.balances(), 1);
    store.charge(moment(-86_400_000), &[vec![charge("yesterday", 60, 1)]]);
    store.charge(moment(-86_200_000), &[vec![charge("today", 60, 1)]]);
    assert_eq!(store.balances(), 2, "a clock set back sweeps on");
}

#[tokio::test]
async fn a_hundred_thousand_refused_attempts_leave_the_store_as_it_was() {
    for store in backends() {
        let levels = |victim: u32| {
            [
                vec![charge("address", 5, 1), charge("network", 20, 1)],
                vec![charge(&format!("victim {victim}"), 5, 1)],
                vec![charge("global", 100, 1)],
            ]
        };
        for victim in 0..5 {
            let verdict = store.charge(moment(0), &levels(victim)).await.unwrap();
            assert_eq!(verdict, Verdict::Allowed);
        }
        let before = keys(&store).await;
        assert_eq!(before, 8);

        let attempts = (5..100_005).map(|victim| {
            let (store, levels) = (&store, levels(victim));
            async move { store.charge(moment(1), &levels).await.unwrap() }
        });
        let verdicts: Vec<Verdict> = futures_util::stream::iter(attempts)
            .buffer_unordered(200)
            .collect()
            .await;
        let turned_away = |verdict: &Verdict| matches!(verdict, Verdict::Refused { level: 0, .. });
        assert!(verdicts.iter().all(turned_away));
        assert_eq!(keys(&store).await, before);

        let rest = [vec![charge("global", 100, 95), charge("network", 20, 15)]];
        let verdict = store.charge(moment(1), &rest).await.unwrap();
        assert_eq!(
            verdict,
            Verdict::Allowed,
            "it was charged to no other budget"
        );
    }
}

/// The number of keys with the prefix of the store.
async fn keys(store: &Volatile) -> usize {
    match store {
        Volatile::Memory(memory) => memory.balances(),
        Volatile::Redis(store) => {
            let mut connection = store
                .client
                .get_multiplexed_async_connection()
                .await
                .unwrap();
            let pattern = format!("{}:*", store.channel().trim_end_matches(":events"));
            let found = ::redis::cmd("KEYS")
                .arg(pattern)
                .query_async(&mut connection)
                .await;
            found.map(|keys: Vec<String>| keys.len()).unwrap()
        }
    }
}

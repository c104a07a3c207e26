//! A million keys in process: memory stays bounded and nobody talks himself free.

use super::*;

fn memory(store: &Volatile) -> &Memory {
    let Volatile::Memory(memory) = store else {
        unreachable!()
    };
    memory
}

#[test]
fn a_million_keys_stay_bounded_and_do_not_push_out_a_budget_that_is_used_up() {
    let store = Volatile::memory(moment(0));
    let store = memory(&store);
    let target = [Charge {
        window: MINUTE * 60,
        ..charge("target", 5, 6)
    }];
    assert_ne!(store.charge(moment(0), &target), Verdict::Allowed);

    for number in 0..1_000_000 {
        let made_up = Charge {
            window: MINUTE * 60,
            ..charge(&format!("key {number}"), 5, 1)
        };
        assert_eq!(store.charge(moment(1), &[made_up]), Verdict::Allowed);
    }

    assert!(store.balances() <= 1 << 18, "{} balances", store.balances());
    let again = [Charge {
        window: MINUTE * 60,
        ..charge("target", 5, 1)
    }];
    assert_ne!(store.charge(moment(2), &again), Verdict::Allowed);
}

#[test]
fn budgets_that_were_whole_for_a_window_are_swept_out() {
    let store = Volatile::memory(moment(0));
    let store = memory(&store);
    for number in 0..1_000 {
        store.charge(moment(0), &[charge(&format!("key {number}"), 60, 1)]);
    }
    store.charge(moment(59_000), &[charge("later", 60, 1)]);
    assert_eq!(store.balances(), 1_001);
    store.charge(moment(60_000), &[charge("last", 60, 1)]);
    assert_eq!(store.balances(), 1_002, "whole, but not for a window yet");
    store.charge(moment(121_000), &[charge("last", 60, 1)]);
    assert_eq!(store.balances(), 1);
    store.charge(moment(-86_400_000), &[charge("yesterday", 60, 1)]);
    store.charge(moment(-86_200_000), &[charge("today", 60, 1)]);
    assert_eq!(store.balances(), 2, "a clock set back sweeps on");
}

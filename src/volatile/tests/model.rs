//! Random sequences: both backends agree with a simple leaky-bucket model.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// A step: how far the clock moves, and the attempt.
type Step = (i64, Vec<Level>);

/// Leaky buckets: the content of each, and when it was updated, in microseconds.
#[derive(Clone, Default)]
struct Buckets(HashMap<String, (i128, i128)>);

impl Buckets {
    fn attempt(&mut self, now: DateTime<Utc>, levels: &[Level]) -> Verdict {
        let now = i128::from(now.timestamp_micros());
        for (index, level) in levels.iter().enumerate() {
            let mut charged = self.clone();
            let waits: Vec<i128> = level
                .iter()
                .map(|charge| charged.charge(now, charge))
                .collect();
            let longest = waits.into_iter().max().unwrap_or(0);
            if longest > 0 {
                self.shrink(now, level);
                return Verdict::Refused {
                    level: index,
                    retry_after: Duration::from_micros(u64::try_from(longest).unwrap()),
                };
            }
            *self = charged;
        }
        Verdict::Allowed
    }

    /// Fills the bucket, or returns the wait until that fits.
    fn charge(&mut self, now: i128, charge: &Charge) -> i128 {
        let (drop, size) = measure(charge);
        let (capacity, cost) = (i128::from(charge.capacity), i128::from(charge.cost));
        let kept = self.0.get(&charge.key).copied().unwrap_or((0, now));
        let level = (kept.0 - (now - kept.1)).clamp(0, size);
        let wanted = level + cost.min(capacity + 1) * drop;
        if cost > capacity {
            return size.max(drop);
        }
        if wanted > size {
            return wanted - size;
        }
        if wanted == 0 {
            self.0.remove(&charge.key);
        } else {
            self.0.insert(charge.key.clone(), (wanted, now));
        }
        0
    }

    /// Clamps buckets that are too full for the clock, without a charge.
    fn shrink(&mut self, now: i128, level: &[Charge]) {
        for charge in level {
            let (_, size) = measure(charge);
            let Some(kept) = self.0.get_mut(&charge.key) else {
                continue;
            };
            if kept.0 - (now - kept.1) > size {
                *kept = (size, now);
            }
            if *kept == (0, now) {
                self.0.remove(&charge.key);
            }
        }
    }
}

/// The amount per unit, and the capacity.
fn measure(charge: &Charge) -> (i128, i128) {
    let capacity = i128::from(charge.capacity);
    let window = i128::try_from(charge.window.as_micros()).unwrap();
    let drop = (window + capacity.max(1) - 1) / capacity.max(1);
    (drop, capacity * drop)
}

fn levels() -> impl Strategy<Value = Vec<Level>> {
    let capacity = prop_oneof![0..4_u32, 1..50_u32];
    let window = prop_oneof![1..20_000_u64, 1_000_000..90_000_000_u64];
    let cost = prop_oneof![4 => 0..3_u32, 1 => 0..60_u32];
    let charge = (0..5_u8, capacity, window, cost).prop_map(|(key, capacity, window, cost)| {
        let window = Duration::from_micros(window);
        Charge {
            key: format!("key {key}"),
            capacity,
            window,
            cost,
        }
    });
    prop::collection::vec(prop::collection::vec(charge, 0..4), 0..4)
}

/// Mostly forward, by less and by more than a window; sometimes slightly back.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let advance = prop_oneof![
        3 => 0..30_000_i64,
        3 => 0..30_000_000_i64,
        1 => 0..400_000_000_i64,
        1 => -2_000_000..0_i64,
    ];
    prop::collection::vec((advance, levels()), 1..60)
}

async fn verdicts(store: &Volatile, steps: &[Step]) -> Vec<Verdict> {
    let mut now = moment(0);
    let mut verdicts = Vec::new();
    for (advance, levels) in steps {
        now += TimeDelta::microseconds(*advance);
        verdicts.push(store.charge(now, levels).await.unwrap());
    }
    verdicts
}

fn expected(steps: &[Step]) -> Vec<Verdict> {
    let mut buckets = Buckets::default();
    let mut now = moment(0);
    let verdict = |(advance, levels): &Step| {
        now += TimeDelta::microseconds(*advance);
        buckets.attempt(now, levels)
    };
    steps.iter().map(verdict).collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn in_process_verdicts_are_those_of_the_model(steps in steps()) {
        let store = Volatile::memory(moment(0));
        prop_assert_eq!(runtime().block_on(verdicts(&store, &steps)), expected(&steps));
    }

    #[test]
    fn redis_verdicts_are_those_of_the_model(steps in steps()) {
        if let Some(store) = real_redis() {
            prop_assert_eq!(runtime().block_on(verdicts(&store, &steps)), expected(&steps));
        }
    }

    #[test]
    fn the_returned_wait_is_sufficient_and_necessary(
        capacity in 1..40_u32,
        cost in 1..40_u32,
        window in 1_000_000..90_000_000_u64,
    ) {
        prop_assume!(cost <= capacity);
        let window = Duration::from_micros(window);
        let attempt = [vec![Charge { key: "a".to_owned(), capacity, window, cost }]];
        for late in [false, true] {
            let Volatile::Memory(store) = Volatile::memory(moment(0)) else { unreachable!() };
            let wait = loop {
                if let Verdict::Refused { retry_after, .. } = store.charge(moment(0), &attempt) {
                    break TimeDelta::from_std(retry_after).unwrap();
                }
            };
            let then = moment(0) + wait - TimeDelta::microseconds(i64::from(!late));
            prop_assert_eq!(store.charge(then, &attempt) == Verdict::Allowed, late);
        }
    }
}

//! The contract of the backends: in process, and on the server of `IDGATE_TEST_REDIS_URL` if set.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::*;

mod codes;
mod flood;
mod memory_limit;
mod model;
mod outage;
mod scripted;

const MINUTE: Duration = Duration::from_mins(1);

fn moment(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_800_000_000_000 + milliseconds).unwrap()
}

fn charge(key: &str, capacity: u32, cost: u32) -> Charge {
    Charge {
        key: key.to_owned(),
        capacity,
        window: MINUTE,
        cost,
    }
}

fn settings(url: &str, prefix: String) -> config::Redis {
    config::Redis {
        url: Some(url.into()),
        prefix,
        timeout_milliseconds: 2_000,
        pool: 4,
        allow_in_process: false,
    }
}

/// A store with a prefix of its own on the real server, if there is one.
#[expect(
    clippy::disallowed_methods,
    reason = "names a server for tests; no configuration"
)]
fn real_redis() -> Option<Volatile> {
    let url = std::env::var_os("IDGATE_TEST_REDIS_URL")?
        .into_string()
        .unwrap();
    // The keys of a hasher are random, which makes the prefix unique.
    let prefix = format!("test-{:x}", RandomState::new().hash_one(()));
    Some(Volatile::configured(&settings(&url, prefix), moment(0)).unwrap())
}

fn backends() -> Vec<Volatile> {
    [Some(Volatile::memory(moment(0))), real_redis()]
        .into_iter()
        .flatten()
        .collect()
}

/// An attempt with one level.
async fn attempt(store: &Volatile, milliseconds: i64, charges: &[Charge]) -> Verdict {
    let levels = [charges.to_vec()];
    store.charge(moment(milliseconds), &levels).await.unwrap()
}

fn refused(milliseconds: u64) -> Verdict {
    refused_at(0, milliseconds)
}

fn refused_at(level: usize, milliseconds: u64) -> Verdict {
    Verdict::Refused {
        level,
        retry_after: Duration::from_millis(milliseconds),
    }
}

#[tokio::test]
async fn a_budget_may_be_spent_at_once_and_refills_evenly() {
    for store in backends() {
        let one = [charge("a", 3, 1)];
        for _ in 0..3 {
            assert_eq!(attempt(&store, 0, &one).await, Verdict::Allowed);
        }
        assert_eq!(attempt(&store, 0, &one).await, refused(20_000));
        let other = attempt(&store, 0, &[charge("b", 3, 1)]).await;
        assert_eq!(other, Verdict::Allowed, "another key has its own budget");

        assert_eq!(attempt(&store, 19_999, &one).await, refused(1));
        assert_eq!(
            attempt(&store, 20_000, &one).await,
            Verdict::Allowed,
            "refused attempts cost nothing"
        );
        assert_eq!(attempt(&store, 20_000, &one).await, refused(20_000));
    }
}

#[tokio::test]
async fn a_level_is_charged_as_a_whole_or_not_at_all() {
    for store in backends() {
        let twice = [
            charge("narrow", 1, 1),
            charge("wide", 3, 1),
            charge("narrow", 1, 1),
        ];
        let verdict = attempt(&store, 0, &twice).await;
        assert_eq!(verdict, refused(60_000), "the same key twice counts twice");

        let all = [charge("wide", 3, 3), charge("narrow", 1, 1)];
        assert_eq!(attempt(&store, 0, &all).await, Verdict::Allowed);
        let more = [charge("fresh", 3, 1), charge("wide", 3, 1)];
        assert_eq!(attempt(&store, 0, &more).await, refused(20_000));
        let fresh = [charge("fresh", 3, 3)];
        assert_eq!(attempt(&store, 0, &fresh).await, Verdict::Allowed);
    }
}

#[tokio::test]
async fn the_first_level_that_refuses_ends_the_attempt() {
    for store in backends() {
        let levels = [
            vec![charge("address", 2, 1)],
            vec![charge("victim", 3, 1), charge("account", 9, 1)],
            vec![charge("global", 9, 1)],
        ];
        let charged = |at| store.charge(moment(at), &levels);
        for _ in 0..2 {
            assert_eq!(charged(0).await.unwrap(), Verdict::Allowed);
        }
        for _ in 0..100 {
            assert_eq!(charged(0).await.unwrap(), refused_at(0, 30_000));
        }
        let rest = [
            charge("victim", 3, 1),
            charge("account", 9, 7),
            charge("global", 9, 7),
        ];
        assert_eq!(attempt(&store, 0, &rest).await, Verdict::Allowed);

        // The budget is exhausted: further attempts are charged at the earlier levels only.
        let elsewhere = [
            vec![charge("other address", 1, 1)],
            vec![charge("victim", 3, 1)],
            vec![charge("late", 1, 1)],
        ];
        let verdict = store.charge(moment(0), &elsewhere).await.unwrap();
        assert_eq!(verdict, refused_at(1, 20_000));
        let other = attempt(&store, 0, &[charge("other address", 1, 1)]).await;
        assert_eq!(other, refused(60_000));
        let late = attempt(&store, 0, &[charge("late", 1, 1)]).await;
        assert_eq!(late, Verdict::Allowed);
    }
}

#[tokio::test]
async fn the_longest_wait_is_returned() {
    for store in backends() {
        let fill = [charge("slow", 1, 1), charge("fast", 60, 60)];
        assert_eq!(attempt(&store, 0, &fill).await, Verdict::Allowed);
        let both = [charge("fast", 60, 1), charge("slow", 1, 1)];
        assert_eq!(attempt(&store, 0, &both).await, refused(60_000));
    }
}

#[tokio::test]
async fn extreme_charges_neither_overflow_nor_lock_out_forever() {
    let longest = Duration::from_hours(366 * 24);
    for store in backends() {
        let nothing = [charge("none", 0, 1)];
        assert_eq!(attempt(&store, 0, &nothing).await, refused(60_000));
        let free = [charge("none", 0, 0)];
        assert_eq!(attempt(&store, 0, &free).await, Verdict::Allowed);

        let too_much = [charge("much", 6, u32::MAX)];
        assert_eq!(attempt(&store, 0, &too_much).await, refused(60_000));
        let all = [charge("much", 6, 6)];
        assert_eq!(attempt(&store, 0, &all).await, Verdict::Allowed);

        for capacity in [0, 1, u32::MAX] {
            for window in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
                for now in [
                    DateTime::<Utc>::MIN_UTC,
                    moment(0),
                    DateTime::<Utc>::MAX_UTC,
                ] {
                    let key = format!("{capacity} {window:?} {now}");
                    let huge = [Charge {
                        key,
                        capacity,
                        window,
                        cost: u32::MAX,
                    }];
                    store.charge(now, &[huge.to_vec()]).await.unwrap();
                    if let Verdict::Refused { retry_after, .. } =
                        store.charge(now, &[huge.to_vec()]).await.unwrap()
                    {
                        assert!(retry_after <= longest + Duration::from_hours(2), "{huge:?}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_clock_set_back_causes_no_lockout_beyond_a_window() {
    for store in backends() {
        let one = [charge("a", 6, 1)];
        let day = 86_400_000;
        assert_eq!(attempt(&store, day, &one).await, Verdict::Allowed);
        assert_eq!(attempt(&store, 0, &one).await, refused(10_000));
        assert_eq!(attempt(&store, 10_000, &one).await, Verdict::Allowed);
    }
}

#[tokio::test]
async fn a_reduced_budget_applies_at_once() {
    for store in backends() {
        let hour = Charge {
            window: MINUTE * 60,
            ..charge("a", 60, 60)
        };
        assert_eq!(attempt(&store, 0, &[hour]).await, Verdict::Allowed);
        let minute = [charge("a", 60, 1)];
        assert_eq!(attempt(&store, 0, &minute).await, refused(1_000));
        assert_eq!(attempt(&store, 1_000, &minute).await, Verdict::Allowed);
    }
}

#[tokio::test]
async fn an_empty_attempt_is_allowed_and_a_ping_is_answered() {
    for store in backends() {
        for none in [vec![], vec![vec![]]] {
            let verdict = store.charge(moment(0), &none).await.unwrap();
            assert_eq!(verdict, Verdict::Allowed);
        }
        for _ in 0..3 {
            store.ping(moment(1)).await.unwrap();
        }
        assert!(store.health().up);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_attempts_share_one_budget() {
    for store in backends() {
        let store = Arc::new(store);
        let mut attempts = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let store = Arc::clone(&store);
            attempts.spawn(async move {
                let levels = [
                    vec![charge("wide", 500, 1)],
                    vec![charge("shared", 10, 1), charge("half", 20, 1)],
                ];
                store.charge(moment(0), &levels).await
            });
        }
        let verdicts = attempts.join_all().await;
        let allowed = verdicts
            .into_iter()
            .filter(|verdict| matches!(verdict.as_ref().unwrap(), Verdict::Allowed));
        assert_eq!(allowed.count(), 10);
        let half = [charge("half", 20, 10), charge("wide", 500, 300)];
        assert_eq!(attempt(&store, 0, &half).await, Verdict::Allowed);
    }
}

#[test]
fn keys_do_not_show_in_debug_output() {
    let charge = charge("email:person@example.com", 3, 1);
    assert_eq!(format!("{charge:?}"), "Charge(1 of 3 per 60s)");
    let store = Volatile::memory(moment(0));
    let Volatile::Memory(memory) = &store else {
        unreachable!()
    };
    memory.charge(moment(0), &[vec![charge]]);
    assert!(!format!("{store:?}").contains("person"));
}

#[test]
fn health_in_process_is_up_since_the_start() {
    let health = Volatile::memory(moment(7)).health();
    assert_eq!(
        health,
        Health {
            up: true,
            since: moment(7)
        }
    );
}

//! The contract, run on every backend there is: in process always, and on the server that
//! `IDGATE_TEST_REDIS_URL` names when it is set.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::*;

mod codes;
mod flood;
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

fn settings(url: &str, prefix: String) -> RedisSettings {
    RedisSettings {
        url: url.into(),
        prefix,
        timeout: Duration::from_secs(2),
        pool: 4,
    }
}

/// A store of the test's own on the real server, if there is one.
#[expect(
    clippy::disallowed_methods,
    reason = "names a server for tests; no configuration"
)]
fn real_redis() -> Option<Volatile> {
    let url = std::env::var_os("IDGATE_TEST_REDIS_URL")?
        .into_string()
        .unwrap();
    // A hasher's keys differ each time, which is all that a prefix of one's own needs.
    let prefix = format!("test-{:x}", RandomState::new().hash_one(()));
    Some(Volatile::connect(&settings(&url, prefix), moment(0)).unwrap())
}

fn backends() -> Vec<Volatile> {
    [Some(Volatile::memory(moment(0))), real_redis()]
        .into_iter()
        .flatten()
        .collect()
}

fn refused(milliseconds: u64) -> Verdict {
    Verdict::Refused {
        retry_after: Duration::from_millis(milliseconds),
    }
}

#[tokio::test]
async fn a_budget_may_be_spent_at_once_and_comes_back_evenly() {
    for store in backends() {
        for _ in 0..3 {
            let verdict = store.charge(moment(0), &[charge("a", 3, 1)]).await.unwrap();
            assert_eq!(verdict, Verdict::Allowed);
        }
        let fourth = store.charge(moment(0), &[charge("a", 3, 1)]).await.unwrap();
        assert_eq!(fourth, refused(20_000));
        let other = store.charge(moment(0), &[charge("b", 3, 1)]).await.unwrap();
        assert_eq!(other, Verdict::Allowed, "another key has its own budget");

        let early = store
            .charge(moment(19_999), &[charge("a", 3, 1)])
            .await
            .unwrap();
        assert_eq!(early, refused(20_000), "a refused attempt costs as well");
        let patient = store
            .charge(moment(39_999), &[charge("a", 3, 1)])
            .await
            .unwrap();
        assert_eq!(patient, Verdict::Allowed);
    }
}

#[tokio::test]
async fn a_flood_is_forgotten_one_window_after_it_ends() {
    for store in backends() {
        for _ in 0..500 {
            store
                .charge(moment(0), &[charge("a", 10, 7)])
                .await
                .unwrap();
        }
        let all = [charge("a", 10, 10)];
        assert_eq!(
            store.charge(moment(60_000), &all).await.unwrap(),
            Verdict::Allowed
        );
    }
}

#[tokio::test]
async fn all_keys_are_counted_even_when_one_refuses() {
    for store in backends() {
        let attempt = [
            charge("narrow", 1, 1),
            charge("wide", 3, 1),
            charge("narrow", 1, 1),
        ];
        let verdict = store.charge(moment(0), &attempt).await.unwrap();
        assert_eq!(verdict, refused(60_000), "the same key twice counts twice");

        let rest = [charge("wide", 3, 2)];
        assert_eq!(
            store.charge(moment(0), &rest).await.unwrap(),
            Verdict::Allowed
        );
        let more = [charge("wide", 3, 1), charge("fresh", 3, 1)];
        assert_eq!(
            store.charge(moment(0), &more).await.unwrap(),
            refused(20_000)
        );
    }
}

#[tokio::test]
async fn the_longest_wait_is_told() {
    for store in backends() {
        let fill = [charge("slow", 1, 1), charge("fast", 60, 60)];
        assert_eq!(
            store.charge(moment(0), &fill).await.unwrap(),
            Verdict::Allowed
        );
        let verdict = store
            .charge(moment(0), &[charge("fast", 60, 1), charge("slow", 1, 1)])
            .await;
        assert_eq!(verdict.unwrap(), refused(60_000));
    }
}

#[tokio::test]
async fn extreme_charges_neither_overflow_nor_lock_out_for_ever() {
    let longest = Duration::from_hours(366 * 24);
    for store in backends() {
        let nothing = [charge("none", 0, 1)];
        assert_eq!(
            store.charge(moment(0), &nothing).await.unwrap(),
            refused(60_000)
        );
        let free = [charge("none", 0, 0)];
        assert_eq!(
            store.charge(moment(0), &free).await.unwrap(),
            Verdict::Allowed
        );

        let too_much = [charge("much", 6, u32::MAX)];
        assert_eq!(
            store.charge(moment(0), &too_much).await.unwrap(),
            refused(60_000)
        );
        let after = [charge("much", 6, 6)];
        assert_eq!(
            store.charge(moment(60_000), &after).await.unwrap(),
            Verdict::Allowed
        );

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
                    store.charge(now, &huge).await.unwrap();
                    if let Verdict::Refused { retry_after } =
                        store.charge(now, &huge).await.unwrap()
                    {
                        assert!(retry_after <= longest + Duration::from_hours(2), "{huge:?}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_clock_set_back_locks_nobody_out_for_longer_than_a_window() {
    for store in backends() {
        let one = [charge("a", 6, 1)];
        assert_eq!(
            store.charge(moment(86_400_000), &one).await.unwrap(),
            Verdict::Allowed
        );
        assert_eq!(
            store.charge(moment(0), &one).await.unwrap(),
            refused(10_000)
        );
        assert_eq!(
            store.charge(moment(10_000), &one).await.unwrap(),
            Verdict::Allowed
        );
    }
}

#[tokio::test]
async fn a_budget_that_was_made_smaller_counts_from_then_on() {
    for store in backends() {
        let generous = [charge("a", 1, 1)];
        store.charge(moment(0), &generous).await.unwrap();
        let hour = Charge {
            window: MINUTE * 60,
            ..charge("a", 60, 60)
        };
        store.charge(moment(0), &[hour]).await.unwrap();
        let minute = [charge("a", 60, 1)];
        assert_eq!(
            store.charge(moment(0), &minute).await.unwrap(),
            refused(1_000)
        );
        assert_eq!(
            store.charge(moment(1_000), &minute).await.unwrap(),
            Verdict::Allowed
        );
    }
}

#[tokio::test]
async fn no_charge_is_always_allowed_and_a_ping_answers() {
    for store in backends() {
        assert_eq!(
            store.charge(moment(0), &[]).await.unwrap(),
            Verdict::Allowed
        );
        store.ping(moment(1)).await.unwrap();
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
                store
                    .charge(
                        moment(0),
                        &[charge("shared", 10, 1), charge("wide", 500, 1)],
                    )
                    .await
            });
        }
        let verdicts = attempts.join_all().await;
        let allowed = verdicts
            .into_iter()
            .filter(|verdict| matches!(verdict.as_ref().unwrap(), Verdict::Allowed));
        assert_eq!(allowed.count(), 10);
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
    memory.charge(moment(0), &[charge]);
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

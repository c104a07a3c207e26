//! An unavailable, slow or broken server: bounded waits, one retry, recovery, no secrets in messages.

use std::time::Instant;

use super::scripted::{Behaviour, ScriptedRedis};
use super::*;

const FOR_EVER: Duration = Duration::from_hours(1);
const PATIENCE: Duration = Duration::from_millis(250);

/// A long timeout, because a busy machine is no outage.
fn store(server: &ScriptedRedis, pause: Duration) -> Redis {
    store_with(server, Duration::from_secs(20), pause)
}

fn store_with(server: &ScriptedRedis, timeout: Duration, pause: Duration) -> Redis {
    let settings = config::Redis {
        timeout_milliseconds: u64::try_from(timeout.as_millis()).unwrap(),
        ..settings(&server.url, "test".to_owned())
    };
    let url = settings.url.as_ref().unwrap();
    Redis::connect_with_pause(url, &settings, moment(0), pause).unwrap()
}

async fn attempt(store: &Redis, at: i64) -> Result<Verdict, Unavailable> {
    store.charge(moment(at), &[vec![charge("a", 3, 1)]]).await
}

#[tokio::test]
async fn a_dead_connection_is_replaced_within_the_same_request() {
    let server = ScriptedRedis::start(Behaviour::Allows);
    let store = store(&server, FOR_EVER);
    attempt(&store, 1).await.unwrap();
    server.now(Behaviour::HangsUpOnce);
    attempt(&store, 2).await.unwrap();
    attempt(&store, 3).await.unwrap();
    assert_eq!(server.connections(), 2, "the dead one is gone for good");
    assert_eq!(
        store.health(),
        Health {
            up: true,
            since: moment(1)
        }
    );
}

#[tokio::test]
async fn all_connections_that_died_together_are_replaced_together() {
    let server = ScriptedRedis::start(Behaviour::Allows);
    let store = Arc::new(store(&server, FOR_EVER));
    let mut attempts = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let store = Arc::clone(&store);
        attempts.spawn(async move { attempt(&store, 1).await.unwrap() });
    }
    attempts.join_all().await;
    server.now(Behaviour::HangsUpOnce);
    attempt(&store, 2).await.unwrap();
    let before = server.asked();
    for at in 3..20 {
        attempt(&store, at).await.unwrap();
    }
    assert_eq!(
        server.asked(),
        before + 17,
        "none of them needed a second try"
    );
}

#[tokio::test]
async fn a_slow_server_costs_one_timeout_and_then_nothing() {
    let server = ScriptedRedis::start(Behaviour::Stalls);
    let store = store_with(&server, PATIENCE, FOR_EVER);
    let start = Instant::now();
    attempt(&store, 1).await.unwrap_err();
    assert!(start.elapsed() < PATIENCE * 10, "{:?}", start.elapsed());
    for at in 2..1_000 {
        attempt(&store, at).await.unwrap_err();
    }
    assert_eq!(server.asked(), 1, "a slow answer is not asked for twice");
    assert_eq!(
        store.health(),
        Health {
            up: false,
            since: moment(0)
        },
        "it never was up"
    );
}

#[tokio::test]
async fn an_unavailable_server_fails_fast_and_may_recover() {
    let server = ScriptedRedis::start(Behaviour::Allows);
    let store = store(&server, Duration::ZERO);
    attempt(&store, 1).await.unwrap();
    server.now(Behaviour::HangsUp);
    for at in 2..10 {
        attempt(&store, at).await.unwrap_err();
    }
    assert_eq!(
        store.health(),
        Health {
            up: false,
            since: moment(2)
        }
    );
    server.now(Behaviour::Allows);
    attempt(&store, 10).await.unwrap();
    assert_eq!(
        store.health(),
        Health {
            up: true,
            since: moment(10)
        }
    );
}

#[tokio::test]
async fn errors_of_the_server_count_as_unavailable_on_a_fresh_connection_too() {
    let server = ScriptedRedis::start(Behaviour::Allows);
    let store = store(&server, Duration::ZERO);
    for error in [
        "-READONLY You can't write against a read only replica.",
        "-LOADING Redis is",
        "-OOM command not allowed when used memory > 'maxmemory'. script: 82cd, on @user_script:1.",
        "-MISCONF Redis is configured to save RDB snapshots",
        "-NOREPLICAS Not enough good replicas to write.",
        "-BUSY Redis is busy running a script.",
        "-UNKILLABLE no",
        "-MASTERDOWN no",
        "-CLUSTERDOWN The cluster is down",
        "-TRYAGAIN no",
        "-CROSSSLOT no",
        "-ASK 1 127.0.0.1:1",
        "-EXECABORT no",
        "-NOTBUSY no",
        "-NOSUB no",
        "-NOAUTH Authentication required.",
        "-WRONGTYPE no",
        "-ERR max number of clients reached",
        "-",
        "-NOPERM no",
        "-MOVED 1 127.0.0.1:1",
        "$3\r\nabc",
    ] {
        server.now(Behaviour::Errs(error));
        let (connections, asked) = (server.connections(), server.asked());
        let failure = attempt(&store, 1).await.unwrap_err();
        assert_eq!(server.asked(), asked + 2, "{failure}");
        assert!(server.connections() > connections, "{failure}");
        assert!(!store.health().up);
        server.now(Behaviour::Allows);
        store.ping(moment(2)).await.unwrap();
        assert!(store.health().up);
    }
}

#[tokio::test]
async fn the_reason_names_the_cause_and_no_secret() {
    let server = ScriptedRedis::start(Behaviour::Rejects("-WRONGPASS invalid pair sesame"));
    let rejected = attempt(&store(&server, FOR_EVER), 1).await.unwrap_err();
    assert!(
        rejected.to_string().contains("wrong user name or password"),
        "{rejected}"
    );

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://user:sesame@{}/", closed.local_addr().unwrap());
    drop(closed);
    let settings = config::Redis {
        timeout_milliseconds: u64::try_from(FOR_EVER.as_millis()).unwrap(),
        ..settings(&url, "test".to_owned())
    };
    let store = Volatile::configured(&settings, moment(0)).unwrap();
    let away = store.ping(moment(1)).await.unwrap_err();
    assert!(away.to_string().contains("refused"), "{away}");
    assert_eq!(
        store.ping(moment(1)).await.unwrap_err().to_string(),
        away.to_string()
    );

    for text in [
        format!("{rejected} {rejected:?} {away} {away:?}"),
        format!("{store:?}"),
    ] {
        assert!(!text.contains("sesame"), "{text}");
    }
    assert!(!format!("{settings:?}").contains("sesame"));
}

#[tokio::test]
async fn a_cancelled_request_leaves_the_store_usable() {
    let server = ScriptedRedis::start(Behaviour::Stalls);
    let store = store_with(&server, PATIENCE, Duration::ZERO);
    let dropped = tokio::time::timeout(PATIENCE / 5, attempt(&store, 1)).await;
    assert!(dropped.is_err());
    server.now(Behaviour::Allows);
    attempt(&store, 2)
        .await
        .expect_err("stuck behind what the server never answered");
    attempt(&store, 3).await.unwrap();
}

#[test]
fn urls_that_cannot_work_are_refused_without_quoting_them() {
    let good = settings("redis://user:sesame@localhost/0", "idgate".to_owned());
    let connect = |settings: &config::Redis| Volatile::configured(settings, moment(0));
    assert!(
        connect(&good).is_ok(),
        "no runtime and no server is needed yet"
    );
    for url in [
        "",
        "http://u:sesame@host",
        "redis://u:sesame@host/zero",
        "redis://:sesame@:x",
        "rediss://u:sesame@host/#insecure",
        "rediss://u:sesame@host/#x",
    ] {
        let error = connect(&config::Redis {
            url: Some(url.into()),
            ..good.clone()
        })
        .unwrap_err();
        assert_eq!(error, InvalidUrl, "{url}");
        assert!(!format!("{error} {error:?}").contains("sesame"));
    }
}

//! Concerns about the memory settings of the server; none without an answer.

use super::scripted::{Behaviour, ScriptedRedis};
use super::*;

const PATIENCE: Duration = Duration::from_millis(250);

fn store_at(url: &str, timeout: Duration) -> Volatile {
    let settings = config::Redis {
        timeout_milliseconds: u64::try_from(timeout.as_millis()).unwrap(),
        ..settings(url, "test".to_owned())
    };
    Volatile::configured(&settings, moment(0)).unwrap()
}

fn evicting(policy: &str) -> MemoryConcern {
    let policy = policy.to_owned();
    MemoryConcern::Evicting { policy }
}

#[tokio::test]
async fn each_unsafe_setting_is_one_concern() {
    let server = ScriptedRedis::start(Behaviour::Allows);
    for (section, expected) in [
        (
            "# Memory\r\nmaxmemory:268435456\r\nmaxmemory_human:256.00M\r\nmaxmemory_policy:noeviction\r\n",
            vec![],
        ),
        (
            "# Memory\r\nmaxmemory:0\r\nmaxmemory_human:0B\r\nmaxmemory_policy:noeviction\r\n",
            vec![MemoryConcern::Unlimited],
        ),
        (
            "maxmemory_policy:allkeys-lru\r\nmaxmemory:1024\r\n",
            vec![evicting("allkeys-lru")],
        ),
        (
            "maxmemory:0\nmaxmemory_policy:volatile-ttl\n",
            vec![MemoryConcern::Unlimited, evicting("volatile-ttl")],
        ),
        (
            "maxmemory:1024\r\nmaxmemory_policy:volatile-lru",
            vec![evicting("volatile-lru")],
        ),
        (
            "maxmemory:1024\r\nmaxmemory_policy:allkeys-random",
            vec![evicting("allkeys-random")],
        ),
        // Some servers lack these lines, which gives no concern.
        (
            "# Memory\r\nused_memory:1\r\ntotal_system_memory:0\r\n",
            vec![],
        ),
        ("maxmemory", vec![]),
        ("", vec![]),
    ] {
        server.now(Behaviour::Informs(section));
        let store = store_at(&server.url, Duration::from_secs(20));
        assert_eq!(store.memory_concerns().await, expected, "{section:?}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_gives_no_concern_and_no_delay() {
    for behaviour in [
        Behaviour::Errs("-NOPERM this user has no permissions to run the 'info' command"),
        Behaviour::Errs("-ERR unknown command 'INFO'"),
        Behaviour::Errs("*1\r\n:1"),
        Behaviour::HangsUp,
        Behaviour::Stalls,
        Behaviour::Rejects("-WRONGPASS no"),
    ] {
        let server = ScriptedRedis::start(behaviour);
        let store = store_at(&server.url, PATIENCE);
        assert_eq!(store.memory_concerns().await, [], "{behaviour:?}");
        // A failed INFO does not affect the health.
        server.now(Behaviour::Allows);
        let patient = store_at(&server.url, Duration::from_secs(20));
        patient.ping(moment(1)).await.unwrap();
    }
    assert_eq!(Volatile::memory(moment(0)).memory_concerns().await, []);
}

#[tokio::test]
async fn a_real_server_answers() {
    for store in backends() {
        // Whatever its settings, each concern occurs once.
        let concerns = store.memory_concerns().await;
        let unlimited = concerns
            .iter()
            .filter(|concern| **concern == MemoryConcern::Unlimited);
        assert!(
            unlimited.count() <= 1 && concerns.len() <= 2,
            "{concerns:?}"
        );
        for concern in concerns {
            assert!(concern.to_string().contains("set its `maxmemory"));
        }
    }
}

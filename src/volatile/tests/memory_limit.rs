//! What is said of the server's limit of memory, and that nothing is said without knowing.

use super::scripted::{Manner, ScriptedRedis};
use super::*;

const PATIENCE: Duration = Duration::from_millis(250);

fn store_at(url: &str, timeout: Duration) -> Volatile {
    let settings = RedisSettings {
        timeout,
        ..settings(url, "test".to_owned())
    };
    Volatile::connect(&settings, moment(0)).unwrap()
}

fn evicting(policy: &str) -> MemoryConcern {
    let policy = policy.to_owned();
    MemoryConcern::Evicting { policy }
}

#[tokio::test]
async fn each_setting_that_is_not_safe_is_one_concern() {
    let server = ScriptedRedis::start(Manner::Allows);
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
        // Not every server has these lines, and without them nothing is known.
        (
            "# Memory\r\nused_memory:1\r\ntotal_system_memory:0\r\n",
            vec![],
        ),
        ("maxmemory", vec![]),
        ("", vec![]),
    ] {
        server.now(Manner::Informs(section));
        let store = store_at(&server.url, Duration::from_secs(20));
        assert_eq!(store.memory_concerns().await, expected, "{section:?}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_tell_gives_no_concern_and_is_not_waited_for() {
    for manner in [
        Manner::Errs("-NOPERM this user has no permissions to run the 'info' command"),
        Manner::Errs("-ERR unknown command 'INFO'"),
        Manner::Errs("*1\r\n:1"),
        Manner::HangsUp,
        Manner::Stalls,
        Manner::Rejects("-WRONGPASS no"),
    ] {
        let server = ScriptedRedis::start(manner);
        let store = store_at(&server.url, PATIENCE);
        assert_eq!(store.memory_concerns().await, [], "{manner:?}");
        // What it tells about itself is no part of its work.
        server.now(Manner::Allows);
        let patient = store_at(&server.url, Duration::from_secs(20));
        patient.ping(moment(1)).await.unwrap();
    }
    assert_eq!(Volatile::memory(moment(0)).memory_concerns().await, []);
}

#[tokio::test]
async fn a_real_server_tells() {
    for store in backends() {
        // Whatever it is set to, each concern comes once.
        let concerns = store.memory_concerns().await;
        let unlimited = concerns
            .iter()
            .filter(|it| **it == MemoryConcern::Unlimited);
        assert!(
            unlimited.count() <= 1 && concerns.len() <= 2,
            "{concerns:?}"
        );
        for concern in concerns {
            assert!(concern.to_string().contains("set its `maxmemory"));
        }
    }
}

//! When cached keys may be used, and when they are fetched again.
//!
//! Pure: times are arguments.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use chrono::{DateTime, Duration, Utc};

use super::KeyDocument;

/// The minimum and maximum lifetime of keys, whatever the provider's headers say.
const MIN_LIFETIME: Duration = Duration::minutes(5);
const MAX_LIFETIME: Duration = Duration::hours(24);
/// How much longer they are used while the provider does not answer (stale-if-error).
const STALE_USE: Duration = Duration::hours(24);
/// The pause after a failed fetch.
const PAUSE: Duration = Duration::seconds(5);
/// The number of fetches that unknown keys may cause in this interval: anyone can invent a key id.
const UNKNOWN_KEYS: usize = 4;
const UNKNOWN_SPAN: Duration = Duration::minutes(2);

/// What to do to find a token's key.
pub(super) enum Decision<K> {
    /// Use these keys.
    Use(Arc<K>),
    /// Fetch; callers that cannot wait may use these.
    Refresh {
        /// Expired keys that include the requested one.
        meanwhile: Option<Arc<K>>,
    },
    /// The last fetch failed a moment ago, and no cached key may be used.
    Unavailable,
}

struct CachedKeys<K> {
    keys: Arc<K>,
    fresh_until: DateTime<Utc>,
}

/// The cache and its history.
pub(super) struct KeyCache<K> {
    held: Option<CachedKeys<K>>,
    failed_at: Option<DateTime<Utc>>,
    /// Key ids that a fetch did not bring.
    missed: Vec<(String, DateTime<Utc>)>,
}

impl<K> Default for KeyCache<K> {
    fn default() -> Self {
        Self {
            held: None,
            failed_at: None,
            missed: Vec::new(),
        }
    }
}

impl<K: KeyDocument> KeyCache<K> {
    pub(super) fn decide(&self, key_id: &str, now: DateTime<Utc>) -> Decision<K> {
        let usable = |held: &&CachedKeys<K>| now < held.fresh_until + STALE_USE;
        let held = self.held.as_ref().filter(usable);
        let is_fresh = held.is_some_and(|held| now < held.fresh_until);
        let found = held
            .filter(|held| held.keys.has(key_id))
            .map(|held| Arc::clone(&held.keys));
        let is_pausing = self.failed_at.is_some_and(|at| now < at + PAUSE);
        match (found, held) {
            (Some(keys), _) if is_fresh || is_pausing => Decision::Use(keys),
            (None, _) if is_pausing => Decision::Unavailable,
            (None, Some(held)) if is_fresh && !self.may_ask_about(key_id, now) => {
                Decision::Use(Arc::clone(&held.keys))
            }
            (meanwhile, _) => Decision::Refresh { meanwhile },
        }
    }

    /// Whether an unknown key may cause another fetch.
    fn may_ask_about(&self, key_id: &str, now: DateTime<Utc>) -> bool {
        let mut recent = self
            .missed
            .iter()
            .filter(|(_, at)| now < *at + UNKNOWN_SPAN);
        let count = recent.clone().count();
        count < UNKNOWN_KEYS && !recent.any(|(missed, _)| missed == key_id)
    }

    /// Records that a fetch for this key begins.
    pub(super) fn begin(&mut self, key_id: &str, now: DateTime<Utc>) {
        self.missed.retain(|(_, at)| now < *at + UNKNOWN_SPAN);
        self.missed.push((key_id.to_owned(), now));
    }

    /// Stores fetched keys; keys that are no longer published are dropped.
    pub(super) fn succeed(&mut self, keys: K, max_age: Option<StdDuration>, now: DateTime<Utc>) {
        let asked = max_age.and_then(|age| Duration::from_std(age).ok());
        let use_for = asked
            .unwrap_or(MIN_LIFETIME)
            .clamp(MIN_LIFETIME, MAX_LIFETIME);
        self.missed.retain(|(missed, _)| !keys.has(missed));
        self.failed_at = None;
        self.held = Some(CachedKeys {
            keys: Arc::new(keys),
            fresh_until: now + use_for,
        });
    }

    pub(super) fn fail(&mut self, now: DateTime<Utc>) {
        self.failed_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ids(Vec<&'static str>);

    impl KeyDocument for Ids {
        type Error = &'static str;

        fn read(_: &[u8]) -> Result<Self, Self::Error> {
            Err("not used here")
        }

        fn has(&self, key_id: &str) -> bool {
            self.0.contains(&key_id)
        }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_770_000_000 + seconds, 0).unwrap()
    }

    fn cache_with(ids: &[&'static str], max_age: Option<u64>) -> KeyCache<Ids> {
        let mut cache = KeyCache::default();
        let max_age = max_age.map(StdDuration::from_secs);
        cache.succeed(Ids(ids.to_vec()), max_age, at(0));
        cache
    }

    fn decision(cache: &KeyCache<Ids>, key_id: &str, seconds: i64) -> &'static str {
        match cache.decide(key_id, at(seconds)) {
            Decision::Use(_) => "use",
            Decision::Refresh { meanwhile: None } => "refresh",
            Decision::Refresh { meanwhile: Some(_) } => "refresh, or go on",
            Decision::Unavailable => "unavailable",
        }
    }

    #[test]
    fn keys_are_used_as_long_as_the_provider_says_within_bounds() {
        for (max_age, fresh) in [
            (None, 300),
            (Some(0), 300),
            (Some(19_000), 19_000),
            (Some(u64::MAX), 86_400),
        ] {
            let cache = cache_with(&["a"], max_age.map(|age| age.min(1 << 40)));
            assert_eq!(decision(&cache, "a", fresh - 1), "use");
            assert_eq!(decision(&cache, "a", fresh), "refresh, or go on");
        }
    }

    #[test]
    fn stale_keys_serve_for_a_day_while_the_provider_fails() {
        let mut cache = cache_with(&["a"], None);
        let end = 300 + 86_400;
        for seconds in [300, 4_000, end - 1] {
            cache.begin("a", at(seconds));
            cache.fail(at(seconds));
            assert_eq!(decision(&cache, "a", seconds), "use", "{seconds}");
            assert_eq!(decision(&cache, "b", seconds), "unavailable", "{seconds}");
        }
        assert_eq!(decision(&cache, "a", end), "unavailable");
        assert_eq!(decision(&cache, "a", end + 5), "refresh");
    }

    #[test]
    fn a_failure_is_followed_by_a_pause() {
        let mut cache: KeyCache<Ids> = KeyCache::default();
        assert_eq!(decision(&cache, "a", 0), "refresh");
        cache.begin("a", at(0));
        cache.fail(at(0));
        assert_eq!(decision(&cache, "a", 4), "unavailable");
        assert_eq!(decision(&cache, "a", 5), "refresh");
    }

    #[test]
    fn an_unknown_key_is_asked_about_once_and_all_together_a_few_times() {
        let mut cache = cache_with(&["a"], None);
        assert_eq!(decision(&cache, "b", 1), "refresh");
        cache.begin("b", at(1));
        cache.succeed(Ids(vec!["a"]), None, at(1));
        assert_eq!(decision(&cache, "b", 2), "use");
        for key_id in ["c", "d", "e"] {
            assert_eq!(decision(&cache, key_id, 3), "refresh");
            cache.begin(key_id, at(3));
            cache.succeed(Ids(vec!["a"]), None, at(3));
        }
        assert_eq!(decision(&cache, "f", 4), "use");
        assert_eq!(decision(&cache, "b", 120), "use");
        assert_eq!(decision(&cache, "b", 121), "refresh");
        assert_eq!(cache.missed.len(), 4);
    }

    #[test]
    fn a_key_that_was_found_does_not_count_as_missed_and_a_withdrawn_one_is_gone() {
        let mut cache = cache_with(&["a"], None);
        cache.begin("b", at(1));
        cache.succeed(Ids(vec!["b"]), None, at(1));
        assert!(cache.missed.is_empty());
        assert_eq!(decision(&cache, "b", 2), "use");
        assert_eq!(decision(&cache, "a", 2), "refresh");
    }
}

//! The keys of an identity provider: fetched on demand and cached, with a bounded number of fetches.
//!
//! `policy` decides when to fetch, `fetch` does it.

mod fetch;
mod policy;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::OwnedMutexGuard;
use tokio_util::task::TaskTracker;
use url::Url;

use self::fetch::Fetcher;
use self::policy::{Decision, KeyCache};
use crate::fault::Fault;
use crate::telemetry::waits::{Wait, timed};

/// A fetched document: keys by id.
pub trait KeyDocument: Send + Sync + Sized + 'static {
    /// Why a document is invalid.
    type Error: fmt::Display;

    /// Parses a document.
    fn read(document: &[u8]) -> Result<Self, Self::Error>;

    /// Whether it has a key with this id.
    fn has(&self, key_id: &str) -> bool;
}

/// The provider does not answer, and no cached key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keys of the identity provider are not available")]
pub struct KeysUnavailable;

/// The keys of one provider.
pub struct ProviderKeys<K> {
    shared: Arc<Shared<K>>,
    flight: Arc<tokio::sync::Mutex<()>>,
    tasks: TaskTracker,
}

struct Shared<K> {
    cache: Mutex<KeyCache<K>>,
    fetcher: Fetcher,
}

impl<K: KeyDocument> ProviderKeys<K> {
    /// Prepares fetching from this address; does not fetch yet.
    pub fn new(address: &Url, timeout: Duration) -> Result<Self, Fault> {
        Ok(Self {
            shared: Arc::new(Shared {
                cache: Mutex::new(KeyCache::default()),
                fetcher: Fetcher::new(address, timeout)?,
            }),
            flight: Arc::default(),
            tasks: TaskTracker::new(),
        })
    }

    /// The keys in which to look for `key_id`. They may lack it: the provider does not have it, or
    /// unknown keys caused too many fetches.
    pub async fn for_key(
        &self,
        key_id: &str,
        now: DateTime<Utc>,
    ) -> Result<Arc<K>, KeysUnavailable> {
        let meanwhile = match self.decide(key_id, now) {
            Decision::Use(keys) => return Ok(keys),
            Decision::Unavailable => return Err(KeysUnavailable),
            Decision::Refresh { meanwhile } => meanwhile,
        };
        let flight = match (Arc::clone(&self.flight).try_lock_owned(), meanwhile) {
            (Ok(flight), _) => flight,
            // A fetch is in flight: requests that can proceed do not wait for a slow provider.
            (Err(_), Some(keys)) => return Ok(keys),
            (Err(_), None) => {
                let turn = Arc::clone(&self.flight).lock_owned();
                let flight = timed(Wait::Provider, turn).await;
                match self.decide(key_id, now) {
                    Decision::Use(keys) => return Ok(keys),
                    Decision::Unavailable => return Err(KeysUnavailable),
                    Decision::Refresh { .. } => flight,
                }
            }
        };
        timed(Wait::Provider, self.refresh(key_id, now, flight)).await;
        match self.decide(key_id, now) {
            Decision::Use(keys)
            | Decision::Refresh {
                meanwhile: Some(keys),
            } => Ok(keys),
            Decision::Refresh { meanwhile: None } | Decision::Unavailable => Err(KeysUnavailable),
        }
    }

    fn decide(&self, key_id: &str, now: DateTime<Utc>) -> Decision<K> {
        self.shared.cache().decide(key_id, now)
    }

    /// Fetches once, even if the request is cancelled: otherwise clients that disconnect would use up
    /// the attempts of all.
    async fn refresh(&self, key_id: &str, now: DateTime<Utc>, flight: OwnedMutexGuard<()>) {
        self.shared.cache().begin(key_id, now);
        let shared = Arc::clone(&self.shared);
        let task = self.tasks.spawn(async move {
            shared.fetch(now).await;
            drop(flight);
        });
        if let Err(error) = task.await {
            tracing::error!(%error, "fetching the keys of the identity provider broke off");
        }
    }
}

impl<K: KeyDocument> Shared<K> {
    async fn fetch(&self, now: DateTime<Utc>) {
        let reason = match self.fetcher.fetch().await {
            Ok(fetched) => match K::read(&fetched.body) {
                Ok(keys) => {
                    self.cache().succeed(keys, fetched.max_age, now);
                    return;
                }
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        tracing::warn!(
            reason,
            "the keys of the identity provider cannot be fetched"
        );
        self.cache().fail(now);
    }
}

impl<K> Shared<K> {
    fn cache(&self) -> MutexGuard<'_, KeyCache<K>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> fmt::Debug for ProviderKeys<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProviderKeys")
            .finish_non_exhaustive()
    }
}

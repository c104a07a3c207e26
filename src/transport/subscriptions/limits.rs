//! Limits on connections, per user and per network.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::ids::UserId;

/// What connections are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ConnectionKey {
    /// The network of a client that has not authenticated. Not its address: a host has as many
    /// IPv6 addresses as it likes (`domain::network::bucket`).
    Network(String),
    /// An authenticated user.
    User(UserId),
}

/// Counts the open connections of one listener by key.
#[derive(Debug, Default)]
pub(in crate::transport) struct ConnectionLimiter(Mutex<HashMap<ConnectionKey, usize>>);

/// One counted connection; released on drop.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    key: ConnectionKey,
}

impl ConnectionLimiter {
    /// Counts one more connection; `None` when the key already has `max` of them.
    pub(super) fn try_acquire(
        self: &Arc<Self>,
        key: ConnectionKey,
        max: usize,
    ) -> Option<ConnectionPermit> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key.clone()).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        let limiter = Arc::clone(self);
        Some(ConnectionPermit { limiter, key })
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let counts = self.limiter.0.lock();
        let mut counts = counts.unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_permit_can_be_acquired_again() {
        let limiter = Arc::new(ConnectionLimiter::default());
        let key = ConnectionKey::Network("127.0.0.1".to_owned());
        let first = limiter.try_acquire(key.clone(), 2);
        let second = limiter.try_acquire(key.clone(), 2);
        assert!(first.is_some() && second.is_some());
        assert!(limiter.try_acquire(key.clone(), 2).is_none());
        let other = ConnectionKey::User(uuid::Uuid::nil().into());
        assert!(limiter.try_acquire(other, 1).is_some());
        drop(first);
        assert!(limiter.try_acquire(key, 2).is_some());
        drop(second);
        assert!(limiter.0.lock().unwrap().is_empty(), "no key is kept");
    }
}

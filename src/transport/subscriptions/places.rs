//! How many connections somebody holds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::ids::UserId;

/// Who holds connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    /// Somebody of this network who has not said who they are: a host has as many addresses as it
    /// likes (`domain::network::bucket`).
    Unknown(String),
    /// A person.
    Person(UserId),
}

/// The connections of one listener, by who holds them.
#[derive(Debug, Default)]
pub(in crate::transport) struct Places(Mutex<HashMap<Holder, usize>>);

/// One of them, until dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    holder: Holder,
}

impl Places {
    /// Takes a place, unless the holder has as many as they may.
    pub(super) fn take(self: &Arc<Self>, holder: Holder, most: usize) -> Option<Place> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(holder.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        let places = Arc::clone(self);
        Some(Place { places, holder })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_once_it_is_left() {
        let places = Arc::new(Places::default());
        let holder = Holder::Unknown("127.0.0.1".to_owned());
        let first = places.take(holder.clone(), 2);
        let second = places.take(holder.clone(), 2);
        assert!(first.is_some() && second.is_some());
        assert!(places.take(holder.clone(), 2).is_none());
        let other = Holder::Person(uuid::Uuid::nil().into());
        assert!(places.take(other, 1).is_some());
        drop(first);
        assert!(places.take(holder, 2).is_some());
        drop(second);
        assert!(places.0.lock().unwrap().is_empty(), "nobody is remembered");
    }
}

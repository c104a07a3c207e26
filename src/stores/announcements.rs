//! What committed transactions let others know, on its way out of the stores.
//!
//! A queue with a bound and no promise: what does not fit is dropped and counted. Who hears of it
//! is nothing that the stores know.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::domain::occurrence::Occurrence;

/// Transactions that may wait to be made known; a second of the busiest gateway.
const LONGEST_QUEUE: usize = 4096;

/// Occurrences that are taken at once: telling others takes a round trip.
const ENOUGH: usize = 64;

/// The queue of announcements of one process.
#[derive(Debug)]
pub struct Announcements {
    sender: mpsc::Sender<Vec<Occurrence>>,
    receiver: tokio::sync::Mutex<mpsc::Receiver<Vec<Occurrence>>>,
    lost: AtomicU64,
}

impl Default for Announcements {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(LONGEST_QUEUE);
        Self {
            sender,
            receiver: tokio::sync::Mutex::new(receiver),
            lost: AtomicU64::new(0),
        }
    }
}

impl Announcements {
    /// What the next transaction announced, with what waits behind it; waits until there is one.
    /// Whoever asks takes it.
    pub async fn next(&self) -> Vec<Occurrence> {
        let mut receiver = self.receiver.lock().await;
        // It only fails without a sender, and there is one beside it.
        let mut next = receiver.recv().await.unwrap_or_default();
        while next.len() < ENOUGH {
            match receiver.try_recv() {
                Ok(more) => next.extend(more),
                Err(_) => break,
            }
        }
        next
    }

    /// How many occurrences did not fit since this was last asked.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    fn offer(&self, occurrences: Vec<Occurrence>) {
        let count = u64::try_from(occurrences.len()).unwrap_or(u64::MAX);
        if self.sender.try_send(occurrences).is_err() {
            self.lost.fetch_add(count, Ordering::Relaxed);
        }
    }
}

/// What one transaction will announce if it is committed.
#[derive(Debug)]
pub(super) struct Pending {
    occurrences: Mutex<Vec<Occurrence>>,
    queue: Arc<Announcements>,
}

impl Pending {
    pub(super) fn new(queue: Arc<Announcements>) -> Self {
        Self {
            occurrences: Mutex::default(),
            queue,
        }
    }

    pub(super) fn add(&self, occurrence: Occurrence) {
        let mut occurrences = self
            .occurrences
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        occurrences.push(occurrence);
    }

    pub(super) fn hand_over(self) {
        let occurrences = self
            .occurrences
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if !occurrences.is_empty() {
            self.queue.offer(occurrences);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_is_dropped_and_counted() {
        let queue = Arc::new(Announcements::default());
        let event = Occurrence::Audited {
            event: Uuid::nil().into(),
            subject: None,
        };
        for _ in 0..LONGEST_QUEUE + 3 {
            let pending = Pending::new(Arc::clone(&queue));
            pending.add(event);
            pending.hand_over();
        }
        assert_eq!(queue.take_lost(), 3);
        assert_eq!(queue.take_lost(), 0);
        assert_eq!(queue.next().await, [event; ENOUGH]);
    }
}

//! The queue of domain events of committed transactions.
//!
//! Bounded and best effort: events that do not fit are dropped and counted. The stores do not know
//! who consumes the queue.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::domain::event::DomainEvent;

/// Transactions whose events may be queued; a second of the busiest gateway.
const CAPACITY: usize = 4096;

/// Events that are taken at once: publishing them takes a round trip.
const MAX_BATCH: usize = 64;

/// The event queue of one process.
#[derive(Debug)]
pub struct EventQueue {
    sender: mpsc::Sender<Vec<DomainEvent>>,
    receiver: tokio::sync::Mutex<mpsc::Receiver<Vec<DomainEvent>>>,
    lost: AtomicU64,
}

impl Default for EventQueue {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        Self {
            sender,
            receiver: tokio::sync::Mutex::new(receiver),
            lost: AtomicU64::new(0),
        }
    }
}

impl EventQueue {
    /// Waits for the events of the next transaction and takes more that are queued.
    ///
    /// Single consumer: each call removes what it returns.
    pub async fn next(&self) -> Vec<DomainEvent> {
        let mut receiver = self.receiver.lock().await;
        // Fails only without a sender, and `self` holds one.
        let mut next = receiver.recv().await.unwrap_or_default();
        while next.len() < MAX_BATCH {
            match receiver.try_recv() {
                Ok(more) => next.extend(more),
                Err(_) => break,
            }
        }
        next
    }

    /// The number of events dropped since the last call.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    fn push(&self, events: Vec<DomainEvent>) {
        let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
        if self.sender.try_send(events).is_err() {
            self.lost.fetch_add(count, Ordering::Relaxed);
        }
    }
}

/// The events of an open transaction, queued when it is committed.
#[derive(Debug)]
pub(super) struct PendingEvents {
    events: Mutex<Vec<DomainEvent>>,
    queue: Arc<EventQueue>,
}

impl PendingEvents {
    pub(super) fn new(queue: Arc<EventQueue>) -> Self {
        Self {
            events: Mutex::default(),
            queue,
        }
    }

    pub(super) fn add(&self, event: DomainEvent) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(event);
    }

    pub(super) fn flush(&self) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if !events.is_empty() {
            self.queue.push(std::mem::take(&mut events));
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn events_that_do_not_fit_are_dropped_and_counted() {
        let queue = Arc::new(EventQueue::default());
        let event = DomainEvent::Audited {
            event: Uuid::nil().into(),
            subject: None,
        };
        for _ in 0..CAPACITY + 3 {
            let pending = PendingEvents::new(Arc::clone(&queue));
            pending.add(event);
            pending.flush();
        }
        assert_eq!(queue.take_lost(), 3);
        assert_eq!(queue.take_lost(), 0);
        assert_eq!(queue.next().await, [event; MAX_BATCH]);
    }
}

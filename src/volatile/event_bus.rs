//! The event bus: delivers domain events to the subscribers in this process.

use std::sync::Arc;

use tokio::sync::{broadcast, watch};
use uuid::Uuid;

use crate::domain::event::DomainEvent;

/// Messages that the slowest subscriber may be behind.
const CAPACITY: usize = 4096;

/// The events of one message.
pub type Events = Arc<[DomainEvent]>;

/// The event bus of this process, with the events of this and the other instances.
#[derive(Debug)]
pub struct EventBus {
    /// The id of this process among the instances.
    pub(super) instance: Uuid,
    subscribers: broadcast::Sender<Events>,
    connected: watch::Sender<bool>,
}

impl EventBus {
    /// A bus without subscribers. The id must be unique among the instances.
    #[must_use]
    pub fn new(instance: [u8; 16]) -> Self {
        Self {
            instance: Uuid::from_bytes(instance),
            subscribers: broadcast::Sender::new(CAPACITY),
            connected: watch::Sender::new(false),
        }
    }

    /// Delivers events to the current subscribers.
    pub fn publish(&self, events: Events) {
        // Fails only when there are no subscribers.
        let _ = self.subscribers.send(events);
    }

    /// Receives all events that are published from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Events> {
        self.subscribers.subscribe()
    }

    /// Whether the events of other instances are received.
    #[must_use]
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.subscribe()
    }

    pub(super) fn set_connected(&self, connected: bool) {
        let change = |known: &mut bool| std::mem::replace(known, connected) != connected;
        self.connected.send_if_modified(change);
    }
}

//! What happens, handed to everybody in this process who listens.

use std::sync::Arc;

use tokio::sync::{broadcast, watch};
use uuid::Uuid;

use crate::domain::occurrence::Occurrence;

/// Transactions that the slowest listener may be behind.
const LONGEST_DELAY: usize = 4096;

/// What one transaction did.
pub type Occurrences = Arc<[Occurrence]>;

/// Where this process listens to what happens, here and at the other instances.
#[derive(Debug)]
pub struct Hub {
    /// Names this process to the others.
    pub(super) instance: Uuid,
    listeners: broadcast::Sender<Occurrences>,
    connected: watch::Sender<bool>,
}

impl Hub {
    /// A hub that nobody listens to. The name must be unlike that of any other process.
    #[must_use]
    pub fn new(name: [u8; 16]) -> Self {
        Self {
            instance: Uuid::from_bytes(name),
            listeners: broadcast::Sender::new(LONGEST_DELAY),
            connected: watch::Sender::new(false),
        }
    }

    /// Hands it to everybody who listens now.
    pub fn spread(&self, occurrences: Occurrences) {
        // Nobody listening is no failure.
        let _ = self.listeners.send(occurrences);
    }

    /// From now on, everything that is handed out.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Occurrences> {
        self.listeners.subscribe()
    }

    /// Whether what happens at other instances arrives here.
    #[must_use]
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.subscribe()
    }

    pub(super) fn set_connected(&self, connected: bool) {
        let change = |known: &mut bool| std::mem::replace(known, connected) != connected;
        self.connected.send_if_modified(change);
    }
}

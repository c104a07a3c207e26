//! Waking the background loops: what this process writes does not wait for the next look.

use super::App;

impl App {
    /// Wakes the delivery loop.
    pub fn wake_outbox(&self) {
        self.outbox.notify_one();
    }

    /// Waits for [`App::wake_outbox`].
    pub async fn outbox_woken(&self) {
        self.outbox.notified().await;
    }

    /// Wakes the loop that links audit events.
    pub fn wake_linking(&self) {
        self.linking.notify_one();
    }

    /// Waits for [`App::wake_linking`].
    pub async fn linking_woken(&self) {
        self.linking.notified().await;
    }

    /// Wakes the loop that writes exports of personal data.
    pub fn wake_exports(&self) {
        self.exports.notify_one();
    }

    /// Waits for [`App::wake_exports`].
    pub async fn exports_woken(&self) {
        self.exports.notified().await;
    }

    /// Wakes the loop that removes stored objects.
    pub fn wake_removing(&self) {
        self.removing.notify_one();
    }

    /// Waits for [`App::wake_removing`].
    pub async fn removing_woken(&self) {
        self.removing.notified().await;
    }
}

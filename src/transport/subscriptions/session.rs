//! The subscriptions of one connection, and the events that are queued for them.
//!
//! Events are executed in batches: a batch takes what is queued, authenticates the user again, and
//! runs the documents with data loaders of its own. While a batch runs, and until the client has
//! been sent the output of the last one, further events are queued, up to a limit.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, Sleep};

use super::batch::{self, BatchOutcome, Subscription, Task};
use super::close_reason::CloseReason;
use super::identity::Identity;
use crate::domain::caller::Client;
use crate::domain::event::DomainEvent;
use crate::domain::ids::UserId;
use crate::domain::role::Role;
use crate::fault::Fault;
use crate::transport::server::Server;

/// Tasks in one batch.
const MAX_BATCH: usize = 32;

/// The subscriptions of one connection.
pub(super) struct SubscriptionSession {
    server: Arc<Server>,
    identity: Arc<Identity>,
    subscriptions: Vec<Arc<Subscription>>,
    events: broadcast::Receiver<Arc<[DomainEvent]>>,
    queue: VecDeque<Task>,
    batch: Option<BoxFuture<'static, BatchOutcome>>,
    recheck: Pin<Box<Sleep>>,
}

impl SubscriptionSession {
    /// A session without subscriptions for the user of an access token; `None` when the token is
    /// invalid.
    pub(super) async fn establish(
        server: &Arc<Server>,
        client: Client,
        token: &str,
    ) -> Result<Option<Self>, Fault> {
        // Subscribe before authenticating: a revocation in between must not be missed.
        let events = server.app.event_bus.subscribe();
        let identity = Identity::establish(server, client, token).await?;
        Ok(identity.map(|identity| Self {
            events,
            recheck: Box::pin(tokio::time::sleep(until_recheck(server, &identity))),
            server: Arc::clone(server),
            identity: Arc::new(identity),
            subscriptions: Vec::new(),
            queue: VecDeque::new(),
            batch: None,
        }))
    }

    pub(super) fn user(&self) -> UserId {
        self.identity.user
    }

    /// Whether this user may run trusted documents only.
    pub(super) fn requires_trusted_documents(&self) -> bool {
        let is_exempt = self.server.exempts_staff() && self.identity.role >= Role::Staff;
        self.server.requires_trusted_documents() && !is_exempt
    }

    pub(super) fn has(&self, id: &str) -> bool {
        let mut subscriptions = self.subscriptions.iter();
        subscriptions.any(|subscription| subscription.id() == id)
    }

    pub(super) fn count(&self) -> usize {
        self.subscriptions.len()
    }

    /// Adds a subscription, which receives all events from now on.
    pub(super) fn add(&mut self, subscription: Subscription) -> Result<(), CloseReason> {
        subscription.begin(&self.server);
        let subscription = Arc::new(subscription);
        self.subscriptions.push(Arc::clone(&subscription));
        self.enqueue(Task::Open(subscription))
    }

    /// Logs the end of every subscription when the connection is closed.
    pub(super) fn end(&self, reason: CloseReason) {
        for subscription in &self.subscriptions {
            subscription.end(reason);
        }
    }

    /// Removes a subscription; its pending messages are dropped.
    pub(super) fn remove(&mut self, id: &str) {
        self.subscriptions
            .retain(|subscription| subscription.id() != id);
        self.queue
            .retain(|task| !matches!(task, Task::Open(subscription) if subscription.id() == id));
    }

    /// Whether this subscription is still active, and not another one under the same id.
    pub(super) fn is_active(&self, subscription: &Arc<Subscription>) -> bool {
        let mut subscriptions = self.subscriptions.iter();
        subscriptions.any(|active| Arc::ptr_eq(active, subscription))
    }

    /// Waits for the outcome of the next batch; starts none unless `may_start`.
    ///
    /// Cancel safe: a batch that runs is continued by the next call.
    pub(super) async fn next(&mut self, may_start: bool) -> BatchOutcome {
        loop {
            if may_start && self.batch.is_none() && !self.queue.is_empty() {
                self.start_batch();
            }
            tokio::select! {
                outcome = poll_batch(&mut self.batch) => {
                    self.batch = None;
                    self.postpone_recheck();
                    return outcome;
                }
                events = self.events.recv() => {
                    if let Err(reason) = self.enqueue_events(events) {
                        return BatchOutcome::closed(reason);
                    }
                }
                // A batch that is queued or runs authenticates as well.
                () = self.recheck.as_mut(), if self.batch.is_none() && self.queue.is_empty() => {
                    self.queue.push_back(Task::Recheck);
                }
            }
        }
    }

    fn start_batch(&mut self) {
        let tasks = self.queue.len().min(MAX_BATCH);
        let batch = batch::run(
            Arc::clone(&self.server),
            Arc::clone(&self.identity),
            self.subscriptions.clone(),
            self.queue.drain(..tasks).collect(),
        );
        self.batch = Some(batch.boxed());
    }

    /// Queues the events of the user, which may have ended their session, and those of a topic.
    fn enqueue_events(
        &mut self,
        received: Result<Arc<[DomainEvent]>, RecvError>,
    ) -> Result<(), CloseReason> {
        let mut events = received.map_err(|_| CloseReason::Lagged)?;
        let user = self.identity.user;
        loop {
            for event in events.iter() {
                let is_own = event.user() == Some(user);
                let mut topics = self.subscriptions.iter().map(|active| active.topic());
                if is_own || topics.any(|topic| topic.concerns(user, event)) {
                    self.enqueue(Task::Event(*event))?;
                }
            }
            // Drain the channel, so that what has arrived goes into one batch.
            match self.events.try_recv() {
                Ok(more) => events = more,
                Err(broadcast::error::TryRecvError::Lagged(_)) => return Err(CloseReason::Lagged),
                Err(_) => return Ok(()),
            }
        }
    }

    fn enqueue(&mut self, task: Task) -> Result<(), CloseReason> {
        if self.queue.len() >= self.server.app.config.subscriptions.queue {
            return Err(CloseReason::SlowConsumer);
        }
        self.queue.push_back(task);
        Ok(())
    }

    fn postpone_recheck(&mut self) {
        let next = Instant::now() + until_recheck(&self.server, &self.identity);
        self.recheck.as_mut().reset(next);
    }
}

/// The time until the user is authenticated again without an event: at the latest when the token
/// expires.
fn until_recheck(server: &Server, identity: &Identity) -> Duration {
    let app = &server.app;
    let regular = Duration::from_secs(app.config.subscriptions.recheck_seconds);
    let left = (identity.expires_at - app.clock.now()).to_std();
    left.unwrap_or_default().min(regular)
}

async fn poll_batch(batch: &mut Option<BoxFuture<'static, BatchOutcome>>) -> BatchOutcome {
    match batch {
        Some(batch) => batch.await,
        None => std::future::pending().await,
    }
}

//! What one connection listens to: what happens, checked and run, a round at a time.
//!
//! A round takes what waits, asks once whether the person may still listen, and runs the documents
//! with loaders of its own. While one is under way, and while the client has not taken what the
//! last one made, further events wait; there is room for a certain number of them.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, FutureExt as _};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, Sleep};

use super::ending::Ending;
use super::round::{self, Outcome, Subscription, Task};
use crate::domain::caller::Client;
use crate::domain::ids::UserId;
use crate::domain::occurrence::Occurrence;
use crate::domain::role::Role;
use crate::fault::Fault;
use crate::services::session::{Authenticated, authenticate};
use crate::transport::Server;

/// What one round looks at, at most.
const LARGEST_ROUND: usize = 32;

/// Who listens, and what proved it. Each round proves it again.
pub(super) struct Identity {
    pub(super) person: UserId,
    pub(super) expires_at: DateTime<Utc>,
    /// A change of it ends the token, and with that the connection.
    role: Role,
    client: Client,
    token: SecretString,
}

impl Identity {
    pub(super) async fn prove(&self, server: &Server) -> Result<Authenticated, Fault> {
        let token = self.token.expose_secret();
        authenticate(&server.app, self.client.clone(), Some(token)).await
    }

    pub(super) fn request_id(&self) -> &str {
        &self.client.request_id
    }
}

/// What one connection listens to.
pub(super) struct Feed {
    server: Arc<Server>,
    identity: Arc<Identity>,
    subscriptions: Vec<Arc<Subscription>>,
    heard: broadcast::Receiver<Arc<[Occurrence]>>,
    waiting: VecDeque<Task>,
    round: Option<BoxFuture<'static, Outcome>>,
    recheck: Pin<Box<Sleep>>,
}

impl Feed {
    /// What the person of a token listens to, which is nothing yet; `None` when it does not hold.
    pub(super) async fn establish(
        server: &Arc<Server>,
        client: Client,
        token: &str,
    ) -> Result<Option<Self>, Fault> {
        // Before it is asked whether the session lives: its end must not fall in between.
        let heard = server.app.hub.listen();
        let authenticated = authenticate(&server.app, client.clone(), Some(token)).await?;
        let person = authenticated.caller.signed_in();
        let Some((person, expires_at)) = person.zip(authenticated.expires_at) else {
            return Ok(None);
        };
        let identity = Identity {
            person: person.user(),
            role: person.role(),
            expires_at,
            client,
            token: token.into(),
        };
        Ok(Some(Self {
            heard,
            recheck: Box::pin(tokio::time::sleep(until_recheck(server, &identity))),
            server: Arc::clone(server),
            identity: Arc::new(identity),
            subscriptions: Vec::new(),
            waiting: VecDeque::new(),
            round: None,
        }))
    }

    pub(super) fn person(&self) -> UserId {
        self.identity.person
    }

    /// Whether only trusted documents run for this person.
    pub(super) fn requires_trusted_documents(&self) -> bool {
        let is_let_through =
            self.server.lets_only_staff_through() && self.identity.role >= Role::Staff;
        self.server.requires_trusted_documents() && !is_let_through
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.subscriptions.iter().any(|it| it.id() == id)
    }

    pub(super) fn count(&self) -> usize {
        self.subscriptions.len()
    }

    /// Adds a subscription, which hears of everything from now on.
    pub(super) fn add(&mut self, subscription: Subscription) -> Result<(), Ending> {
        subscription.begin(&self.server);
        let subscription = Arc::new(subscription);
        self.subscriptions.push(Arc::clone(&subscription));
        self.wait(Task::Open(subscription))
    }

    /// Notes that the connection ends, and with it every subscription.
    pub(super) fn end(&self, ending: Ending) {
        self.subscriptions.iter().for_each(|it| it.end(ending));
    }

    /// Removes a subscription; what is still on its way to it is dropped.
    pub(super) fn remove(&mut self, id: &str) {
        self.subscriptions.retain(|it| it.id() != id);
        self.waiting
            .retain(|task| !matches!(task, Task::Open(subscription) if subscription.id() == id));
    }

    /// Whether it is this very subscription that is still wanted, and not one of the same name.
    pub(super) fn wants(&self, subscription: &Arc<Subscription>) -> bool {
        let is_it = |it: &Arc<Subscription>| Arc::ptr_eq(it, subscription);
        self.subscriptions.iter().any(is_it)
    }

    /// Waits for the outcome of the next round; none begins unless it may. Nothing is lost when
    /// this is dropped and called again.
    pub(super) async fn step(&mut self, may_begin: bool) -> Outcome {
        loop {
            if may_begin && self.round.is_none() && !self.waiting.is_empty() {
                self.begin();
            }
            tokio::select! {
                outcome = finished(&mut self.round) => {
                    self.round = None;
                    self.postpone_recheck();
                    return outcome;
                }
                heard = self.heard.recv() => {
                    if let Err(ending) = self.hear(heard) {
                        return Outcome::ends(ending);
                    }
                }
                // Whatever waits or runs is a check as well.
                () = self.recheck.as_mut(), if self.round.is_none() && self.waiting.is_empty() => {
                    self.waiting.push_back(Task::Check);
                }
            }
        }
    }

    fn begin(&mut self) {
        let tasks = self.waiting.len().min(LARGEST_ROUND);
        let round = round::run(
            Arc::clone(&self.server),
            Arc::clone(&self.identity),
            self.subscriptions.clone(),
            self.waiting.drain(..tasks).collect(),
        );
        self.round = Some(round.boxed());
    }

    /// Keeps what concerns a subscription, or the person: they may not be let in any more.
    fn hear(&mut self, heard: Result<Arc<[Occurrence]>, RecvError>) -> Result<(), Ending> {
        let mut heard = heard.map_err(|_| Ending::Behind)?;
        let person = self.identity.person;
        loop {
            for occurrence in heard.iter() {
                let is_own = occurrence.person() == Some(person);
                let mut topics = self.subscriptions.iter().map(|it| it.topic());
                if is_own || topics.any(|topic| topic.concerns(person, occurrence)) {
                    self.wait(Task::Occurred(*occurrence))?;
                }
            }
            // Whatever is there already goes into one round.
            match self.heard.try_recv() {
                Ok(more) => heard = more,
                Err(broadcast::error::TryRecvError::Lagged(_)) => return Err(Ending::Behind),
                Err(_) => return Ok(()),
            }
        }
    }

    fn wait(&mut self, task: Task) -> Result<(), Ending> {
        if self.waiting.len() >= self.server.app.config.subscriptions.queue {
            return Err(Ending::Slow);
        }
        self.waiting.push_back(task);
        Ok(())
    }

    fn postpone_recheck(&mut self) {
        let next = Instant::now() + until_recheck(&self.server, &self.identity);
        self.recheck.as_mut().reset(next);
    }
}

/// Until the next check that nothing gives occasion to; the end of the token is one.
fn until_recheck(server: &Server, identity: &Identity) -> Duration {
    let app = &server.app;
    let regular = Duration::from_secs(app.config.subscriptions.recheck_seconds);
    let left = (identity.expires_at - app.clock.now()).to_std();
    left.unwrap_or_default().min(regular)
}

async fn finished(round: &mut Option<BoxFuture<'static, Outcome>>) -> Outcome {
    match round {
        Some(round) => round.await,
        None => std::future::pending().await,
    }
}

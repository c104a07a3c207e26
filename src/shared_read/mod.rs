//! One statement for the reads that several requests, or listeners, wait for at the same moment: a tool of
//! the layers that read.
//!
//! Under load a database spends more on the number of statements than on the rows they return.
//! Nothing is cached: every read begins after its caller has asked, so that it sees all that was
//! committed by then.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// Statements that run at the same time, of callers who should not wait. Callers beyond them wait for the
/// next statement: more would answer fewer callers each.
const MAX_RUNNING: usize = 2;
/// Keys of one statement, unless a single caller has more.
pub const MAX_KEYS: usize = 64;

/// Reads that share statements: keys to values, or an error for all of a statement.
pub struct SharedRead<K: Clone + Eq + Hash, V, E> {
    queue: Arc<Mutex<Queue<K, V, E>>>,
    /// How long a statement waits for more callers.
    patience: Duration,
}

struct Queue<K: Clone + Eq + Hash, V, E> {
    running: usize,
    max_running: usize,
    waiting: Vec<Waiter<K, V, E>>,
}

/// A caller that waits for a statement.
struct Waiter<K: Clone + Eq + Hash, V, E> {
    keys: Vec<K>,
    turn: oneshot::Sender<Turn<K, V, E>>,
}

/// Where a waiting caller is told.
type Waiting<K, V, E> = oneshot::Receiver<Turn<K, V, E>>;

/// What a waiting caller is told.
enum Turn<K: Clone + Eq + Hash, V, E> {
    /// Its answer.
    Answer(Result<HashMap<K, V>, E>),
    /// To run the next statement, also for these.
    Lead(Lead<K, V, E>),
}

/// The right to run a statement, for some other callers too. Dropped, it passes to the callers that
/// wait, whether the statement has ended or its request was cancelled.
struct Lead<K: Clone + Eq + Hash, V, E> {
    followers: Vec<Waiter<K, V, E>>,
    queue: Arc<Mutex<Queue<K, V, E>>>,
}

impl<K: Clone + Eq + Hash, V, E> Default for SharedRead<K, V, E> {
    /// Reads for callers who should not wait: a statement begins at once while few run.
    fn default() -> Self {
        Self::with(MAX_RUNNING, Duration::ZERO)
    }
}

impl<K: Clone + Eq + Hash, V, E> SharedRead<K, V, E> {
    /// Reads for callers who come together: one statement at a time, which waits so long for all of them.
    #[must_use]
    pub fn patient(patience: Duration) -> Self {
        Self::with(1, patience)
    }

    fn with(max_running: usize, patience: Duration) -> Self {
        let queue = Queue {
            running: 0,
            max_running,
            waiting: Vec::new(),
        };
        Self {
            queue: Arc::new(Mutex::new(queue)),
            patience,
        }
    }
}

impl<K: Clone + Eq + Hash, V: Clone, E: Clone> SharedRead<K, V, E> {
    /// The value of this key. `statement` reads the values of several keys.
    ///
    /// # Errors
    /// Those of the statement that was to answer.
    pub async fn get<S, F>(&self, key: K, statement: S) -> Result<Option<V>, E>
    where
        S: FnOnce(Vec<K>) -> F,
        F: Future<Output = Result<HashMap<K, V>, E>>,
    {
        let mut found = self.get_all(vec![key.clone()], statement).await?;
        Ok(found.remove(&key))
    }

    /// The values of these keys, from one statement.
    ///
    /// # Errors
    /// Those of the statement that was to answer.
    pub async fn get_all<S, F>(&self, keys: Vec<K>, statement: S) -> Result<HashMap<K, V>, E>
    where
        S: FnOnce(Vec<K>) -> F,
        F: Future<Output = Result<HashMap<K, V>, E>>,
    {
        let mut lead = loop {
            let turn = match self.enter(&keys) {
                Ok(lead) => break lead,
                Err(turn) => turn.await,
            };
            match turn {
                Ok(Turn::Answer(answer)) => return answer,
                Ok(Turn::Lead(lead)) => break lead,
                // The request that was to answer this one was cancelled.
                Err(_) => {}
            }
        };
        if !self.patience.is_zero() && lead.keys_with(&keys).len() < MAX_KEYS {
            tokio::time::sleep(self.patience).await;
            lead.gather(&keys);
        }
        let asked = lead.keys_with(&keys);
        lead.answer(&keys, statement(asked).await)
    }

    /// The right to run a statement at once, or else the turn to wait for.
    fn enter(&self, keys: &[K]) -> Result<Lead<K, V, E>, Waiting<K, V, E>> {
        let mut queue = locked(&self.queue);
        if queue.running < queue.max_running {
            queue.running += 1;
            return Ok(Lead {
                followers: Vec::new(),
                queue: Arc::clone(&self.queue),
            });
        }
        let (turn, receiver) = oneshot::channel();
        let keys = keys.to_vec();
        queue.waiting.push(Waiter { keys, turn });
        Err(receiver)
    }
}

impl<K: Clone + Eq + Hash, V: Clone, E: Clone> Lead<K, V, E> {
    /// The keys of the followers and the own ones, each once.
    fn keys_with(&self, own: &[K]) -> Vec<K> {
        let followers = self.followers.iter().flat_map(|waiter| &waiter.keys);
        let mut seen = HashSet::new();
        let keys = followers.chain(own).filter(|key| seen.insert(*key));
        keys.cloned().collect()
    }

    /// Takes on those that wait by now.
    fn gather(&mut self, own: &[K]) {
        let mut queue = locked(&self.queue);
        queue.waiting.retain(|waiter| !waiter.turn.is_closed());
        let taken = self.keys_with(own);
        let callers = callers(&queue.waiting, &taken);
        self.followers.extend(queue.waiting.drain(..callers));
    }

    /// Answers the followers, and returns the own answer.
    fn answer(mut self, own: &[K], outcome: Result<HashMap<K, V>, E>) -> Result<HashMap<K, V>, E> {
        let answer = |keys: &[K]| match &outcome {
            Ok(found) => {
                let values = keys.iter().filter_map(|key| found.get_key_value(key));
                Ok(values
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect())
            }
            Err(error) => Err(error.clone()),
        };
        if self.followers.is_empty() {
            return outcome;
        }
        for follower in self.followers.drain(..) {
            let answer = answer(&follower.keys);
            // A follower that has gone needs no answer.
            let _ = follower.turn.send(Turn::Answer(answer));
        }
        answer(own)
    }
}

impl<K: Clone + Eq + Hash, V, E> Drop for Lead<K, V, E> {
    fn drop(&mut self) {
        let mut queue = locked(&self.queue);
        queue.waiting.retain(|waiter| !waiter.turn.is_closed());
        let callers = callers(&queue.waiting, &[]).max(1).min(queue.waiting.len());
        let mut followers: Vec<_> = queue.waiting.drain(..callers).collect();
        let Some(next) = followers.pop() else {
            queue.running = queue.running.saturating_sub(1);
            return;
        };
        drop(queue);
        let queue = Arc::clone(&self.queue);
        // A caller that goes now drops the lead, which passes on.
        let _ = next.turn.send(Turn::Lead(Lead { followers, queue }));
    }
}

/// How many of those that wait a statement can answer that has these keys already: together no more than
/// [`MAX_KEYS`] different ones.
fn callers<K: Clone + Eq + Hash, V, E>(waiting: &[Waiter<K, V, E>], taken: &[K]) -> usize {
    let mut keys: HashSet<&K> = taken.iter().collect();
    let fits = waiting.iter().take_while(|waiter| {
        keys.extend(&waiter.keys);
        keys.len() <= MAX_KEYS
    });
    fits.count()
}

fn locked<K: Clone + Eq + Hash, V, E>(
    queue: &Mutex<Queue<K, V, E>>,
) -> MutexGuard<'_, Queue<K, V, E>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

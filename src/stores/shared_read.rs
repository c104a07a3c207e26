//! One statement for the reads that several requests wait for at the same moment.
//!
//! Under load a database spends more on the number of statements than on the rows they return.
//! Nothing is cached: every read begins after its caller has asked, so that it sees all that was
//! committed by then.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::fault::Fault;

/// Statements that run at the same time. Callers beyond them wait for the next statement: more would
/// answer fewer callers each.
const MAX_RUNNING: usize = 2;
/// Callers that one statement answers.
pub(super) const MAX_CALLERS: usize = 64;

/// Reads that share statements.
pub(super) struct SharedRead<K, V>(Arc<Mutex<Queue<K, V>>>);

struct Queue<K, V> {
    running: usize,
    waiting: Vec<Waiter<K, V>>,
}

/// A caller that waits for a statement.
struct Waiter<K, V> {
    key: K,
    turn: oneshot::Sender<Turn<K, V>>,
}

/// What a waiting caller is told.
enum Turn<K, V> {
    /// Its answer.
    Answer(Result<Option<V>, Fault>),
    /// To run the next statement, also for these.
    Lead(Lead<K, V>),
}

/// The right to run a statement, for some other callers too. Dropped, it passes to the callers that
/// wait, whether the statement has ended or its request was cancelled.
struct Lead<K, V> {
    followers: Vec<Waiter<K, V>>,
    queue: Arc<Mutex<Queue<K, V>>>,
}

impl<K, V> Default for SharedRead<K, V> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Queue {
            running: 0,
            waiting: Vec::new(),
        })))
    }
}

impl<K: Copy + Eq + Hash, V: Clone> SharedRead<K, V> {
    /// The value of this key. `statement` reads the values of several keys.
    pub(super) async fn get<S, F>(&self, key: K, statement: S) -> Result<Option<V>, Fault>
    where
        S: FnOnce(Vec<K>) -> F,
        F: Future<Output = Result<HashMap<K, V>, Fault>>,
    {
        let lead = loop {
            let turn = match self.enter(key) {
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
        let mut keys: Vec<K> = lead.followers.iter().map(|waiter| waiter.key).collect();
        keys.push(key);
        lead.answer(key, statement(keys).await)
    }

    /// The right to run a statement at once, or else the turn to wait for.
    fn enter(&self, key: K) -> Result<Lead<K, V>, oneshot::Receiver<Turn<K, V>>> {
        let mut queue = locked(&self.0);
        if queue.running < MAX_RUNNING {
            queue.running += 1;
            return Ok(Lead {
                followers: Vec::new(),
                queue: Arc::clone(&self.0),
            });
        }
        let (turn, receiver) = oneshot::channel();
        queue.waiting.push(Waiter { key, turn });
        Err(receiver)
    }
}

impl<K: Copy + Eq + Hash, V: Clone> Lead<K, V> {
    /// Answers the followers, and returns the own answer.
    fn answer(mut self, key: K, outcome: Result<HashMap<K, V>, Fault>) -> Result<Option<V>, Fault> {
        let answer = |key| match &outcome {
            Ok(found) => Ok(found.get(&key).cloned()),
            Err(fault) => Err(fault.clone()),
        };
        for follower in self.followers.drain(..) {
            // A follower that has gone needs no answer.
            let _ = follower.turn.send(Turn::Answer(answer(follower.key)));
        }
        drop(self);
        match outcome {
            Ok(mut found) => Ok(found.remove(&key)),
            Err(fault) => Err(fault),
        }
    }
}

impl<K, V> Drop for Lead<K, V> {
    fn drop(&mut self) {
        let mut queue = locked(&self.queue);
        queue.waiting.retain(|waiter| !waiter.turn.is_closed());
        let callers = queue.waiting.len().min(MAX_CALLERS);
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

fn locked<K, V>(queue: &Mutex<Queue<K, V>>) -> MutexGuard<'_, Queue<K, V>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    type Rows = Result<HashMap<u32, u32>, Fault>;

    /// A database whose statements end when the test says so; the value of a key is ten times it.
    #[derive(Default)]
    struct Server {
        reads: SharedRead<u32, u32>,
        running: RefCell<Vec<(Vec<u32>, oneshot::Sender<bool>)>>,
    }

    struct Caller<'a>(Pin<Box<dyn Future<Output = Result<Option<u32>, Fault>> + 'a>>);

    impl Server {
        /// A caller that has asked for a key.
        fn caller(&self, key: u32) -> Caller<'_> {
            let statement = async move |keys: Vec<u32>| -> Rows {
                let (end, ended) = oneshot::channel();
                self.running.borrow_mut().push((keys.clone(), end));
                match ended.await {
                    Ok(true) => Ok(keys.into_iter().map(|key| (key, key * 10)).collect()),
                    _ => Err(Fault::new("the server is gone")),
                }
            };
            let mut caller = Caller(Box::pin(self.reads.get(key, statement)));
            assert_eq!(caller.answer(), Poll::Pending);
            caller
        }

        /// Ends the oldest statement, and returns its keys.
        fn end(&self, succeeds: bool) -> Vec<u32> {
            let (keys, end) = self.running.borrow_mut().remove(0);
            end.send(succeeds).unwrap();
            keys
        }

        fn statements(&self) -> usize {
            self.running.borrow().len()
        }
    }

    impl Caller<'_> {
        /// The value or, if the statement failed, `None`.
        fn answer(&mut self) -> Poll<Option<u32>> {
            let mut context = Context::from_waker(Waker::noop());
            let polled = self.0.as_mut().poll(&mut context);
            polled.map(|answer| answer.unwrap_or(None))
        }
    }

    #[test]
    fn callers_that_find_no_free_statement_share_the_next_one() {
        let server = Server::default();
        let mut callers: Vec<_> = [1, 2, 3, 4, 3].map(|key| server.caller(key)).into();
        assert_eq!(server.statements(), MAX_RUNNING);
        assert_eq!(server.end(true), [1]);
        assert_eq!(callers[0].answer(), Poll::Ready(Some(10)));
        // The third statement runs for those that wait, and not for the second caller.
        for caller in &mut callers[1..] {
            assert_eq!(caller.answer(), Poll::Pending);
        }
        assert_eq!(server.end(true), [2]);
        assert_eq!(server.end(true), [3, 4, 3]);
        let answers = callers[1..].iter_mut().rev().map(Caller::answer);
        let answers: Vec<_> = answers.collect();
        assert_eq!(
            answers,
            [
                Poll::Ready(Some(30)),
                Poll::Ready(Some(40)),
                Poll::Ready(Some(30)),
                Poll::Ready(Some(20))
            ]
        );
        assert_eq!(server.statements(), 0);
    }

    #[test]
    fn a_caller_is_not_answered_by_a_statement_that_began_before_it_asked() {
        let server = Server::default();
        let mut first = server.caller(1);
        let mut other = server.caller(2);
        let mut late = server.caller(1);
        assert_eq!(server.end(true), [1]);
        assert_eq!(first.answer(), Poll::Ready(Some(10)));
        assert_eq!(late.answer(), Poll::Pending);
        assert_eq!(server.end(true), [2]);
        assert_eq!(other.answer(), Poll::Ready(Some(20)));
        assert_eq!(server.end(true), [1]);
        assert_eq!(late.answer(), Poll::Ready(Some(10)));
    }

    #[test]
    fn a_failed_statement_fails_its_callers_and_no_others() {
        let server = Server::default();
        let mut callers: Vec<_> = [1, 2, 3, 4].map(|key| server.caller(key)).into();
        server.end(false);
        assert_eq!(callers[0].answer(), Poll::Ready(None));
        assert_eq!(callers[3].answer(), Poll::Pending);
        server.end(true);
        assert_eq!(callers[1].answer(), Poll::Ready(Some(20)));
        server.end(false);
        assert_eq!(callers[3].answer(), Poll::Ready(None));
        assert_eq!(callers[2].answer(), Poll::Ready(None));
        // Nothing is left that would hold up the next caller.
        let mut next = server.caller(5);
        server.end(true);
        assert_eq!(next.answer(), Poll::Ready(Some(50)));
    }

    /// Cancelled while its statement runs, while it waits, and when it is its turn to lead.
    #[test]
    fn a_cancelled_request_holds_no_other_up() {
        for gone in [1, 3, 5] {
            let server = Server::default();
            let mut callers: Vec<_> = [1, 2, 3, 4, 5].map(|key| (key, server.caller(key))).into();
            if gone == 5 {
                server.end(true);
                assert_eq!(callers[0].1.answer(), Poll::Ready(Some(10)));
                callers.remove(0);
            }
            callers.retain(|(key, _)| *key != gone);
            while !callers.is_empty() {
                let before = callers.len();
                server
                    .running
                    .borrow_mut()
                    .retain(|(_, end)| !end.is_closed());
                if server.statements() > 0 {
                    server.end(true);
                }
                // Twice: one that asks again may be answered by one that comes after it.
                for _ in 0..2 {
                    callers.retain_mut(|(key, caller)| match caller.answer() {
                        Poll::Ready(answer) => {
                            assert_eq!(answer, Some(*key * 10), "without {gone}");
                            false
                        }
                        Poll::Pending => true,
                    });
                }
                assert!(
                    callers.len() < before || server.statements() > 0,
                    "without {gone}"
                );
            }
        }
    }

    #[test]
    fn a_statement_answers_a_bounded_number_of_callers() {
        let server = Server::default();
        let callers: Vec<_> = (0..200).map(|key| server.caller(key)).collect();
        let mut callers: Vec<_> = callers.into_iter().map(Some).collect();
        let mut sizes = Vec::new();
        while server.statements() > 0 {
            sizes.push(server.end(true).len());
            for slot in &mut callers {
                if slot
                    .as_mut()
                    .is_some_and(|caller| caller.answer().is_ready())
                {
                    *slot = None;
                }
            }
        }
        assert_eq!(sizes, [1, 1, MAX_CALLERS, MAX_CALLERS, MAX_CALLERS, 6]);
    }
}

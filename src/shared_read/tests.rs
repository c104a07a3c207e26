//! Who is answered by which statement.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::*;

type Rows = Result<HashMap<u32, u32>, &'static str>;
type Answer = Result<Option<u32>, &'static str>;

/// A database whose statements end when the test says so; the value of a key is ten times it.
#[derive(Default)]
struct Server {
    reads: SharedRead<u32, u32, &'static str>,
    running: RefCell<Vec<(Vec<u32>, oneshot::Sender<bool>)>>,
}

struct Caller<'a>(Pin<Box<dyn Future<Output = Answer> + 'a>>);

impl Server {
    /// A caller that has asked for a key.
    fn caller(&self, key: u32) -> Caller<'_> {
        let statement = async move |keys: Vec<u32>| -> Rows {
            let (end, ended) = oneshot::channel();
            self.running.borrow_mut().push((keys.clone(), end));
            match ended.await {
                Ok(true) => Ok(keys.into_iter().map(|key| (key, key * 10)).collect()),
                _ => Err("the server is gone"),
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
    assert_eq!(server.end(true), [3, 4]);
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
fn any_number_of_callers_with_the_same_keys_share_one_statement() {
    let server = Server::default();
    let (mut first, mut second) = (server.caller(1), server.caller(1));
    let mut callers: Vec<_> = (0..1_000).map(|number| server.caller(number % 5)).collect();
    for (caller, running) in [(&mut first, 2), (&mut second, 1)] {
        assert_eq!(server.end(true), [1]);
        assert_eq!(caller.answer(), Poll::Ready(Some(10)));
        for caller in &mut callers {
            assert_eq!(caller.answer(), Poll::Pending);
        }
        assert_eq!(server.statements(), running);
    }
    assert_eq!(server.end(true), [0, 1, 2, 3, 4]);
    // The last one has run the statement.
    for (number, caller) in callers.iter_mut().enumerate().rev() {
        let value = u32::try_from(number % 5).unwrap() * 10;
        assert_eq!(caller.answer(), Poll::Ready(Some(value)));
    }
    assert_eq!(server.statements(), 0);
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
    assert_eq!(sizes, [1, 1, MAX_KEYS, MAX_KEYS, MAX_KEYS, 6]);
}

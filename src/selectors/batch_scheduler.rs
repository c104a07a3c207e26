//! When batches run: after every pending resolver has asked for what it needs, in the same task.
//!
//! Spawned on a task of its own, a loader can start on another thread while siblings are still
//! asking, and its answers arrive one by one: then a page costs more statements the busier the
//! machine is.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use futures_util::task::{FutureObj, Spawn, SpawnError};

/// The batches that were spawned and not started.
#[derive(Clone, Debug, Default)]
pub(super) struct BatchScheduler(Arc<Mutex<Vec<FutureObj<'static, ()>>>>);

impl Spawn for BatchScheduler {
    fn spawn_obj(&self, batch: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        let mut spawned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spawned.push(batch);
        Ok(())
    }
}

impl BatchScheduler {
    fn take(&self) -> Vec<FutureObj<'static, ()>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Polls the request until it is pending, then the batches, in turn.
    pub(super) async fn run<F: Future>(&self, request: F) -> F::Output {
        let mut request = pin!(request);
        let mut batches = FuturesUnordered::new();
        poll_fn(|context| {
            loop {
                if let Poll::Ready(output) = request.as_mut().poll(context) {
                    return Poll::Ready(output);
                }
                batches.extend(self.take());
                let mut progressed = false;
                while let Poll::Ready(Some(())) = batches.poll_next_unpin(context) {
                    progressed = true;
                }
                if !progressed {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

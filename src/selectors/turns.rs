//! Taking turns: whoever asks goes on until nobody can, then the loaders run, in the same task.
//!
//! On a task of its own a loader can begin on another thread while siblings are still asking, and
//! its answers arrive one by one: then a page costs more statements the busier the machine is.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use futures_util::task::{FutureObj, Spawn, SpawnError};

/// The loads that were asked for and have not begun.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Mutex<Vec<FutureObj<'static, ()>>>>);

impl Spawn for Turns {
    fn spawn_obj(&self, load: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(load);
        Ok(())
    }
}

impl Turns {
    fn take(&self) -> Vec<FutureObj<'static, ()>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs what asks, and in between what loads.
    pub(super) async fn run<F: Future>(&self, asking: F) -> F::Output {
        let mut asking = pin!(asking);
        let mut loading = FuturesUnordered::new();
        poll_fn(|context| {
            loop {
                if let Poll::Ready(outcome) = asking.as_mut().poll(context) {
                    return Poll::Ready(outcome);
                }
                loading.extend(self.take());
                let mut is_answered = false;
                while let Poll::Ready(Some(())) = loading.poll_next_unpin(context) {
                    is_answered = true;
                }
                if !is_answered {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

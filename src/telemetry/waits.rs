//! Measures what the current request waits for, so that the log of a slow one shows it.

use std::time::{Duration, Instant};

use super::request::current;
pub use super::request::totals::Wait;

/// Adds a wait to the current request.
pub fn waited(wait: Wait, took: Duration) {
    current(|record| record.waits().add(wait, took));
}

/// Runs a future and adds its duration to the current request.
pub async fn timed<F: Future>(wait: Wait, work: F) -> F::Output {
    let started = Instant::now();
    let outcome = work.await;
    waited(wait, started.elapsed());
    outcome
}

/// Runs a statement that acquires its own connection. The time that was not spent in statements was
/// the wait for the connection.
pub async fn pooled<F: Future>(work: F) -> F::Output {
    let statements = || {
        let mut took = Duration::ZERO;
        current(|record| took = record.waits().took(Wait::Database));
        took
    };
    let (started, before) = (Instant::now(), statements());
    let outcome = work.await;
    let others = statements().saturating_sub(before);
    waited(Wait::Pool, started.elapsed().saturating_sub(others));
    outcome
}

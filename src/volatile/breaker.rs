//! The circuit breaker: after a failure, requests fail fast until a pause is over.
//!
//! It also holds the health, which changes at the same time. The pause is measured on a monotonic
//! clock, so a wall clock that jumps cannot keep the breaker open.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::{Health, Unavailable};

pub(super) struct Breaker {
    pause: Duration,
    state: Mutex<State>,
}

struct State {
    health: Health,
    /// While the breaker is open: the failure, and when the next request may try.
    open: Option<(Unavailable, Instant)>,
    /// Counts state changes, so that outcomes of earlier requests are ignored.
    generation: u64,
}

/// Permission to send one request; returned with its outcome.
#[derive(Debug, Clone, Copy)]
pub(super) struct Permit {
    generation: u64,
}

impl Breaker {
    pub(super) fn new(pause: Duration, now: DateTime<Utc>) -> Self {
        let health = Health {
            up: false,
            since: now,
        };
        Self {
            pause,
            state: Mutex::new(State {
                health,
                open: None,
                generation: 0,
            }),
        }
    }

    /// Admits a request, or fails it with the failure that opened the breaker.
    ///
    /// After the pause one request is admitted and the pause restarts, so a request that is
    /// cancelled without an outcome blocks others for one more pause at most.
    pub(super) fn admit(&self, at: Instant) -> Result<Permit, Unavailable> {
        let mut state = self.state();
        let generation = state.generation;
        match &mut state.open {
            Some((failure, next)) if at < *next => Err(failure.clone()),
            Some((_, next)) => {
                *next = at + self.pause;
                Ok(Permit { generation })
            }
            None => Ok(Permit { generation }),
        }
    }

    pub(super) fn succeeded(&self, permit: Permit, now: DateTime<Utc>) {
        let mut state = self.state();
        if state.generation != permit.generation || (state.health.up && state.open.is_none()) {
            return;
        }
        state.generation += 1;
        state.open = None;
        state.health = Health {
            up: true,
            since: now,
        };
        drop(state);
        tracing::info!("the shared volatile store answers");
    }

    pub(super) fn failed(
        &self,
        permit: Permit,
        now: DateTime<Utc>,
        at: Instant,
        failure: &Unavailable,
    ) {
        let mut state = self.state();
        if state.generation != permit.generation {
            return;
        }
        let opens = state.open.is_none();
        state.open = Some((failure.clone(), at + self.pause));
        if opens {
            state.generation += 1;
        }
        if state.health.up {
            state.health = Health {
                up: false,
                since: now,
            };
        }
        drop(state);
        if opens {
            tracing::warn!(
                error = %failure,
                "the shared volatile store does not answer; each instance keeps budgets for itself \
                 until it does"
            );
        }
    }

    pub(super) fn health(&self) -> Health {
        self.state().health
    }

    /// A poisoned lock is usable: no update leaves the state inconsistent.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::unreachable::{Reason, Service, Unreachable};
    use std::sync::Arc;

    const PAUSE: Duration = Duration::from_secs(1);

    fn moment(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn gone() -> Unavailable {
        Unavailable(Arc::new(Unreachable {
            service: Service::Redis,
            place: "cache:6379".to_owned(),
            reason: Reason::Closed,
        }))
    }

    #[test]
    fn one_request_a_pause_tries_and_the_rest_fail_at_once() {
        let (breaker, start) = (Breaker::new(PAUSE, moment(0)), Instant::now());
        let permit = breaker.admit(start).unwrap();
        breaker.failed(permit, moment(1), start, &gone());

        assert!(breaker.admit(start + PAUSE / 2).is_err());
        assert!(breaker.admit(start + PAUSE).is_ok(), "the trial");
        assert!(breaker.admit(start + PAUSE).is_err(), "one trial is enough");
        assert!(
            breaker.admit(start + PAUSE * 2).is_ok(),
            "the first trial was dropped"
        );
    }

    #[test]
    fn health_remembers_the_first_failure_and_the_first_answer() {
        let (breaker, start) = (Breaker::new(PAUSE, moment(0)), Instant::now());
        assert_eq!(
            breaker.health(),
            Health {
                up: false,
                since: moment(0)
            }
        );

        breaker.succeeded(breaker.admit(start).unwrap(), moment(1));
        breaker.succeeded(breaker.admit(start).unwrap(), moment(2));
        assert_eq!(
            breaker.health(),
            Health {
                up: true,
                since: moment(1)
            }
        );

        breaker.failed(breaker.admit(start).unwrap(), moment(3), start, &gone());
        let trial = breaker.admit(start + PAUSE).unwrap();
        breaker.failed(trial, moment(4), start + PAUSE, &gone());
        assert_eq!(
            breaker.health(),
            Health {
                up: false,
                since: moment(3)
            }
        );

        let trial = breaker.admit(start + PAUSE * 2).unwrap();
        breaker.succeeded(trial, moment(5));
        assert_eq!(
            breaker.health(),
            Health {
                up: true,
                since: moment(5)
            }
        );
        assert!(breaker.admit(start + PAUSE * 2).is_ok());
    }

    #[test]
    fn outcomes_of_before_a_change_change_nothing() {
        let (breaker, start) = (Breaker::new(PAUSE, moment(0)), Instant::now());
        breaker.succeeded(breaker.admit(start).unwrap(), moment(1));
        let (early, late) = (breaker.admit(start).unwrap(), breaker.admit(start).unwrap());

        breaker.failed(early, moment(2), start, &gone());
        breaker.succeeded(late, moment(3));
        assert!(
            !breaker.health().up,
            "an old answer does not close the breaker"
        );

        let trial = breaker.admit(start + PAUSE).unwrap();
        breaker.succeeded(trial, moment(4));
        breaker.failed(late, moment(5), start + PAUSE, &gone());
        assert!(breaker.health().up, "an old failure does not open it");
    }
}

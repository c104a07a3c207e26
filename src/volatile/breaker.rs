//! The circuit breaker: after a failure nobody waits for the shared store until a pause is over.
//!
//! It also keeps the health, because both change in the same moment. Moments of the pause are
//! monotonic and the caller's, so a wall clock that jumps cannot keep the breaker open.

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
    /// What went wrong and when the next request may try, while the breaker is open.
    open: Option<(Unavailable, Instant)>,
    /// Counts the changes, so that an outcome of before a change does not speak about after it.
    turn: u64,
}

/// The right to send one request, given back with its outcome.
#[derive(Debug, Clone, Copy)]
pub(super) struct Admission {
    turn: u64,
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
                turn: 0,
            }),
        }
    }

    /// Lets a request through, or refuses it with the failure that opened the breaker.
    ///
    /// When the pause is over one request goes through and the pause begins anew, so a request
    /// that is dropped without an outcome holds up nobody for longer than that.
    pub(super) fn admit(&self, at: Instant) -> Result<Admission, Unavailable> {
        let mut state = self.state();
        let turn = state.turn;
        match &mut state.open {
            Some((failure, next)) if at < *next => Err(failure.clone()),
            Some((_, next)) => {
                *next = at + self.pause;
                Ok(Admission { turn })
            }
            None => Ok(Admission { turn }),
        }
    }

    pub(super) fn succeeded(&self, admission: Admission, now: DateTime<Utc>) {
        let mut state = self.state();
        if state.turn != admission.turn || (state.health.up && state.open.is_none()) {
            return;
        }
        state.turn += 1;
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
        admission: Admission,
        now: DateTime<Utc>,
        at: Instant,
        failure: &Unavailable,
    ) {
        let mut state = self.state();
        if state.turn != admission.turn {
            return;
        }
        let news = state.open.is_none();
        state.open = Some((failure.clone(), at + self.pause));
        if news {
            state.turn += 1;
        }
        if state.health.up {
            state.health = Health {
                up: false,
                since: now,
            };
        }
        drop(state);
        if news {
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

    /// Every change is one assignment away from consistent, so a poisoned lock is usable.
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
        let admission = breaker.admit(start).unwrap();
        breaker.failed(admission, moment(1), start, &gone());

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

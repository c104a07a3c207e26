//! Password hashing with Argon2id on a fixed number of dedicated low-priority threads.
//!
//! A hash costs tens of milliseconds and megabytes by design, so it never runs on the async runtime,
//! and the number of threads bounds both. Rating a new password costs a few milliseconds and runs
//! here for the same reason.

mod params;
mod worker;

use std::num::NonZero;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use tokio::sync::oneshot;

use self::params::HashParams;
use self::worker::{Completed, Job, Worker};
use super::random::Random;
use crate::domain::password::{Candidate, Password, UserInputs};
use crate::domain::violation::Violation;
use crate::telemetry::waits::{Wait, timed};

/// The cost of new hashes, and the capacity for work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HasherParameters {
    /// Memory of one hash in KiB.
    pub memory_kib: u32,
    /// Iterations.
    pub iterations: u32,
    /// Lanes, computed sequentially here.
    pub parallelism: u32,
    /// Hashing threads; 0 means one per core.
    pub threads: usize,
    /// Jobs that may wait for a thread.
    pub queue: usize,
}

/// A handle on the hashing threads, which end when the last handle is dropped.
///
/// The job of a caller that went away is skipped when it reaches a thread. A running hash is
/// completed.
#[derive(Clone)]
pub struct Hasher {
    jobs: SyncSender<Job>,
    completed: Arc<Completed>,
}

/// The result of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Whether the password matches.
    pub matches: bool,
    /// Whether it matches but was hashed with other parameters: the caller should rehash it.
    pub outdated: bool,
}

/// The queue is full; the caller should try again later.
///
/// Not an [`Error`](std::error::Error), so that `?` does not turn it into a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overloaded;

/// Why the hasher cannot start.
#[derive(Debug, thiserror::Error)]
pub enum HasherError {
    /// Argon2 does not accept the parameters, or they exceed the limits of verification.
    #[error("memory, iterations and parallelism of password hashing do not fit together")]
    Parameters,
    /// A thread could not be started.
    #[error("a hashing thread does not start")]
    Thread(#[from] std::io::Error),
}

impl Hasher {
    /// Starts the threads, each with the memory of one hash.
    pub fn start(parameters: &HasherParameters, random: &Random) -> Result<Self, HasherError> {
        let params = HashParams::new(parameters).ok_or(HasherError::Parameters)?;
        let (sender, receiver) = sync_channel(parameters.queue.max(1));
        let receiver = Arc::new(Mutex::new(receiver));
        let completed = Arc::<Completed>::default();
        for number in 0..thread_count(parameters.threads) {
            let worker = Worker::new(
                Arc::clone(&receiver),
                params.clone(),
                random.clone(),
                Arc::clone(&completed),
            );
            let name = format!("idgate-hash-{number}");
            thread::Builder::new()
                .name(name)
                .spawn(move || worker.run())?;
        }
        Ok(Self {
            jobs: sender,
            completed,
        })
    }

    /// Rates a new password; see [`Candidate::rate`].
    ///
    /// # Errors
    /// [`Overloaded`] if the queue is full.
    pub async fn rate(
        &self,
        candidate: Candidate,
        min_score: u8,
        about: UserInputs,
    ) -> Result<Result<Password, Violation>, Overloaded> {
        self.perform(|answer| Job::Rate {
            candidate,
            min_score,
            about,
            answer,
        })
        .await
    }

    /// Hashes a new password into a PHC string with a fresh salt.
    ///
    /// # Errors
    /// [`Overloaded`] if the queue is full.
    pub async fn hash(&self, password: Password) -> Result<String, Overloaded> {
        self.perform(|answer| Job::Hash { password, answer }).await
    }

    /// Verifies a password against a stored PHC string, with the parameters stored in it.
    ///
    /// Without a stored hash (an unknown user) the work is the same and the answer is no, so that
    /// response times do not reveal accounts. The same applies to a stored text that is not an
    /// Argon2 hash or exceeds the limits.
    ///
    /// # Errors
    /// [`Overloaded`] if the queue is full.
    pub async fn verify(
        &self,
        password: Password,
        phc: Option<String>,
    ) -> Result<Verification, Overloaded> {
        self.perform(|answer| Job::Verify {
            password,
            phc,
            answer,
        })
        .await
    }

    /// The number of computed hashes, so that tests can compare work instead of time.
    #[must_use]
    pub fn completed(&self) -> u64 {
        self.completed.hashes.load(Ordering::SeqCst)
    }

    /// The number of rated passwords, for the same reason.
    #[must_use]
    pub fn rated(&self) -> u64 {
        self.completed.ratings.load(Ordering::SeqCst)
    }

    async fn perform<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<T>) -> Job,
    ) -> Result<T, Overloaded> {
        let (answer, result) = oneshot::channel();
        self.jobs.try_send(job(answer)).map_err(|_| Overloaded)?;
        let result = timed(Wait::Hashing, result).await;
        result.map_err(|_| Overloaded)
    }
}

fn thread_count(wanted: usize) -> usize {
    if wanted == 0 {
        thread::available_parallelism().map_or(1, NonZero::get)
    } else {
        wanted
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::SecretString;
    use tokio::time::timeout;

    use super::*;

    const LIGHT: HasherParameters = HasherParameters {
        memory_kib: 64,
        iterations: 1,
        parallelism: 1,
        threads: 1,
        queue: 64,
    };
    const HEAVY: HasherParameters = HasherParameters {
        memory_kib: 65_536,
        iterations: 4,
        parallelism: 1,
        threads: 1,
        queue: 2,
    };

    fn password(text: &str) -> Password {
        Password::attempt(SecretString::from(text)).unwrap()
    }

    fn hasher(parameters: &HasherParameters) -> Hasher {
        Hasher::start(parameters, &Random::seeded(1)).unwrap()
    }

    #[tokio::test]
    async fn a_hash_verifies_its_password_only() {
        let hasher = hasher(&LIGHT);
        let phc = hasher.hash(password("correct horse")).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{phc}");
        let right = hasher
            .verify(password("correct horse"), Some(phc.clone()))
            .await
            .unwrap();
        assert_eq!(
            right,
            Verification {
                matches: true,
                outdated: false
            }
        );
        let wrong = hasher
            .verify(password("correct horsf"), Some(phc))
            .await
            .unwrap();
        assert_eq!(
            wrong,
            Verification {
                matches: false,
                outdated: false
            }
        );
    }

    #[tokio::test]
    async fn one_password_hashed_twice_gives_two_salts() {
        let hasher = hasher(&LIGHT);
        let first = hasher.hash(password("correct horse")).await.unwrap();
        assert_ne!(first, hasher.hash(password("correct horse")).await.unwrap());
    }

    #[tokio::test]
    async fn an_unknown_person_costs_the_same_work_as_a_known_one() {
        let hasher = hasher(&LIGHT);
        let phc = hasher.hash(password("correct horse")).await.unwrap();
        let absurd = "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA";
        for stored in [
            Some(phc),
            None,
            Some("not a hash".to_owned()),
            Some(absurd.to_owned()),
        ] {
            let before = hasher.completed();
            let answer = hasher.verify(password("wrong"), stored).await.unwrap();
            assert_eq!(
                answer,
                Verification {
                    matches: false,
                    outdated: false
                }
            );
            assert_eq!(hasher.completed() - before, 1);
        }
    }

    #[tokio::test]
    async fn a_hash_made_with_other_parameters_matches_and_is_outdated() {
        for parameters in [
            HasherParameters {
                memory_kib: 128,
                ..LIGHT
            },
            HasherParameters {
                memory_kib: 32,
                iterations: 3,
                ..LIGHT
            },
            HasherParameters {
                parallelism: 2,
                ..LIGHT
            },
        ] {
            let phc = hasher(&parameters)
                .hash(password("correct horse"))
                .await
                .unwrap();
            let answer = hasher(&LIGHT)
                .verify(password("correct horse"), Some(phc))
                .await
                .unwrap();
            assert_eq!(
                answer,
                Verification {
                    matches: true,
                    outdated: true
                }
            );
        }
    }

    #[tokio::test]
    async fn a_caller_that_went_away_before_its_turn_costs_nothing() {
        let hasher = hasher(&HEAVY);
        let started = timeout(Duration::ZERO, hasher.hash(password("first"))).await;
        assert!(started.is_err());
        for _ in 0..HEAVY.queue {
            let _ = timeout(Duration::ZERO, hasher.hash(password("gone"))).await;
        }
        // The queue may still contain skipped jobs; a full queue answers at once.
        let mut last = hasher.hash(password("patient")).await;
        while last == Err(Overloaded) {
            tokio::task::yield_now().await;
            last = hasher.hash(password("patient")).await;
        }
        assert!(
            (1..=2).contains(&hasher.completed()),
            "{}",
            hasher.completed()
        );
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_serves_the_others() {
        let hasher = hasher(&HEAVY);
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let hasher = hasher.clone();
            callers.spawn(async move { hasher.hash(password("correct horse")).await });
        }
        let answers = callers.join_all().await;
        let served = answers.iter().filter(|answer| answer.is_ok()).count();
        assert!((2..=3).contains(&served), "{served} served");
        assert_eq!(hasher.completed(), served as u64);
    }

    #[tokio::test]
    async fn threads_end_with_the_last_handle() {
        let hasher = hasher(&HasherParameters {
            threads: 3,
            ..LIGHT
        });
        let alive = Arc::downgrade(&hasher.completed);
        let second = hasher.clone();
        drop(hasher);
        assert!(second.hash(password("still served")).await.is_ok());
        drop(second);
        let patience = std::time::Instant::now();
        while alive.strong_count() > 0 {
            assert!(
                patience.elapsed() < Duration::from_secs(20),
                "a thread lives on"
            );
            thread::yield_now();
        }
    }

    #[test]
    fn impossible_parameters_do_not_start() {
        for parameters in [
            HasherParameters {
                memory_kib: 0,
                ..LIGHT
            },
            HasherParameters {
                iterations: 0,
                ..LIGHT
            },
            HasherParameters {
                parallelism: 0,
                ..LIGHT
            },
            HasherParameters {
                parallelism: 100,
                ..LIGHT
            },
            HasherParameters {
                memory_kib: u32::MAX,
                ..LIGHT
            },
        ] {
            let refusal = Hasher::start(&parameters, &Random::seeded(1)).err();
            assert!(
                matches!(refusal, Some(HasherError::Parameters)),
                "{parameters:?}"
            );
        }
    }
}

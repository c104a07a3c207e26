//! Password hashing with Argon2id on a fixed number of dedicated low-priority threads.
//!
//! A hash costs tens of milliseconds and megabytes by design, so it never runs on the async runtime,
//! and the number of threads bounds both. Rating a new password costs a few milliseconds and runs
//! here for the same reason. A thread takes the memory of a hash with its first one, and returns it
//! after a quiet minute.

pub mod legacy;
mod memory;
mod params;
mod simd;
mod worker;

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crossbeam_channel::Sender;
use tokio::sync::oneshot;

use self::legacy::WeakHash;
use self::params::HashParams;
use self::simd::SelfTest;
use self::worker::{Job, Shared, Worker};
use super::random::Random;
use crate::config::HashImplementation;
use crate::domain::password::{Candidate, Password, UserInputs};
use crate::domain::violation::Violation;
use crate::telemetry::waits::{Wait, timed};

/// How long a thread without a job keeps its memory.
const QUIET: Duration = Duration::from_mins(1);

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
    jobs: Sender<Job>,
    shared: Arc<Shared>,
}

/// The result of a verification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Whether the password matches.
    pub matches: bool,
    /// Whether it matches but was hashed with other parameters: the caller should rehash it.
    pub outdated: bool,
    /// Whether another system hashed it, so that the policy for passwords never saw it.
    pub imported: bool,
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
    /// Starts the threads.
    pub fn start(
        parameters: &HasherParameters,
        implementation: HashImplementation,
        random: &Random,
    ) -> Result<Self, HasherError> {
        Self::start_releasing_after(QUIET, parameters, implementation, random)
    }

    /// The same with another quiet time, after which a thread returns its memory.
    fn start_releasing_after(
        quiet: Duration,
        parameters: &HasherParameters,
        implementation: HashImplementation,
        random: &Random,
    ) -> Result<Self, HasherError> {
        let simd = match implementation {
            // Not from the given source, which would then give others what they do not expect.
            HashImplementation::Simd => Some(Arc::new(SelfTest::new(&Random::system()))),
            HashImplementation::Portable => None,
        };
        let params = HashParams::new(parameters).ok_or(HasherError::Parameters)?;
        let (jobs, receiver) = crossbeam_channel::bounded(parameters.queue.max(1));
        let shared = Arc::<Shared>::default();
        for number in 0..thread_count(parameters.threads) {
            let worker = Worker::new(
                receiver.clone(),
                quiet,
                params.clone(),
                simd.clone(),
                random.clone(),
                Arc::clone(&shared),
            );
            let name = format!("idgate-hash-{number}");
            thread::Builder::new()
                .name(name)
                .spawn(move || worker.run())?;
        }
        Ok(Self { jobs, shared })
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

    /// Hashes an imported digest that is too cheap to guess, for storing in its place.
    ///
    /// # Errors
    /// [`Overloaded`] if the queue is full.
    pub async fn wrap(&self, digest: WeakHash) -> Result<String, Overloaded> {
        self.perform(|answer| Job::Wrap { digest, answer }).await
    }

    /// Verifies a password against a stored hash, with the parameters stored in it.
    ///
    /// Without a stored hash (an unknown user) the work is the same and the answer is no, so that
    /// response times do not reveal accounts. The same applies to a stored text that is no known
    /// hash or exceeds the limits.
    ///
    /// # Errors
    /// [`Overloaded`] if the queue is full.
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<String>,
    ) -> Result<Verification, Overloaded> {
        self.perform(|answer| Job::Verify {
            password,
            stored,
            answer,
        })
        .await
    }

    /// From now on every verification takes at least these rounds of PBKDF2 with SHA-256.
    ///
    /// While imported hashes are left, the time of a sign-in would otherwise tell which accounts
    /// have one, and so which addresses have an account.
    pub fn set_minimum_rounds(&self, rounds: u32) {
        self.shared.minimum_rounds.store(rounds, Ordering::Relaxed);
    }

    /// The rounds of PBKDF2 of all verifications, so that tests can compare work instead of time.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.shared.rounds.load(Ordering::SeqCst)
    }

    /// The number of computed hashes, so that tests can compare work instead of time.
    #[must_use]
    pub fn completed(&self) -> u64 {
        self.shared.hashes.load(Ordering::SeqCst)
    }

    /// The number of rated passwords, for the same reason.
    #[must_use]
    pub fn rated(&self) -> u64 {
        self.shared.ratings.load(Ordering::SeqCst)
    }

    /// The number of threads that hold the memory of a hash.
    #[must_use]
    pub fn holders(&self) -> usize {
        self.shared.holders.load(Ordering::SeqCst)
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
mod tests;

//! A hashing thread: takes a job, skips it if its caller has gone, computes and answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use tokio::sync::oneshot;

use super::Verification;
use super::memory::{HashFailure, Memory};
use super::params::{HashParams, SALT_BYTES, StoredHash};
use super::simd::SelfTest;
use crate::crypto::random::Random;
use crate::domain::password::{Candidate, Password, UserInputs};
use crate::domain::violation::Violation;

/// The niceness of hashing threads, so that request threads run first: beside one of those on a busy
/// core, a hashing thread gets a tenth of the time.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// A job and the channel for its result.
pub(super) enum Job {
    Rate {
        candidate: Candidate,
        min_score: u8,
        about: UserInputs,
        answer: oneshot::Sender<Result<Password, Violation>>,
    },
    Hash {
        password: Password,
        answer: oneshot::Sender<String>,
    },
    Verify {
        password: Password,
        phc: Option<String>,
        answer: oneshot::Sender<Verification>,
    },
}

impl Job {
    /// Whether the caller has gone.
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Rate { answer, .. } => answer.is_closed(),
            Self::Hash { answer, .. } => answer.is_closed(),
            Self::Verify { answer, .. } => answer.is_closed(),
        }
    }
}

/// Counters of completed work and of the threads that hold memory.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) hashes: AtomicU64,
    pub(super) ratings: AtomicU64,
    pub(super) holders: Arc<AtomicUsize>,
}

/// The state of one thread.
pub(super) struct Worker {
    jobs: Receiver<Job>,
    /// How long without a job before the memory is returned.
    quiet: Duration,
    params: HashParams,
    memory: Memory,
    /// What argon2-rust has to pass before it computes; `None` leaves that to RustCrypto.
    simd: Option<Arc<SelfTest>>,
    decoy: StoredHash,
    random: Random,
    counters: Arc<Counters>,
}

impl Worker {
    pub(super) fn new(
        jobs: Receiver<Job>,
        quiet: Duration,
        params: HashParams,
        simd: Option<Arc<SelfTest>>,
        random: Random,
        counters: Arc<Counters>,
    ) -> Self {
        let memory = Memory::new(params.clone(), Arc::clone(&counters.holders));
        let decoy = StoredHash::decoy(&params, random.bytes());
        Self {
            jobs,
            quiet,
            params,
            memory,
            simd,
            decoy,
            random,
            counters,
        }
    }

    /// Works until the last handle on the hasher is dropped and the queue is empty.
    pub(super) fn run(mut self) {
        lower_priority();
        self.choose_implementation();
        while let Some(job) = self.next_job() {
            // After a panic, dropping the channel informs the caller; the thread continues.
            if !job.is_abandoned() && catch_unwind(AssertUnwindSafe(|| self.perform(job))).is_err()
            {
                tracing::error!("a job of the hashing threads panicked");
            }
        }
    }

    fn choose_implementation(&mut self) {
        let simd = self.simd.take();
        if simd.is_some_and(|simd| simd.passes(&self.params))
            && let Err(error) = self.memory.use_simd()
        {
            tracing::error!(%error, "argon2-rust refuses the parameters, so RustCrypto hashes");
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place with threads for a rating"
    )]
    fn perform(&mut self, job: Job) {
        match job {
            Job::Rate {
                candidate,
                min_score,
                about,
                answer,
            } => {
                self.counters.ratings.fetch_add(1, Ordering::SeqCst);
                drop(answer.send(candidate.rate(min_score, &about)));
            }
            Job::Hash { password, answer } => {
                self.hash(password.normalized().as_bytes(), answer);
            }
            Job::Verify {
                password,
                phc,
                answer,
            } => self.verify(password.normalized().as_bytes(), phc.as_deref(), answer),
        }
    }

    /// Waits for a job, and returns the memory after a quiet time; `None` at the end.
    fn next_job(&mut self) -> Option<Job> {
        if self.memory.is_taken() {
            match self.jobs.recv_timeout(self.quiet) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.memory.release(),
            }
        }
        self.jobs.recv().ok()
    }

    fn hash(&mut self, password: &[u8], answer: oneshot::Sender<String>) {
        let salt: [u8; SALT_BYTES] = self.random.bytes();
        let phc = self.params.hash(password, salt, &mut self.memory);
        self.counters.hashes.fetch_add(1, Ordering::SeqCst);
        reply(answer, phc);
    }

    fn verify(
        &mut self,
        password: &[u8],
        phc: Option<&str>,
        answer: oneshot::Sender<Verification>,
    ) {
        let stored = phc.and_then(|phc| {
            let stored = StoredHash::parse(phc);
            if stored.is_none() {
                tracing::error!("a stored password hash is unreadable or asks for too much work");
            }
            stored
        });
        // Without a stored hash the decoy takes the same time, so timing does not reveal accounts.
        let compared = stored.as_ref().unwrap_or(&self.decoy);
        let equal = compared.is_hash_of(password, &self.params, &mut self.memory);
        self.counters.hashes.fetch_add(1, Ordering::SeqCst);
        let verification = equal.map(|equal| {
            let matches = equal && stored.is_some();
            let outdated = matches && !compared.was_made_by(&self.params);
            Verification { matches, outdated }
        });
        reply(answer, verification);
    }
}

/// Sends the result; dropping the channel means that there is none.
fn reply<T>(answer: oneshot::Sender<T>, result: Result<T, HashFailure>) {
    match result {
        // The caller may have gone.
        Ok(value) => drop(answer.send(value)),
        Err(error) => tracing::error!(%error, "a password hash could not be computed"),
    }
}

/// Best effort: without per-thread priorities, hashing competes on equal terms.
#[cfg(target_os = "linux")]
fn lower_priority() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "a hashing thread keeps its priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

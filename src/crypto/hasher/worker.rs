//! A hashing thread: takes a job, skips it if its caller has gone, computes and answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use tokio::sync::oneshot;

use super::Verification;
use super::legacy::{LegacyHash, WeakHash, spend};
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
    Wrap {
        digest: WeakHash,
        answer: oneshot::Sender<String>,
    },
    Verify {
        password: Password,
        stored: Option<String>,
        answer: oneshot::Sender<Verification>,
    },
}

impl Job {
    /// Whether the caller has gone.
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Rate { answer, .. } => answer.is_closed(),
            Self::Hash { answer, .. } | Self::Wrap { answer, .. } => answer.is_closed(),
            Self::Verify { answer, .. } => answer.is_closed(),
        }
    }
}

/// What the threads share: shared of completed work and of those that hold memory.
#[derive(Default)]
pub(super) struct Shared {
    /// The rounds of PBKDF2 that every verification takes; see [`super::Hasher::set_minimum_rounds`].
    pub(super) minimum_rounds: AtomicU32,
    pub(super) rounds: AtomicU64,
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
    shared: Arc<Shared>,
}

impl Worker {
    pub(super) fn new(
        jobs: Receiver<Job>,
        quiet: Duration,
        params: HashParams,
        simd: Option<Arc<SelfTest>>,
        random: Random,
        shared: Arc<Shared>,
    ) -> Self {
        let memory = Memory::new(params.clone(), Arc::clone(&shared.holders));
        let decoy = StoredHash::decoy(&params, random.bytes());
        Self {
            jobs,
            quiet,
            params,
            memory,
            simd,
            decoy,
            random,
            shared,
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
                self.shared.ratings.fetch_add(1, Ordering::SeqCst);
                drop(answer.send(candidate.rate(min_score, &about)));
            }
            Job::Hash { password, answer } => {
                reply(answer, self.computed(password.normalized().as_bytes()));
            }
            Job::Wrap { digest, answer } => {
                let phc = self.computed(digest.digest());
                reply(answer, phc.map(|phc| digest.wrapped(&phc)));
            }
            Job::Verify {
                password,
                stored,
                answer,
            } => reply(answer, self.verify(&password, stored.as_deref())),
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

    /// A new hash with the current parameters.
    fn computed(&mut self, password: &[u8]) -> Result<String, HashFailure> {
        let salt: [u8; SALT_BYTES] = self.random.bytes();
        let phc = self.params.hash(password, salt, &mut self.memory);
        self.shared.hashes.fetch_add(1, Ordering::SeqCst);
        phc
    }

    /// Takes one Argon2id of the current parameters and the [minimum](super::Hasher::set_minimum_rounds) of
    /// PBKDF2, whatever is stored, so that timing does not reveal accounts.
    fn verify(
        &mut self,
        password: &Password,
        stored: Option<&str>,
    ) -> Result<Verification, HashFailure> {
        let mut rounds = 0;
        let verification = match stored.and_then(Stored::read) {
            Some(Stored::Own(own)) => {
                let matches = self.is_own(&own, password)?;
                Verification {
                    matches,
                    outdated: matches && !own.was_made_by(&self.params),
                    imported: false,
                }
            }
            Some(Stored::Legacy(legacy)) => {
                let typed = password.expose().as_bytes();
                let matches = legacy.is_hash_of(typed, &self.params, &mut self.memory)?;
                if !legacy.costs_as_much_as(&self.params) {
                    self.is_decoy(password)?;
                }
                rounds = legacy.rounds();
                Verification {
                    matches,
                    outdated: matches,
                    imported: true,
                }
            }
            None => {
                self.is_decoy(password)?;
                Verification::default()
            }
        };
        self.shared.hashes.fetch_add(1, Ordering::SeqCst);
        let minimum = self.shared.minimum_rounds.load(Ordering::Relaxed);
        spend(minimum.saturating_sub(rounds));
        let spent = rounds.max(minimum);
        self.shared.rounds.fetch_add(spent.into(), Ordering::SeqCst);
        Ok(verification)
    }

    fn is_own(&mut self, own: &StoredHash, password: &Password) -> Result<bool, HashFailure> {
        own.is_hash_of(
            password.normalized().as_bytes(),
            &self.params,
            &mut self.memory,
        )
    }

    /// Computes what [`Self::is_own`] would.
    fn is_decoy(&mut self, password: &Password) -> Result<bool, HashFailure> {
        let normalized = password.normalized();
        self.decoy
            .is_hash_of(normalized.as_bytes(), &self.params, &mut self.memory)
    }
}

/// A stored hash: a PHC string of ours, or an imported one.
enum Stored {
    Own(StoredHash),
    Legacy(LegacyHash),
}

impl Stored {
    /// `None` if it is unreadable or exceeds the limits.
    fn read(text: &str) -> Option<Self> {
        let read = if text.starts_with('$') {
            StoredHash::parse(text).map(Self::Own)
        } else {
            LegacyHash::parse(text).ok().map(Self::Legacy)
        };
        if read.is_none() {
            tracing::error!("a stored password hash is unreadable or asks for too much work");
        }
        read
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

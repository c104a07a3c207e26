//! What one hashing thread does: take a job, skip it when nobody waits for it, compute, answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::Verification;
use super::recipe::{Memory, Recipe, SALT_BYTES, StoredHash};
use crate::crypto::random::Random;
use crate::domain::password::Password;

/// How far hashing threads step back behind the ones that serve requests.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// A password and what to do with it.
pub(super) struct Job {
    pub(super) password: Password,
    pub(super) task: Task,
}

/// The work, and where its result goes.
pub(super) enum Task {
    Hash {
        answer: oneshot::Sender<String>,
    },
    Verify {
        phc: Option<String>,
        answer: oneshot::Sender<Verification>,
    },
}

/// The state of one thread.
pub(super) struct Worker {
    jobs: Arc<Mutex<Receiver<Job>>>,
    recipe: Recipe,
    memory: Memory,
    decoy: StoredHash,
    random: Random,
    completed: Arc<AtomicU64>,
}

impl Worker {
    pub(super) fn new(
        jobs: Arc<Mutex<Receiver<Job>>>,
        recipe: Recipe,
        random: Random,
        completed: Arc<AtomicU64>,
    ) -> Self {
        let memory = Memory::for_recipe(&recipe);
        let decoy = StoredHash::decoy(&recipe, random.bytes());
        Self {
            jobs,
            recipe,
            memory,
            decoy,
            random,
            completed,
        }
    }

    /// Works until the last handle on the hasher is gone and the queue is empty.
    pub(super) fn run(mut self) {
        step_back();
        while let Some(job) = self.next_job() {
            let password = job.password.normalized();
            match job.task {
                Task::Hash { answer } if !answer.is_closed() => {
                    self.hash(password.as_bytes(), answer);
                }
                Task::Verify { phc, answer } if !answer.is_closed() => {
                    self.verify(password.as_bytes(), phc.as_deref(), answer);
                }
                Task::Hash { .. } | Task::Verify { .. } => {}
            }
        }
    }

    /// One idle thread waits in the channel, the others wait for the lock around it.
    fn next_job(&self) -> Option<Job> {
        self.jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv()
            .ok()
    }

    fn hash(&mut self, password: &[u8], answer: oneshot::Sender<String>) {
        let salt: [u8; SALT_BYTES] = self.random.bytes();
        let phc = self.recipe.hash(password, salt, &mut self.memory);
        self.completed.fetch_add(1, Ordering::SeqCst);
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
        // Without a stored hash the decoy makes the same work, so time does not tell who exists.
        let compared = stored.as_ref().unwrap_or(&self.decoy);
        let equal = compared.is_hash_of(password, &mut self.memory);
        self.completed.fetch_add(1, Ordering::SeqCst);
        let verification = equal.map(|equal| {
            let matches = equal && stored.is_some();
            let outdated = matches && !compared.was_made_by(&self.recipe);
            Verification { matches, outdated }
        });
        reply(answer, verification);
    }
}

/// Hands over the result; dropping the channel instead tells the caller that there is none.
fn reply<T>(answer: oneshot::Sender<T>, result: Result<T, argon2::Error>) {
    match result {
        // A caller that went away meanwhile does not need the answer.
        Ok(value) => drop(answer.send(value)),
        Err(error) => tracing::error!(%error, "a password hash could not be computed"),
    }
}

/// Best effort: where threads have no priority of their own, hashing competes on equal terms.
#[cfg(target_os = "linux")]
fn step_back() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "a hashing thread keeps its priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

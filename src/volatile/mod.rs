//! Short-lived state that all instances share: rate-limit budgets, one-time codes in flight, and
//! the exchange of domain events.
//!
//! One enum over two backends with one contract: in process, and Redis (or Valkey). All of it may
//! be lost; the database is the source of truth. Services decide what to charge, and pass the
//! time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::config;
use crate::fault::unreachable::Unreachable;

mod breaker;
mod budget;
mod codes;
mod connections;
mod event_bus;
mod exchange;
mod listening;
mod memory;
mod memory_limit;
mod redis;
mod server;
#[cfg(test)]
mod tests;

pub use self::codes::{CodeLookup, NewCode, Placement, Tries};
pub use self::event_bus::{EventBus, Events};
pub use self::memory::Memory;
pub use self::memory_limit::MemoryConcern;
pub use self::redis::{InvalidUrl, Redis};

/// The store of short-lived shared state.
#[derive(Debug)]
pub enum Volatile {
    /// Inside this process: the embedded default, for a single instance.
    Memory(Memory),
    /// A Redis or Valkey server that all instances share.
    Redis(Box<Redis>),
}

/// `cost` units on the budget `key`, which has `capacity` units per `window`.
///
/// A new key may spend its whole capacity at once and refills evenly over the window (the generic
/// cell rate algorithm). A capacity of zero refuses every cost but zero.
#[derive(Clone, PartialEq, Eq)]
pub struct Charge {
    /// The budget; chosen by the caller, the same text on every instance.
    pub key: String,
    /// Units per window.
    pub capacity: u32,
    /// How long an exhausted budget takes to refill; 366 days at most.
    pub window: Duration,
    /// Units that this attempt costs.
    pub cost: u32,
}

/// Omits the key, which may contain a personal address.
impl fmt::Debug for Charge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key: _,
            capacity,
            window,
            cost,
        } = self;
        write!(formatter, "Charge({cost} of {capacity} per {window:?})")
    }
}

/// Budgets that are charged together: all, or none.
pub type Level = Vec<Charge>;

/// The decision about an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No budget was exhausted.
    Allowed,
    /// A budget was exhausted.
    Refused {
        /// Its level; earlier levels are charged, this and later ones are not.
        level: usize,
        /// When the same attempt fits this level, if the budgets are not charged meanwhile.
        retry_after: Duration,
    },
}

/// Whether the store answers, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Whether the last request was answered.
    pub up: bool,
    /// When that changed, or the start.
    pub since: DateTime<Utc>,
}

/// The store did not answer in time, or answered with an error; the message holds no secret.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(Arc<Unreachable>);

impl Volatile {
    /// An empty store inside this process.
    #[must_use]
    pub fn memory(now: DateTime<Utc>) -> Self {
        Self::Memory(Memory::new(now))
    }

    /// The configured store; one on a server is connected to lazily.
    ///
    /// An unavailable server is therefore no error here; `health` is down until the first answer.
    ///
    /// # Errors
    /// If the URL cannot work with any server.
    pub fn configured(settings: &config::Redis, now: DateTime<Utc>) -> Result<Self, InvalidUrl> {
        Ok(match &settings.url {
            None => Self::memory(now),
            Some(url) => Self::Redis(Box::new(Redis::connect(url, settings, now)?)),
        })
    }

    /// Charges the levels of an attempt in order, atomically, up to the first that refuses.
    ///
    /// A level that refuses is not charged and creates no key, and later levels are not read. So
    /// an attempt that is refused for its network does not touch the budget of its target, and a
    /// flood of refused attempts leaves no trace. An attempt whose answer is lost may be counted
    /// twice, but never not at all.
    ///
    /// # Errors
    /// If the shared store did not answer; the budgets are unknown then.
    pub async fn charge(
        &self,
        now: DateTime<Utc>,
        levels: &[Level],
    ) -> Result<Verdict, Unavailable> {
        if levels.iter().all(Vec::is_empty) {
            return Ok(Verdict::Allowed);
        }
        match self {
            Self::Memory(memory) => Ok(memory.charge(now, levels)),
            Self::Redis(redis) => redis.charge(now, levels).await,
        }
    }

    /// Checks the store, which updates `health`.
    ///
    /// # Errors
    /// If the shared store did not answer.
    pub async fn ping(&self, now: DateTime<Utc>) -> Result<(), Unavailable> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Redis(redis) => redis.ping(now).await,
        }
    }

    /// The outcome of the last requests, without a new one.
    #[must_use]
    pub fn health(&self) -> Health {
        match self {
            Self::Memory(memory) => memory.health(),
            Self::Redis(redis) => redis.health(),
        }
    }
}

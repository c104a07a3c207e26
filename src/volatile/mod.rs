//! Short-lived state that every instance shares: the budgets that slow down guessing, the
//! one-time codes in flight, and the exchange of domain events.
//!
//! One enum over two backends with one contract: in process, and Redis (or Valkey). Nothing lives
//! here that may not be lost; rows in the database are the truth. No rule about who is charged
//! for what lives here either: services decide that and pass the moment they decide at.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

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

pub use self::codes::{NewCode, Placed, Slot, Tries};
pub use self::event_bus::{EventBus, Events};
pub use self::memory::Memory;
pub use self::memory_limit::MemoryConcern;
pub use self::redis::{InvalidSettings, Redis, RedisSettings};

/// The store of short-lived shared state.
#[derive(Debug)]
pub enum Volatile {
    /// Inside this process: the embedded default, for a single instance.
    Memory(Memory),
    /// A Redis or Valkey server that all instances share.
    Redis(Box<Redis>),
}

/// One entry in a budget: `cost` units on `key`, of which `capacity` are given per `window`.
///
/// A fresh key may spend its whole capacity at once; what was spent comes back evenly over the
/// window (the generic cell rate algorithm). A capacity of zero refuses every cost but zero.
#[derive(Clone, PartialEq, Eq)]
pub struct Charge {
    /// Whose budget it is; chosen by the caller, the same text on every instance.
    pub key: String,
    /// How many units a window gives.
    pub capacity: u32,
    /// How long it takes for a spent budget to come back; more than 366 days count as that.
    pub window: Duration,
    /// How many units this attempt costs.
    pub cost: u32,
}

/// Keys may contain addresses of people, which have no place in a log.
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

/// Budgets that are checked together: all of them are charged, or none is.
pub type Level = Vec<Charge>;

/// What the budgets say about an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every budget of every level had room.
    Allowed,
    /// A budget was used up.
    Refused {
        /// Which level it belongs to; the levels before it are charged, this and later ones not.
        level: usize,
        /// When the same attempt fits this level, if nobody else spends in the meantime.
        retry_after: Duration,
    },
}

/// Whether the store answers, and since when that is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// True when the last request got an answer.
    pub up: bool,
    /// The moment of the request that changed it, or of the start.
    pub since: DateTime<Utc>,
}

/// The store did not answer in time, or not with an answer; the text holds no secret.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(Arc<Unreachable>);

impl Volatile {
    /// An empty store inside this process.
    #[must_use]
    pub fn memory(now: DateTime<Utc>) -> Self {
        Self::Memory(Memory::new(now))
    }

    /// A store on the server that the settings name, which is first called when first needed.
    ///
    /// A server that is away is therefore no error here, and `health` says "down" until the
    /// first answer.
    ///
    /// # Errors
    /// When the settings cannot work with any server.
    pub fn connect(settings: &RedisSettings, now: DateTime<Utc>) -> Result<Self, InvalidSettings> {
        Ok(Self::Redis(Box::new(Redis::connect(settings, now)?)))
    }

    /// Passes the levels of an attempt in order, in one atomic step, up to the first that refuses.
    ///
    /// A level that refuses is not charged and creates no key, and no later level is looked at:
    /// whoever is refused for their address changes nobody else's budget, and a flood of refused
    /// attempts leaves the store as it was. When an answer is lost on the way the attempt may be
    /// counted twice, never not at all.
    ///
    /// # Errors
    /// When the shared store did not answer; nothing is known about the budgets then.
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

    /// Asks the store for a sign of life, which `health` then remembers.
    ///
    /// # Errors
    /// When the shared store did not answer.
    pub async fn ping(&self, now: DateTime<Utc>) -> Result<(), Unavailable> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Redis(redis) => redis.ping(now).await,
        }
    }

    /// What the last requests told about the store; asks nothing itself.
    #[must_use]
    pub fn health(&self) -> Health {
        match self {
            Self::Memory(memory) => memory.health(),
            Self::Redis(redis) => redis.health(),
        }
    }
}

//! What Redis does when its memory is full.
//!
//! An evicted budget is full again, and an evicted code loses its try count: an attacker who fills
//! the memory would get more guesses.

use std::fmt;

use redis::cmd;
use tokio::time::{Instant, timeout_at};

use super::{Redis, Unavailable, Volatile};

/// The policy under which a full server refuses writes and evicts nothing.
const NO_EVICTION: &str = "noeviction";
/// Characters of a policy name that are logged.
const MAX_POLICY_LENGTH: usize = 32;

/// A memory setting under which Redis may be killed or evict budgets and codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemoryConcern {
    /// Memory is not limited.
    Unlimited,
    /// Keys are evicted.
    Evicting {
        /// `maxmemory-policy`.
        policy: String,
    },
}

impl fmt::Display for MemoryConcern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => formatter.write_str(
                "Redis has no limit of memory: set its `maxmemory` (256mb is enough for a million \
                 budgets), with `maxmemory-policy noeviction`",
            ),
            Self::Evicting { policy } => write!(
                formatter,
                "Redis may evict budgets and codes when its memory is full (maxmemory-policy \
                 {policy}), which gives attackers further guesses: set its `maxmemory-policy \
                 noeviction`"
            ),
        }
    }
}

impl Volatile {
    /// The concerns about the server's memory settings; none if it does not answer or tell.
    pub async fn memory_concerns(&self) -> Vec<MemoryConcern> {
        let Self::Redis(redis) = self else {
            return Vec::new();
        };
        match redis.memory_section().await {
            Ok(section) => concerns(&section),
            Err(unavailable) => {
                tracing::debug!(%unavailable, "Redis does not tell its limit of memory");
                Vec::new()
            }
        }
    }
}

impl Redis {
    /// `INFO memory`, which is permitted where `CONFIG GET` is not.
    async fn memory_section(&self) -> Result<String, Unavailable> {
        let late = |_| self.server.timed_out();
        let deadline = Instant::now() + self.timeout;
        let taken = timeout_at(deadline, self.connections.take()).await;
        let mut connection = taken.map_err(late)??;
        let mut info = cmd("INFO");
        info.arg("memory");
        let asked = info.query_async(&mut connection.multiplexed);
        let answer = match timeout_at(deadline, asked).await {
            Ok(answer) => answer.map_err(|error| self.server.failed(&error)),
            Err(elapsed) => Err(late(elapsed)),
        };
        if answer.is_err() {
            self.connections.retire(&connection);
        }
        answer
    }
}

/// The concerns about an `INFO` section of `name:value` lines.
fn concerns(section: &str) -> Vec<MemoryConcern> {
    let value = |wanted: &str| {
        section.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name == wanted).then(|| value.trim())
        })
    };
    let unlimited = value("maxmemory").is_some_and(|limit| limit == "0");
    let evicting = value("maxmemory_policy").filter(|policy| *policy != NO_EVICTION);
    let evicting = evicting.map(|policy| MemoryConcern::Evicting {
        policy: policy.chars().take(MAX_POLICY_LENGTH).collect(),
    });
    unlimited
        .then_some(MemoryConcern::Unlimited)
        .into_iter()
        .chain(evicting)
        .collect()
}

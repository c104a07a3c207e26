//! What the server does once its memory is full, as far as it tells.
//!
//! A budget that was evicted is whole again, and a code is gone with its count of tries: whoever
//! fills the memory would get fresh guesses.

use std::fmt;

use redis::cmd;
use tokio::time::{Instant, timeout_at};

use super::{Redis, Unavailable, Volatile};

/// Under this policy a full server refuses writes and forgets nothing.
const KEEPS_EVERYTHING: &str = "noeviction";
/// The longest name of a policy that is repeated.
const LONGEST_POLICY: usize = 32;

/// A setting of the server under which it may end, or forget what limits guessing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemoryConcern {
    /// It takes all memory that there is.
    Unlimited,
    /// It makes room by removing keys.
    Evicting {
        /// The name of its policy.
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
                 {policy}), which gives whoever guesses fresh tries: set its `maxmemory-policy \
                 noeviction`"
            ),
        }
    }
}

impl Volatile {
    /// Asks the server how it is limited. One that is away or does not tell gives no concern.
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
    /// `INFO memory`, which is allowed where `CONFIG GET` is not.
    async fn memory_section(&self) -> Result<String, Unavailable> {
        let late = |_| self.server.is_silent();
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

/// The concerns about a section of lines `name:value`.
fn concerns(section: &str) -> Vec<MemoryConcern> {
    let value = |wanted: &str| {
        section.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name == wanted).then(|| value.trim())
        })
    };
    let unlimited = value("maxmemory").is_some_and(|limit| limit == "0");
    let evicting = value("maxmemory_policy").filter(|policy| *policy != KEEPS_EVERYTHING);
    let evicting = evicting.map(|policy| MemoryConcern::Evicting {
        policy: policy.chars().take(LONGEST_POLICY).collect(),
    });
    unlimited
        .then_some(MemoryConcern::Unlimited)
        .into_iter()
        .chain(evicting)
        .collect()
}

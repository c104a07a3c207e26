//! One-time codes in flight: sealed by the services, counted here.
//!
//! A try is reserved before anybody sees what it is compared with, so parallel guesses cannot
//! have more tries than one after the other. That a code is redeemed once is a row in the
//! database; [`Volatile::forget_code`] only tidies up.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::budget::moment;
use super::{Unavailable, Volatile};

/// More codes than this are never in flight: those that end soonest make room.
const MOST_CODES: usize = 1 << 17;

/// A code to be kept.
#[derive(Clone, Copy)]
pub struct NewCode<'a> {
    /// Whose code it is and what for.
    pub key: &'a str,
    /// What only a service can read.
    pub sealed: &'a [u8],
    /// How long it is kept.
    pub keep: Duration,
    /// How long no other code takes its place.
    pub cooldown: Duration,
}

/// Whether a code was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It took the place of any code before it.
    Stored,
    /// A code before it is too young to be replaced.
    Cooling {
        /// When it can be.
        wait: Duration,
    },
}

impl Volatile {
    /// Keeps a code in place of the one before, unless that one is too young.
    ///
    /// # Errors
    /// When the shared store did not answer; the code may be kept or not then.
    pub async fn place_code(
        &self,
        now: DateTime<Utc>,
        code: NewCode<'_>,
    ) -> Result<Placed, Unavailable> {
        let wait = match self {
            Self::Memory(memory) => memory.shelf.place(moment(now), code),
            Self::Redis(redis) => redis.place_code(now, code).await?,
        };
        Ok(match wait {
            0 => Placed::Stored,
            wait => Placed::Cooling {
                wait: Duration::from_micros(wait),
            },
        })
    }

    /// Takes one try and returns what to compare with; `None` when there is no code, or no try
    /// left, in which case the code is gone.
    ///
    /// # Errors
    /// When the shared store did not answer; the try may be lost then.
    pub async fn try_code(
        &self,
        now: DateTime<Utc>,
        key: &str,
        tries: u32,
    ) -> Result<Option<Vec<u8>>, Unavailable> {
        match self {
            Self::Memory(memory) => Ok(memory.shelf.attempt(moment(now), key, tries)),
            Self::Redis(redis) => redis.try_code(now, key, tries).await,
        }
    }

    /// Removes a code that was redeemed, if it is still this one. Its cooldown stays.
    ///
    /// # Errors
    /// When the shared store did not answer.
    pub async fn forget_code(
        &self,
        now: DateTime<Utc>,
        key: &str,
        sealed: &[u8],
    ) -> Result<(), Unavailable> {
        match self {
            Self::Memory(memory) => {
                memory.shelf.forget(key, sealed);
                Ok(())
            }
            Self::Redis(redis) => redis.forget_code(now, key, sealed).await,
        }
    }
}

/// The codes of a single instance, in process.
#[derive(Default)]
pub(super) struct Shelf(Mutex<HashMap<Box<str>, Kept>>);

struct Kept {
    /// Absent once it was redeemed or guessed at too often.
    sealed: Option<Vec<u8>>,
    tries: u32,
    replaceable_at: u64,
    gone_at: u64,
}

/// Neither keys nor codes belong in debug output.
impl std::fmt::Debug for Shelf {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shelf").finish_non_exhaustive()
    }
}

impl Shelf {
    fn place(&self, now: u64, code: NewCode<'_>) -> u64 {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cooldown = microseconds(code.cooldown);
        if let Some(kept) = codes.get(code.key).filter(|kept| kept.gone_at > now) {
            // Further ahead than the cooldown is a clock that was set back.
            let wait = kept.replaceable_at.saturating_sub(now);
            if wait > 0 && wait <= cooldown {
                return wait;
            }
        }
        if codes.len() >= MOST_CODES {
            make_room(&mut codes, now);
        }
        let kept = Kept {
            sealed: Some(code.sealed.to_vec()),
            tries: 0,
            replaceable_at: now + cooldown,
            gone_at: now + microseconds(code.keep),
        };
        codes.insert(code.key.into(), kept);
        0
    }

    fn attempt(&self, now: u64, key: &str, tries: u32) -> Option<Vec<u8>> {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = codes.get_mut(key).filter(|kept| kept.gone_at > now)?;
        kept.tries = kept.tries.saturating_add(1);
        if kept.tries > tries {
            kept.sealed = None;
        }
        kept.sealed.clone()
    }

    fn forget(&self, key: &str, sealed: &[u8]) {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = codes.get_mut(key)
            && kept.sealed.as_deref() == Some(sealed)
        {
            kept.sealed = None;
        }
    }
}

/// Drops what is over, and a quarter of the rest if that is not enough.
fn make_room(codes: &mut HashMap<Box<str>, Kept>, now: u64) {
    codes.retain(|_, kept| kept.gone_at > now);
    let excess = codes.len().saturating_sub(MOST_CODES / 4 * 3);
    if excess == 0 {
        return;
    }
    let mut ends: Vec<u64> = codes.values().map(|kept| kept.gone_at).collect();
    let (_, &mut threshold, _) = ends.select_nth_unstable(excess - 1);
    let mut left = excess;
    codes.retain(|_, kept| {
        let goes = left > 0 && kept.gone_at <= threshold;
        left -= usize::from(goes);
        !goes
    });
}

pub(super) fn microseconds(duration: Duration) -> u64 {
    // 2^50 microseconds are 35 years: later sums stay exact on the server, too.
    u64::try_from(duration.as_micros())
        .unwrap_or(1 << 50)
        .min(1 << 50)
}

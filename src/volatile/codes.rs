//! One-time codes in flight: sealed by the services, their tries counted here.
//!
//! A live code is resent rather than replaced, so that a request for another does not invalidate
//! it. The code before a newer one stays valid, and every try counts for both.
//!
//! A try is counted before the code is returned for comparison, so concurrent guesses get no extra
//! tries (race condition). That a code is redeemed once is enforced in the database;
//! [`Volatile::forget_code`] only cleans up.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::budget::{from_moment, moment};
use super::{Unavailable, Volatile};

/// The maximum number of codes in flight; those that expire first are evicted.
const MAX_CODES: usize = 1 << 17;

/// A code to store, unless an earlier one can be resent.
#[derive(Clone, Copy)]
pub struct NewCode<'a> {
    /// The subject and purpose.
    pub key: &'a str,
    /// The code, sealed by the service.
    pub sealed: &'a [u8],
    /// When it expires, for repeated requests.
    pub ends_at: DateTime<Utc>,
    /// How long it is stored.
    pub keep: Duration,
    /// How long no other code can be requested.
    pub cooldown: Duration,
    /// How long it is resent instead of replaced; half of its lifetime at most.
    pub renewal: Duration,
    /// Tries per code; a code without tries left is not resent.
    pub tries: u32,
    /// The newest code as returned by the store, if it cannot be opened any more. The new one
    /// takes over its age, which would otherwise reveal the replacement.
    pub instead_of: Option<&'a [u8]>,
}

/// The outcome of placing a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// The code to send: the new one, or an earlier one that is young enough.
    Kept {
        /// The sealed code.
        sealed: Vec<u8>,
        /// When it was created, or the one that it replaced.
        made_at: DateTime<Utc>,
        /// When it expires.
        ends_at: DateTime<Utc>,
    },
    /// Nothing to send: the last code was sent too recently.
    Cooldown {
        /// When another can be requested.
        wait: Duration,
    },
}

/// Codes to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The subject and purpose.
    pub key: String,
    /// Whether they were sent to another device, whose tries must not be used up (denial of
    /// service).
    pub foreign: bool,
}

/// How often a code can be tried.
#[derive(Clone, Copy, Debug)]
pub struct Tries {
    /// In total.
    pub all: u32,
    /// Through a foreign [`Slot`].
    pub foreign: u32,
}

impl Volatile {
    /// Decides which code to send: the live one while it is young and has tries left, otherwise
    /// the new one, beside which the previous one stays valid.
    ///
    /// # Errors
    /// If the shared store did not answer; the code may be stored or not.
    pub async fn place_code(
        &self,
        now: DateTime<Utc>,
        code: NewCode<'_>,
    ) -> Result<Placed, Unavailable> {
        let placed = match self {
            Self::Memory(memory) => memory.codes.place(moment(now), code),
            Self::Redis(redis) => redis.place_code(now, code).await?,
        };
        Ok(match placed {
            (0, sealed, made_at, ends_at) => Placed::Kept {
                sealed,
                made_at: from_moment(made_at),
                ends_at: from_moment(ends_at),
            },
            (wait, ..) => Placed::Cooldown {
                wait: Duration::from_micros(wait),
            },
        })
    }

    /// Counts a try of every live code and returns those to compare: none if there is no code, or
    /// no try left, which removes the code.
    ///
    /// # Errors
    /// If the shared store did not answer; the try may be counted or not.
    pub async fn try_code(
        &self,
        now: DateTime<Utc>,
        slots: &[Slot],
        tries: Tries,
    ) -> Result<Vec<Vec<u8>>, Unavailable> {
        match self {
            Self::Memory(memory) => Ok(memory.codes.attempt(moment(now), slots, tries)),
            Self::Redis(redis) => redis.try_code(now, slots, tries).await,
        }
    }

    /// Removes the codes of these slots if the redeemed one is among them. Cooldowns stay.
    ///
    /// # Errors
    /// If the shared store did not answer.
    pub async fn forget_code(
        &self,
        now: DateTime<Utc>,
        slots: &[Slot],
        sealed: &[u8],
    ) -> Result<(), Unavailable> {
        match self {
            Self::Memory(memory) => {
                memory.codes.forget(slots, sealed);
                Ok(())
            }
            Self::Redis(redis) => redis.forget_code(now, slots, sealed).await,
        }
    }
}

/// The codes of a single instance.
#[derive(Default)]
pub(super) struct CodeStore(Mutex<HashMap<Box<str>, Kept>>);

struct Kept {
    /// The newest and the previous one; absent once redeemed or without tries.
    codes: [Option<Live>; 2],
    /// The code of the last request, to recognise a retry of it.
    asked: Vec<u8>,
    replaceable_at: u64,
    gone_at: u64,
}

struct Live {
    sealed: Vec<u8>,
    made_at: u64,
    ends_at: u64,
    tries: u32,
    foreign: u32,
}

impl Live {
    /// Whether its age is below half of its lifetime, and below `renewal`.
    const fn is_young(&self, now: u64, renewal: u64) -> bool {
        let half = self.ends_at.saturating_sub(self.made_at) / 2;
        let youth = if half < renewal { half } else { renewal };
        now >= self.made_at && now - self.made_at < youth
    }

    /// Counts a try; foreign tries run out before the code does.
    fn attempt(&mut self, foreign: bool, tries: Tries) -> Attempted {
        if foreign {
            self.foreign = self.foreign.saturating_add(1);
            if self.foreign > tries.foreign {
                return Attempted::Withheld;
            }
        }
        self.tries = self.tries.saturating_add(1);
        if self.tries > tries.all {
            Attempted::Dead
        } else {
            Attempted::Compare
        }
    }
}

enum Attempted {
    Compare,
    Withheld,
    Dead,
}

/// Omits keys and codes.
impl std::fmt::Debug for CodeStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CodeStore").finish_non_exhaustive()
    }
}

impl CodeStore {
    fn place(&self, now: u64, code: NewCode<'_>) -> (u64, Vec<u8>, u64, u64) {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cooldown = microseconds(code.cooldown);
        let (mut older, mut made_at) = (None, now);
        if let Some(kept) = codes.get_mut(code.key).filter(|kept| kept.gone_at > now) {
            let asked_again = kept.asked == code.sealed;
            let newest = kept.codes[0].as_ref();
            let replaced = newest.filter(|newest| code.instead_of == Some(&newest.sealed));
            let usable = newest.filter(|newest| newest.tries < code.tries);
            if let Some(newest) = newest.filter(|_| asked_again && replaced.is_none()) {
                let sealed = newest.sealed.clone();
                return (0, sealed, newest.made_at, newest.ends_at);
            }
            if let Some(replaced) = replaced {
                made_at = replaced.made_at;
                older = kept.codes[1].take();
            } else {
                let wait = kept.replaceable_at.saturating_sub(now);
                // A wait beyond the cooldown means that the clock was set back.
                if wait > 0 && wait <= cooldown {
                    return (wait, Vec::new(), 0, 0);
                }
                let renewal = microseconds(code.renewal);
                if let Some(newest) = usable.filter(|newest| newest.is_young(now, renewal)) {
                    let (made_at, ends_at) = (newest.made_at, newest.ends_at);
                    let sealed = newest.sealed.clone();
                    kept.replaceable_at = now + cooldown;
                    kept.asked = code.sealed.to_vec();
                    return (0, sealed, made_at, ends_at);
                }
                if usable.is_some() {
                    older = kept.codes[0].take();
                }
            }
        }
        if codes.len() >= MAX_CODES {
            evict(&mut codes, now);
        }
        let newest = Live {
            sealed: code.sealed.to_vec(),
            made_at,
            ends_at: moment(code.ends_at),
            tries: 0,
            foreign: 0,
        };
        let kept = Kept {
            codes: [Some(newest), older],
            asked: code.sealed.to_vec(),
            replaceable_at: now + cooldown,
            gone_at: now + microseconds(code.keep),
        };
        codes.insert(code.key.into(), kept);
        (0, code.sealed.to_vec(), made_at, moment(code.ends_at))
    }

    fn attempt(&self, now: u64, slots: &[Slot], tries: Tries) -> Vec<Vec<u8>> {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::new();
        for slot in slots {
            let Some(kept) = codes.get_mut(slot.key.as_str()) else {
                continue;
            };
            for place in kept.codes.iter_mut().filter(|_| kept.gone_at > now) {
                let Some(live) = place else { continue };
                match live.attempt(slot.foreign, tries) {
                    Attempted::Compare => found.push(live.sealed.clone()),
                    Attempted::Withheld => {}
                    Attempted::Dead => *place = None,
                }
            }
        }
        found
    }

    fn forget(&self, slots: &[Slot], sealed: &[u8]) {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_redeemed = |live: &Live| live.sealed == sealed;
        let among = |slot: &Slot| {
            let kept = codes.get(slot.key.as_str());
            kept.is_some_and(|kept| kept.codes.iter().flatten().any(is_redeemed))
        };
        if slots.iter().any(among) {
            for slot in slots {
                if let Some(kept) = codes.get_mut(slot.key.as_str()) {
                    kept.codes = [None, None];
                }
            }
        }
    }
}

/// Evicts expired codes, and a quarter of the others if those are too few.
fn evict(codes: &mut HashMap<Box<str>, Kept>, now: u64) {
    codes.retain(|_, kept| kept.gone_at > now);
    let excess = codes.len().saturating_sub(MAX_CODES / 4 * 3);
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
    // 2^50 microseconds are 35 years: sums stay exact in Lua.
    u64::try_from(duration.as_micros())
        .unwrap_or(1 << 50)
        .min(1 << 50)
}

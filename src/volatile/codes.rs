//! One-time codes in flight: sealed by the services, counted here.
//!
//! A live code is sent again rather than replaced, so that asking for another does not end it; the
//! one before a newer code stays alive, and every try counts for both.
//!
//! A try is reserved before anybody sees what it is compared with, so parallel guesses cannot
//! have more tries than one after the other. That a code is redeemed once is a row in the
//! database; [`Volatile::forget_code`] only tidies up.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::budget::{from_moment, moment};
use super::{Unavailable, Volatile};

/// More codes than this are never in flight: those that end soonest make room.
const MOST_CODES: usize = 1 << 17;

/// A code to be kept, unless one before it can be sent again.
#[derive(Clone, Copy)]
pub struct NewCode<'a> {
    /// Whose codes they are and what for.
    pub key: &'a str,
    /// What only a service can read.
    pub sealed: &'a [u8],
    /// When it ends, for those who ask again.
    pub ends_at: DateTime<Utc>,
    /// How long it is kept.
    pub keep: Duration,
    /// How long no other code can be asked for.
    pub cooldown: Duration,
    /// How long it is sent again instead of another one; never after half of its own life.
    pub renewal: Duration,
    /// How many tries a code has; one without is not sent again.
    pub tries: u32,
    /// The newest code as the store gave it, if it turned out that nobody can open it any more.
    /// The new one counts as being as old, so that its age does not tell that it was replaced.
    pub instead_of: Option<&'a [u8]>,
}

/// What to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// A code: the new one, or one before it that is young enough.
    Kept {
        /// The code, as it was sealed.
        sealed: Vec<u8>,
        /// When it was made, or the one that it replaced.
        made_at: DateTime<Utc>,
        /// When it ends.
        ends_at: DateTime<Utc>,
    },
    /// Nothing: the last one was sent too lately.
    Cooling {
        /// When another can be.
        wait: Duration,
    },
}

/// Codes that somebody tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Whose codes they are and what for.
    pub key: String,
    /// Whether they are kept for somebody else, who must not lose all tries to others.
    pub foreign: bool,
}

/// How often a code can be tried.
#[derive(Clone, Copy, Debug)]
pub struct Tries {
    /// Altogether.
    pub all: u32,
    /// Through a foreign [`Slot`].
    pub foreign: u32,
}

impl Volatile {
    /// Says which code to send: the live one while it is young and has tries left, so that nobody
    /// ends a code by asking for another; otherwise the new one, and the one before stays alive.
    ///
    /// # Errors
    /// When the shared store did not answer; the code may be kept or not then.
    pub async fn place_code(
        &self,
        now: DateTime<Utc>,
        code: NewCode<'_>,
    ) -> Result<Placed, Unavailable> {
        let placed = match self {
            Self::Memory(memory) => memory.shelf.place(moment(now), code),
            Self::Redis(redis) => redis.place_code(now, code).await?,
        };
        Ok(match placed {
            (0, sealed, made_at, ends_at) => Placed::Kept {
                sealed,
                made_at: from_moment(made_at),
                ends_at: from_moment(ends_at),
            },
            (wait, ..) => Placed::Cooling {
                wait: Duration::from_micros(wait),
            },
        })
    }

    /// Takes one try of every live code and returns those to compare with: none when there is no
    /// code, or no try left, in which case the code is gone.
    ///
    /// # Errors
    /// When the shared store did not answer; the try may be lost then.
    pub async fn try_code(
        &self,
        now: DateTime<Utc>,
        slots: &[Slot],
        tries: Tries,
    ) -> Result<Vec<Vec<u8>>, Unavailable> {
        match self {
            Self::Memory(memory) => Ok(memory.shelf.attempt(moment(now), slots, tries)),
            Self::Redis(redis) => redis.try_code(now, slots, tries).await,
        }
    }

    /// Removes the codes of these slots, if the one that was redeemed is still among them. The
    /// cooldowns stay.
    ///
    /// # Errors
    /// When the shared store did not answer.
    pub async fn forget_code(
        &self,
        now: DateTime<Utc>,
        slots: &[Slot],
        sealed: &[u8],
    ) -> Result<(), Unavailable> {
        match self {
            Self::Memory(memory) => {
                memory.shelf.forget(slots, sealed);
                Ok(())
            }
            Self::Redis(redis) => redis.forget_code(now, slots, sealed).await,
        }
    }
}

/// The codes of a single instance, in process.
#[derive(Default)]
pub(super) struct Shelf(Mutex<HashMap<Box<str>, Kept>>);

struct Kept {
    /// The newest and the one before it; absent once redeemed or guessed at too often.
    codes: [Option<Live>; 2],
    /// The code that was offered last, by which a repeated request is recognised.
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
    /// Whether it is in the first half of its own life, or of `renewal` if that is shorter.
    const fn is_young(&self, now: u64, renewal: u64) -> bool {
        let half = self.ends_at.saturating_sub(self.made_at) / 2;
        let youth = if half < renewal { half } else { renewal };
        now >= self.made_at && now - self.made_at < youth
    }

    /// Takes a try, or says that there is none: for others before the code itself is dead.
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

/// Neither keys nor codes belong in debug output.
impl std::fmt::Debug for Shelf {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shelf").finish_non_exhaustive()
    }
}

impl Shelf {
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
                // Further ahead than the cooldown is a clock that was set back.
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
        if codes.len() >= MOST_CODES {
            make_room(&mut codes, now);
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

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

use super::budget::{from_micros, micros};
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
    pub expires_at: DateTime<Utc>,
    /// How long it is stored.
    pub store_for: Duration,
    /// How long no other code can be requested.
    pub cooldown: Duration,
    /// How long it is resent instead of replaced; half of its lifetime at most.
    pub resend_for: Duration,
    /// Tries per code; a code without tries left is not resent.
    pub tries: u32,
    /// The newest code as returned by the store, if it cannot be opened any more. The new one
    /// takes over its age, which would otherwise reveal the replacement.
    pub replaces: Option<&'a [u8]>,
}

/// The outcome of placing a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The code to send: the new one, or an earlier one that is young enough.
    Send {
        /// The sealed code.
        sealed: Vec<u8>,
        /// When it was created, or the one that it replaced.
        created_at: DateTime<Utc>,
        /// When it expires.
        expires_at: DateTime<Utc>,
    },
    /// Nothing to send: the last code was sent too recently.
    Cooldown {
        /// When another can be requested.
        wait: Duration,
    },
}

/// Codes to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeLookup {
    /// The subject and purpose.
    pub key: String,
    /// Whether they were sent to another device, which must keep some tries for itself (denial of
    /// service).
    pub for_other_device: bool,
}

/// How often a code can be tried.
#[derive(Clone, Copy, Debug)]
pub struct Tries {
    /// In total.
    pub total: u32,
    /// From devices other than the one that the code was sent to.
    pub other_devices: u32,
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
    ) -> Result<Placement, Unavailable> {
        let placed = match self {
            Self::Memory(memory) => memory.codes.place(micros(now), code),
            Self::Redis(redis) => redis.place_code(now, code).await?,
        };
        Ok(match placed {
            (0, sealed, created_at, expires_at) => Placement::Send {
                sealed,
                created_at: from_micros(created_at),
                expires_at: from_micros(expires_at),
            },
            (wait, ..) => Placement::Cooldown {
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
        lookups: &[CodeLookup],
        tries: Tries,
    ) -> Result<Vec<Vec<u8>>, Unavailable> {
        match self {
            Self::Memory(memory) => Ok(memory.codes.attempt(micros(now), lookups, tries)),
            Self::Redis(redis) => redis.try_code(now, lookups, tries).await,
        }
    }

    /// Removes the codes of these lookups if the redeemed one is among them. Cooldowns stay.
    ///
    /// # Errors
    /// If the shared store did not answer.
    pub async fn forget_code(
        &self,
        now: DateTime<Utc>,
        lookups: &[CodeLookup],
        sealed: &[u8],
    ) -> Result<(), Unavailable> {
        match self {
            Self::Memory(memory) => {
                memory.codes.forget(lookups, sealed);
                Ok(())
            }
            Self::Redis(redis) => redis.forget_code(now, lookups, sealed).await,
        }
    }

    /// Removes everything that is kept under these keys, cooldowns included: their subject is gone.
    ///
    /// # Errors
    /// If the shared store did not answer.
    pub async fn drop_codes(&self, now: DateTime<Utc>, keys: &[String]) -> Result<(), Unavailable> {
        match self {
            Self::Memory(memory) => {
                memory.codes.drop_all(keys);
                Ok(())
            }
            Self::Redis(redis) => redis.drop_codes(now, keys).await,
        }
    }
}

/// The codes of a single instance.
#[derive(Default)]
pub(super) struct CodeStore(Mutex<HashMap<Box<str>, Entry>>);

struct Entry {
    /// The newest and the previous one; absent once redeemed or without tries.
    codes: [Option<LiveCode>; 2],
    /// The code of the last request, to recognise its retry.
    last_request: Vec<u8>,
    cooldown_until: u64,
    stored_until: u64,
}

struct LiveCode {
    sealed: Vec<u8>,
    created_at: u64,
    expires_at: u64,
    tries: u32,
    tries_of_other_devices: u32,
}

impl LiveCode {
    /// Whether its age is below half of its lifetime, and below `resend_for`.
    const fn is_resendable(&self, now: u64, resend_for: u64) -> bool {
        let half = self.expires_at.saturating_sub(self.created_at) / 2;
        let limit = if half < resend_for { half } else { resend_for };
        now >= self.created_at && now - self.created_at < limit
    }

    /// Counts a try. Other devices run out of tries first.
    fn attempt(&mut self, for_other_device: bool, tries: Tries) -> TryOutcome {
        if for_other_device {
            self.tries_of_other_devices = self.tries_of_other_devices.saturating_add(1);
            if self.tries_of_other_devices > tries.other_devices {
                return TryOutcome::Reserved;
            }
        }
        self.tries = self.tries.saturating_add(1);
        if self.tries > tries.total {
            TryOutcome::Exhausted
        } else {
            TryOutcome::Compare
        }
    }
}

enum TryOutcome {
    /// The code may be compared.
    Compare,
    /// The remaining tries are reserved for the device that the code was sent to.
    Reserved,
    /// No try is left.
    Exhausted,
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
        let (mut older, mut created_at) = (None, now);
        if let Some(entry) = codes
            .get_mut(code.key)
            .filter(|entry| entry.stored_until > now)
        {
            let is_retry = entry.last_request == code.sealed;
            let newest = entry.codes[0].as_ref();
            let replaced = newest.filter(|newest| code.replaces == Some(&newest.sealed));
            let usable = newest.filter(|newest| newest.tries < code.tries);
            if let Some(newest) = newest.filter(|_| is_retry && replaced.is_none()) {
                let sealed = newest.sealed.clone();
                return (0, sealed, newest.created_at, newest.expires_at);
            }
            if let Some(replaced) = replaced {
                created_at = replaced.created_at;
                older = entry.codes[1].take();
            } else {
                let wait = entry.cooldown_until.saturating_sub(now);
                // A wait beyond the cooldown means that the clock was set back.
                if wait > 0 && wait <= cooldown {
                    return (wait, Vec::new(), 0, 0);
                }
                let resend_for = microseconds(code.resend_for);
                if let Some(newest) = usable.filter(|newest| newest.is_resendable(now, resend_for))
                {
                    let (created_at, expires_at) = (newest.created_at, newest.expires_at);
                    let sealed = newest.sealed.clone();
                    entry.cooldown_until = now + cooldown;
                    entry.last_request = code.sealed.to_vec();
                    return (0, sealed, created_at, expires_at);
                }
                if usable.is_some() {
                    older = entry.codes[0].take();
                }
            }
        }
        if codes.len() >= MAX_CODES {
            evict(&mut codes, now);
        }
        let newest = LiveCode {
            sealed: code.sealed.to_vec(),
            created_at,
            expires_at: micros(code.expires_at),
            tries: 0,
            tries_of_other_devices: 0,
        };
        let entry = Entry {
            codes: [Some(newest), older],
            last_request: code.sealed.to_vec(),
            cooldown_until: now + cooldown,
            stored_until: now + microseconds(code.store_for),
        };
        codes.insert(code.key.into(), entry);
        (0, code.sealed.to_vec(), created_at, micros(code.expires_at))
    }

    fn attempt(&self, now: u64, lookups: &[CodeLookup], tries: Tries) -> Vec<Vec<u8>> {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::new();
        for lookup in lookups {
            let Some(entry) = codes.get_mut(lookup.key.as_str()) else {
                continue;
            };
            for place in entry.codes.iter_mut().filter(|_| entry.stored_until > now) {
                let Some(live) = place else { continue };
                match live.attempt(lookup.for_other_device, tries) {
                    TryOutcome::Compare => found.push(live.sealed.clone()),
                    TryOutcome::Reserved => {}
                    TryOutcome::Exhausted => *place = None,
                }
            }
        }
        found
    }

    fn drop_all(&self, keys: &[String]) {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            codes.remove(key.as_str());
        }
    }

    fn forget(&self, lookups: &[CodeLookup], sealed: &[u8]) {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_redeemed = |live: &LiveCode| live.sealed == sealed;
        let among = |lookup: &CodeLookup| {
            let entry = codes.get(lookup.key.as_str());
            entry.is_some_and(|entry| entry.codes.iter().flatten().any(is_redeemed))
        };
        if lookups.iter().any(among) {
            for lookup in lookups {
                if let Some(entry) = codes.get_mut(lookup.key.as_str()) {
                    entry.codes = [None, None];
                }
            }
        }
    }
}

/// Evicts expired codes, and a quarter of the others if those are too few.
fn evict(codes: &mut HashMap<Box<str>, Entry>, now: u64) {
    codes.retain(|_, entry| entry.stored_until > now);
    let excess = codes.len().saturating_sub(MAX_CODES / 4 * 3);
    if excess == 0 {
        return;
    }
    let mut ends: Vec<u64> = codes.values().map(|entry| entry.stored_until).collect();
    let (_, &mut threshold, _) = ends.select_nth_unstable(excess - 1);
    let mut left = excess;
    codes.retain(|_, entry| {
        let is_evicted = left > 0 && entry.stored_until <= threshold;
        left -= usize::from(is_evicted);
        !is_evicted
    });
}

pub(super) fn microseconds(duration: Duration) -> u64 {
    // 2^50 microseconds are 35 years: sums stay exact in Lua.
    u64::try_from(duration.as_micros())
        .unwrap_or(1 << 50)
        .min(1 << 50)
}

//! One-time codes: issuing, sealing and checking them.
//!
//! An address without an account gets a decoy with the same cooldown, tries and expiry, so that no
//! answer reveals whether an account exists. What a valid code authorizes is decided by the callers.

mod lifetime;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::crypto::keyring::Purpose;
use crate::domain::code::{CODES, Code, CodePurpose, DIGITS};
use crate::domain::identifier::Identifier;
use crate::domain::token::HashedToken;
use crate::domain::user::User;
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::services::throttle::{RateLimitExceeded, Target};
use crate::stores::{Tx, redemption};
use crate::volatile::{CodeLookup, NewCode, Placement, Tries};

use lifetime::{Validity, count_wrong_code, lifetime};

/// How long an expired code is kept, to be reported as expired instead of wrong.
const EXPIRED_STORED_FOR: Duration = Duration::from_mins(10);

/// Whose code it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum CodeSubject<'a> {
    /// Bound to this account; a change of its credentials invalidates the code.
    User(&'a User),
    /// A decoy: no typed code is ever valid.
    Unknown,
}

/// Which codes of an address a request may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodePool {
    /// Anyone who knows the address, including its owner on a new device.
    Public,
    /// A device that the account knows. Its codes are kept apart, so that strangers can neither
    /// put them on cooldown nor use up their tries.
    KnownDevice,
}

impl CodePool {
    pub(super) fn of(target: Target<'_>) -> Self {
        if target.has_known_device() {
            Self::KnownDevice
        } else {
            Self::Public
        }
    }
}

/// A code to be sent.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) code: Code,
    pub(super) expires_at: DateTime<Utc>,
    /// Seconds until it expires, for the answer.
    pub(super) seconds: i64,
    /// Minutes until it expires, for the message.
    pub(super) minutes: i64,
}

impl Issued {
    fn new(code: Code, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let seconds = (expires_at - now).num_seconds().max(0);
        Self {
            code,
            expires_at,
            seconds,
            minutes: (seconds / 60).max(1),
        }
    }
}

/// Why no code was issued.
#[derive(Debug)]
pub(super) enum IssueError {
    /// The previous code was issued too recently.
    Cooldown(RateLimitExceeded),
    /// An unexpected failure.
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for IssueError {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// The result of checking a typed code.
#[derive(Debug)]
pub(super) enum CodeCheck {
    /// It is valid, and counts once it is consumed.
    Valid(VerifiedCode),
    /// It was valid once.
    Expired,
    /// It is wrong, out of tries, or was never sent.
    Invalid,
}

/// A valid code that is not consumed yet.
#[derive(Debug)]
pub(super) struct VerifiedCode {
    lookups: Vec<CodeLookup>,
    sealed: Vec<u8>,
    expires_at: DateTime<Utc>,
}

/// Issues a code for one purpose at one address: the current one again during the first half of
/// its lifetime, then a new one.
///
/// # Errors
/// The shared store is down: without it tries could not be limited.
pub(super) async fn issue(
    app: &App,
    subject: CodeSubject<'_>,
    purpose: CodePurpose,
    contact: &Identifier,
    pool: CodePool,
) -> Result<Issued, IssueError> {
    let now = app.clock.now();
    let lifetime = lifetime(app);
    let code = Code::from_number(app.random.below(CODES));
    let aad = aad(subject, purpose, contact);
    let key = keys(app, subject, purpose, contact, pool).next();
    let key = key.unwrap_or_default();
    let mut validity = Validity {
        issued_at: now,
        expires_at: now + lifetime,
    };
    let mut replaced = None::<Vec<u8>>;
    for _ in 0..MAX_PLACEMENTS {
        let sealed = seal(app, &aad, &code, validity);
        let new = NewCode {
            key: &key,
            sealed: &sealed,
            expires_at: validity.expires_at,
            store_for: lifetime + EXPIRED_STORED_FOR,
            cooldown: Duration::from_secs(app.config.otp.resend_seconds.into()),
            resend_for: lifetime / 2,
            tries: tries(app).total,
            replaces: replaced.as_deref(),
        };
        let (stored, age) = match app.volatile.place_code(now, new).await? {
            Placement::Send {
                sealed,
                created_at,
                expires_at,
            } => {
                let age = Validity {
                    issued_at: created_at,
                    expires_at,
                };
                (sealed, age)
            }
            Placement::Cooldown { wait } => {
                return Err(IssueError::Cooldown(RateLimitExceeded {
                    retry_after: wait,
                }));
            }
        };
        if stored == sealed {
            return Ok(Issued::new(code, validity.effective_expiry(app), now));
        }
        match (open(app, &aad, &stored), subject) {
            (Some((code, validity)), _) => {
                return Ok(Issued::new(code, validity.effective_expiry(app), now));
            }
            // A decoy must not replace the code of an account.
            (None, CodeSubject::Unknown) => {
                return Ok(Issued::new(code, age.effective_expiry(app), now));
            }
            // Replace a decoy, or a code from before a change of credentials, but keep its age: a
            // new expiry would reveal that the address has an account by now.
            (None, CodeSubject::User(_)) => (validity, replaced) = (age, Some(stored)),
        }
    }
    Err(Fault::new("a code was replaced while it was made").into())
}

/// Attempts to replace a code that does not open, as concurrent requests may replace it first.
const MAX_PLACEMENTS: usize = 4;

/// The tries of a code. A third of them is reserved for known devices if one asked for the code.
fn tries(app: &App) -> Tries {
    let total = app.config.otp.tries;
    Tries {
        total,
        other_devices: total - total.div_ceil(3),
    }
}

fn seal(app: &App, aad: &[u8], code: &Code, validity: Validity) -> Vec<u8> {
    let mut plain = code.reveal().as_bytes().to_vec();
    for moment in [validity.issued_at, validity.expires_at] {
        plain.extend_from_slice(&moment.timestamp_micros().to_be_bytes());
    }
    app.keyring.seal(Purpose::Codes, &app.random, aad, &plain)
}

/// Opens a sealed code; `None` if it was sealed for another purpose, address or version of the
/// credentials, or in another format.
fn open(app: &App, aad: &[u8], sealed: &[u8]) -> Option<(Code, Validity)> {
    let plain = app.keyring.open(Purpose::Codes, aad, sealed).ok()?;
    let (digits, times) = plain.split_at_checked(DIGITS)?;
    let (issued_at, expires_at) = times.split_at_checked(size_of::<i64>())?;
    let moment = |micros: &[u8]| {
        DateTime::from_timestamp_micros(i64::from_be_bytes(micros.try_into().ok()?))
    };
    let code = Code::parse(std::str::from_utf8(digits).ok()?)?;
    let validity = Validity {
        issued_at: moment(issued_at)?,
        expires_at: moment(expires_at)?,
    };
    Some((code, validity))
}

/// Parses the digits of the input field `code`.
pub(super) fn parse(typed: &str) -> Result<Code, Violation> {
    Code::parse(typed).ok_or_else(|| {
        let message = "a code has six digits";
        Violation::new("code", ViolationRule::InvalidFormat, message)
    })
}

/// Counts a try, then compares.
pub(super) async fn check(
    app: &App,
    subject: CodeSubject<'_>,
    purpose: CodePurpose,
    contact: &Identifier,
    typed: &Code,
    pool: CodePool,
) -> Result<CodeCheck, Fault> {
    let now = app.clock.now();
    let lookups = lookups(app, subject, purpose, contact, pool);
    let found = app.volatile.try_code(now, &lookups, tries(app)).await?;
    let aad = aad(subject, purpose, contact);
    let mut checked = CodeCheck::Invalid;
    for sealed in found {
        let Some((code, validity)) = open(app, &aad, &sealed) else {
            continue;
        };
        let is_right = typed.matches(code.reveal().as_bytes());
        if is_right && matches!(subject, CodeSubject::User(_)) {
            if validity.effective_expiry(app) > now {
                return Ok(CodeCheck::Valid(VerifiedCode {
                    lookups,
                    sealed,
                    // Not the effective expiry: the code is valid again after the alarm.
                    expires_at: validity.expires_at,
                }));
            }
            checked = CodeCheck::Expired;
        }
    }
    if matches!(checked, CodeCheck::Invalid) {
        count_wrong_code(app).await;
    }
    Ok(checked)
}

impl VerifiedCode {
    /// Consumes the code in this transaction; `false` if it was consumed before, be it by a
    /// concurrent request or before a fail-over of the shared store brought it back.
    pub(super) async fn consume(&self, tx: &Tx, app: &App) -> Result<bool, Fault> {
        let digest = HashedToken::from_bytes(Sha256::digest(&self.sealed).into());
        let stored_until = self.expires_at + EXPIRED_STORED_FOR;
        redemption::record(tx, &digest, stored_until, app.clock.now()).await
    }

    /// Removes the code from the shared store after the commit; the row written by
    /// [`Self::consume`] is what prevents reuse.
    pub(super) async fn forget(self, app: &App) {
        let now = app.clock.now();
        let forgotten = app.volatile.forget_code(now, &self.lookups, &self.sealed);
        if let Err(unavailable) = forgotten.await {
            tracing::debug!(%unavailable, "a redeemed code stays until it expires");
        }
    }
}

/// Removes the codes of an account that is gone, and what is kept of them.
pub(super) async fn drop_all(app: &App, user: &User) {
    let mut dropped = Vec::new();
    for contact in [&user.email, &user.phone].into_iter().flatten() {
        let contact = Identifier::read(contact, None);
        for purpose in CodePurpose::ALL {
            for pool in [CodePool::Public, CodePool::KnownDevice] {
                dropped.extend(keys(app, CodeSubject::User(user), purpose, &contact, pool));
            }
        }
    }
    let outcome = app.volatile.drop_codes(app.clock.now(), &dropped).await;
    if let Err(unavailable) = outcome {
        tracing::warn!(%unavailable, "the codes of an erased account stay until they expire");
    }
}

/// Where to look for a typed code. Codes sent to a known device are marked if the request comes from
/// another one.
fn lookups(
    app: &App,
    subject: CodeSubject<'_>,
    purpose: CodePurpose,
    contact: &Identifier,
    typed_in: CodePool,
) -> Vec<CodeLookup> {
    let pools: &[CodePool] = if requires_session(purpose) {
        &[CodePool::Public]
    } else {
        &[CodePool::Public, CodePool::KnownDevice]
    };
    let lookup = |pool: CodePool| {
        let for_other_device = pool == CodePool::KnownDevice && typed_in == CodePool::Public;
        let keys = keys(app, subject, purpose, contact, pool);
        keys.map(move |key| CodeLookup {
            key,
            for_other_device,
        })
    };
    pools.iter().copied().flat_map(lookup).collect()
}

/// Whether such a code can only be requested in a session of its account.
const fn requires_session(purpose: CodePurpose) -> bool {
    matches!(
        purpose,
        CodePurpose::StepUp | CodePurpose::ChangeEmail | CodePurpose::ChangePhone
    )
}

/// The store keys of a code: under the current master key first, then under previous ones.
///
/// A code that strangers can request is kept by address, with or without an account: a key that
/// changed with the registration would show in the cooldown. A code that only a session can request
/// is kept by user, out of the reach of strangers.
fn keys(
    app: &App,
    subject: CodeSubject<'_>,
    purpose: CodePurpose,
    contact: &Identifier,
    pool: CodePool,
) -> impl Iterator<Item = String> + use<> {
    let subjects: Vec<String> = match subject {
        CodeSubject::User(user) if requires_session(purpose) => vec![user.id.to_string()],
        CodeSubject::User(_) | CodeSubject::Unknown => app
            .keyring
            .blind_indices("code-address", &contact.key())
            .iter()
            .map(|index| URL_SAFE_NO_PAD.encode(index.get(..16).unwrap_or(index)))
            .collect(),
    };
    let suffix = match pool {
        CodePool::KnownDevice if !requires_session(purpose) => ":device",
        CodePool::Public | CodePool::KnownDevice => "",
    };
    subjects
        .into_iter()
        .map(move |subject| format!("{subject}:{}{suffix}", purpose.as_str()))
}

/// The additional authenticated data that binds a code, each part prefixed with its length.
fn aad(subject: CodeSubject<'_>, purpose: CodePurpose, contact: &Identifier) -> Vec<u8> {
    let (subject, version) = match subject {
        CodeSubject::User(user) => (user.id.to_string(), user.credential_version),
        CodeSubject::Unknown => (String::new(), 0),
    };
    let contact = contact.key();
    let mut bound = version.to_be_bytes().to_vec();
    for part in [purpose.as_str(), &subject, &contact] {
        bound.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bound.extend_from_slice(part.as_bytes());
    }
    bound
}

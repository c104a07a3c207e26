//! One-time codes: making them, sealing them, and comparing what somebody typed.
//!
//! Where nobody has the address a decoy takes the code's place, with the same cooldown, tries and
//! expiry, so that no answer tells who has an account. What a code opens is decided elsewhere.

mod life;

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
use crate::services::throttle::{Exhausted, Target};
use crate::stores::{Tx, spent_proof};
use crate::volatile::{NewCode, Placed, Slot, Tries};

use life::{Span, life, note_wrong};

/// How long a code is remembered after it stopped working, to say so instead of "wrong".
const REMEMBERED: Duration = Duration::from_mins(10);

/// Whose code it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Holder<'a> {
    /// The code of this account; a change of its credentials ends it.
    Person(&'a User),
    /// Nobody's: no typed code is ever right.
    Nobody,
}

/// Who asks for a code or types one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Anybody who knows the address, also its owner on a new device.
    Public,
    /// A device that is known at the account: its codes are kept apart, so that strangers can
    /// neither hold them up nor use up their tries.
    Device,
}

impl Lane {
    pub(super) fn of(target: Target<'_>) -> Self {
        if target.by_known_device() {
            Self::Device
        } else {
            Self::Public
        }
    }
}

/// A code on its way to somebody.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) code: Code,
    pub(super) expires_at: DateTime<Utc>,
    /// How long it works, for the answer.
    pub(super) seconds: i64,
    /// The same for the message.
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

/// Why no code was made.
#[derive(Debug)]
pub(super) enum NotIssued {
    /// The code before it is too young.
    Cooldown(Exhausted),
    /// Something broke.
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for NotIssued {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// What a typed code amounts to.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is right; spending the ticket is what makes it count.
    Right(Ticket),
    /// It was right once.
    Expired,
    /// It is wrong, dead, or was never sent.
    Wrong,
}

/// A code that was typed rightly and is not redeemed yet.
#[derive(Debug)]
pub(super) struct Ticket {
    slots: Vec<Slot>,
    sealed: Vec<u8>,
    expires_at: DateTime<Utc>,
}

/// A code that only this holder can redeem, for this purpose, at this address: the live one again
/// during the first half of its life, then another.
///
/// # Errors
/// Without the shared store there are no codes: they could not be limited.
pub(super) async fn issue(
    app: &App,
    holder: Holder<'_>,
    purpose: CodePurpose,
    contact: &Identifier,
    lane: Lane,
) -> Result<Issued, NotIssued> {
    let now = app.clock.now();
    let life = life(app);
    let code = Code::from_number(app.random.below(CODES));
    let aad = bound_to(holder, purpose, contact);
    let key = keys(app, holder, purpose, contact, lane).next();
    let key = key.unwrap_or_default();
    let mut span = Span {
        made_at: now,
        ends_at: now + life,
    };
    let mut unusable = None::<Vec<u8>>;
    for _ in 0..MOST_PLACINGS {
        let sealed = seal(app, &aad, &code, span);
        let new = NewCode {
            key: &key,
            sealed: &sealed,
            ends_at: span.ends_at,
            keep: life + REMEMBERED,
            cooldown: Duration::from_secs(app.config.otp.resend_seconds.into()),
            renewal: life / 2,
            tries: tries(app).all,
            instead_of: unusable.as_deref(),
        };
        let (kept, age) = match app.volatile.place_code(now, new).await? {
            Placed::Kept {
                sealed,
                made_at,
                ends_at,
            } => (sealed, Span { made_at, ends_at }),
            Placed::Cooling { wait } => {
                return Err(NotIssued::Cooldown(Exhausted { retry_after: wait }));
            }
        };
        if kept == sealed {
            return Ok(Issued::new(code, span.end(app), now));
        }
        match (open(app, &aad, &kept), holder) {
            (Some((code, span)), _) => return Ok(Issued::new(code, span.end(app), now)),
            // What is there is somebody's, and a decoy must not end it.
            (None, Holder::Nobody) => return Ok(Issued::new(code, age.end(app), now)),
            // A decoy, or from before the credentials changed. Its age stays, or the answer would
            // tell whether the address has an account since.
            (None, Holder::Person(_)) => (span, unusable) = (age, Some(kept)),
        }
    }
    Err(Fault::new("a code was replaced while it was made").into())
}

/// How often a new code is offered in place of one that does not open: others may be at it too.
const MOST_PLACINGS: usize = 4;

/// How often a code can be tried. A few tries of a code that a known device asked for are kept
/// for such devices.
fn tries(app: &App) -> Tries {
    let all = app.config.otp.tries;
    Tries {
        all,
        foreign: all - all.div_ceil(3),
    }
}

fn seal(app: &App, aad: &[u8], code: &Code, span: Span) -> Vec<u8> {
    let mut plain = code.reveal().as_bytes().to_vec();
    for moment in [span.made_at, span.ends_at] {
        plain.extend_from_slice(&moment.timestamp_micros().to_be_bytes());
    }
    app.keyring.seal(Purpose::Codes, &app.random, aad, &plain)
}

/// The digits of a sealed code and its span, unless it was sealed for another purpose, address or
/// state of the account, or by a version that wrote it otherwise.
fn open(app: &App, aad: &[u8], sealed: &[u8]) -> Option<(Code, Span)> {
    let plain = app.keyring.open(Purpose::Codes, aad, sealed).ok()?;
    let (digits, span) = plain.split_at_checked(DIGITS)?;
    let (made_at, ends_at) = span.split_at_checked(size_of::<i64>())?;
    let moment = |micros: &[u8]| {
        DateTime::from_timestamp_micros(i64::from_be_bytes(micros.try_into().ok()?))
    };
    let code = Code::parse(std::str::from_utf8(digits).ok()?)?;
    let (made_at, ends_at) = (moment(made_at)?, moment(ends_at)?);
    Some((code, Span { made_at, ends_at }))
}

/// The digits that were typed at `code`.
pub(super) fn read(typed: &str) -> Result<Code, Violation> {
    Code::parse(typed).ok_or_else(|| {
        let message = "a code has six digits";
        Violation::new("code", ViolationRule::InvalidFormat, message)
    })
}

/// Counts a try and compares.
pub(super) async fn check(
    app: &App,
    holder: Holder<'_>,
    purpose: CodePurpose,
    contact: &Identifier,
    typed: &Code,
    lane: Lane,
) -> Result<Verdict, Fault> {
    let now = app.clock.now();
    let slots = slots(app, holder, purpose, contact, lane);
    let found = app.volatile.try_code(now, &slots, tries(app)).await?;
    let aad = bound_to(holder, purpose, contact);
    let mut verdict = Verdict::Wrong;
    for sealed in found {
        let Some((code, span)) = open(app, &aad, &sealed) else {
            continue;
        };
        let is_right = typed.matches(code.reveal().as_bytes());
        if is_right && matches!(holder, Holder::Person(_)) {
            if span.end(app) > now {
                return Ok(Verdict::Right(Ticket {
                    slots,
                    sealed,
                    // After the alarm it could be tried again for that long.
                    expires_at: span.ends_at,
                }));
            }
            verdict = Verdict::Expired;
        }
    }
    if matches!(verdict, Verdict::Wrong) {
        note_wrong(app).await;
    }
    Ok(verdict)
}

impl Ticket {
    /// Redeems the code in this transaction; `false` when it was redeemed before, also by a
    /// request at this very moment, or before a fail-over brought it back.
    pub(super) async fn spend(&self, tx: &Tx, app: &App) -> Result<bool, Fault> {
        let digest = HashedToken::from_bytes(Sha256::digest(&self.sealed).into());
        let kept_until = self.expires_at + REMEMBERED;
        spent_proof::spend(tx, &digest, kept_until, app.clock.now()).await
    }

    /// Tidies up once the transaction is through; the row it wrote is what counts.
    pub(super) async fn discard(self, app: &App) {
        let now = app.clock.now();
        let forgotten = app.volatile.forget_code(now, &self.slots, &self.sealed);
        if let Err(unavailable) = forgotten.await {
            tracing::debug!(%unavailable, "a redeemed code stays until it expires");
        }
    }
}

/// Where a code is looked for, and whether it is kept for others than those who type it.
fn slots(
    app: &App,
    holder: Holder<'_>,
    purpose: CodePurpose,
    contact: &Identifier,
    typed_by: Lane,
) -> Vec<Slot> {
    let lanes: &[Lane] = if is_own(purpose) {
        &[Lane::Public]
    } else {
        &[Lane::Public, Lane::Device]
    };
    let slot = |lane: Lane| {
        let foreign = lane == Lane::Device && typed_by == Lane::Public;
        let keys = keys(app, holder, purpose, contact, lane);
        keys.map(move |key| Slot { key, foreign })
    };
    lanes.iter().copied().flat_map(slot).collect()
}

/// Whether only the person, signed in, can ask for such a code.
const fn is_own(purpose: CodePurpose) -> bool {
    matches!(
        purpose,
        CodePurpose::StepUp | CodePurpose::ChangeEmail | CodePurpose::ChangePhone
    )
}

/// Where the code is kept: under the current master key first, then where it was before a
/// rotation.
///
/// A code that strangers can ask for is kept under its address, known or not: a key that changed
/// once the address has an account would show in the cooldown. What only its person can ask for is
/// kept under the person, so that nobody else gets near it.
fn keys(
    app: &App,
    holder: Holder<'_>,
    purpose: CodePurpose,
    contact: &Identifier,
    lane: Lane,
) -> impl Iterator<Item = String> + use<> {
    let subjects: Vec<String> = match holder {
        Holder::Person(user) if is_own(purpose) => vec![user.id.to_string()],
        Holder::Person(_) | Holder::Nobody => app
            .keyring
            .blind_indices("code-address", &contact.key())
            .iter()
            .map(|index| URL_SAFE_NO_PAD.encode(index.get(..16).unwrap_or(index)))
            .collect(),
    };
    let suffix = match lane {
        Lane::Device if !is_own(purpose) => ":device",
        Lane::Public | Lane::Device => "",
    };
    subjects
        .into_iter()
        .map(move |subject| format!("{subject}:{}{suffix}", purpose.as_str()))
}

/// Everything a code is bound to, each part with its length before it.
fn bound_to(holder: Holder<'_>, purpose: CodePurpose, contact: &Identifier) -> Vec<u8> {
    let (subject, version) = match holder {
        Holder::Person(user) => (user.id.to_string(), user.credential_version),
        Holder::Nobody => (String::new(), 0),
    };
    let contact = contact.key();
    let mut bound = version.to_be_bytes().to_vec();
    for part in [purpose.as_str(), &subject, &contact] {
        bound.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bound.extend_from_slice(part.as_bytes());
    }
    bound
}

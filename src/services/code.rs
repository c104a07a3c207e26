//! One-time codes: making them, sealing them, and comparing what somebody typed.
//!
//! Where nobody has the address a decoy takes the code's place, with the same cooldown, tries and
//! expiry, so that no answer tells who has an account. What a code opens is decided elsewhere.

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
use crate::services::throttle::Exhausted;
use crate::stores::{Tx, spent_proof};
use crate::volatile::{NewCode, Placed};

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

/// A code on its way to somebody.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) code: Code,
    pub(super) expires_at: DateTime<Utc>,
    /// How long it works, for the message.
    pub(super) minutes: i64,
}

/// Why no code was made.
#[derive(Debug)]
pub(super) enum IssueRefusal {
    /// The code before it is too young.
    Cooling(Exhausted),
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for IssueRefusal {
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
    key: String,
    sealed: Vec<u8>,
    expires_at: DateTime<Utc>,
}

/// Makes a code that only this holder can redeem, for this purpose, at this address.
///
/// # Errors
/// Without the shared store there are no codes: they could not be limited.
pub(super) async fn issue(
    app: &App,
    holder: Holder<'_>,
    purpose: CodePurpose,
    contact: &Identifier,
) -> Result<Issued, IssueRefusal> {
    let now = app.clock.now();
    let life = Duration::from_secs(app.config.otp.life_seconds.into());
    let expires_at = now + life;
    let code = Code::from_number(app.random.below(CODES));
    let mut plain = code.reveal().as_bytes().to_vec();
    plain.extend_from_slice(&expires_at.timestamp_micros().to_be_bytes());
    let aad = bound_to(holder, purpose, contact);
    let sealed = app.keyring.seal(Purpose::Codes, &app.random, &aad, &plain);
    let key = keys(app, holder, purpose, contact).next();
    let new = NewCode {
        key: &key.unwrap_or_default(),
        sealed: &sealed,
        keep: life + REMEMBERED,
        cooldown: Duration::from_secs(app.config.otp.resend_seconds.into()),
    };
    match app.volatile.place_code(now, new).await? {
        Placed::Stored => Ok(Issued {
            code,
            expires_at,
            minutes: (i64::from(app.config.otp.life_seconds) / 60).max(1),
        }),
        Placed::Cooling { wait } => Err(IssueRefusal::Cooling(Exhausted { retry_after: wait })),
    }
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
) -> Result<Verdict, Fault> {
    let now = app.clock.now();
    let mut found = None;
    for key in keys(app, holder, purpose, contact) {
        let tries = app.config.otp.tries;
        let sealed = app.volatile.try_code(now, &key, tries).await?;
        found = sealed.map(|sealed| (key, sealed));
        if found.is_some() {
            break;
        }
    }
    let Some((key, sealed)) = found else {
        return Ok(Verdict::Wrong);
    };
    let aad = bound_to(holder, purpose, contact);
    // A code that was sealed for another purpose, address or state of the account does not open.
    let Ok(plain) = app.keyring.open(Purpose::Codes, &aad, &sealed) else {
        return Ok(Verdict::Wrong);
    };
    let Some((digits, expiry)) = plain.split_at_checked(DIGITS) else {
        return Err(Fault::new("a sealed code has no digits"));
    };
    let is_right = typed.matches(digits) && matches!(holder, Holder::Person(_));
    let expires_at = expiry
        .try_into()
        .ok()
        .and_then(|bytes| DateTime::from_timestamp_micros(i64::from_be_bytes(bytes)))
        .ok_or_else(|| Fault::new("a sealed code has no expiry"))?;
    Ok(match is_right {
        false => Verdict::Wrong,
        true if expires_at <= now => Verdict::Expired,
        true => Verdict::Right(Ticket {
            key,
            sealed,
            expires_at,
        }),
    })
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
        if let Err(unavailable) = app.volatile.forget_code(now, &self.key, &self.sealed).await {
            tracing::debug!(%unavailable, "a redeemed code stays until it expires");
        }
    }
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
) -> impl Iterator<Item = String> {
    let own = matches!(
        purpose,
        CodePurpose::StepUp | CodePurpose::ChangeEmail | CodePurpose::ChangePhone
    );
    let subjects: Vec<String> = match holder {
        Holder::Person(user) if own => vec![user.id.to_string()],
        Holder::Person(_) | Holder::Nobody => app
            .keyring
            .blind_indices("code-address", &contact.key())
            .iter()
            .map(|index| URL_SAFE_NO_PAD.encode(index.get(..16).unwrap_or(index)))
            .collect(),
    };
    subjects
        .into_iter()
        .map(move |subject| format!("{subject}:{}", purpose.as_str()))
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

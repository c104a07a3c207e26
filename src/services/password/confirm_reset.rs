//! Setting a new password with the link or the code that was sent; an invitation's link sets the
//! first one of an account that somebody else made.

use secrecy::SecretString;
use serde_json::json;

use super::{known_words, store};
use crate::app::App;
use crate::domain::caller::Caller;
use crate::domain::code::CodePurpose;
use crate::domain::identifier::Identifier;
use crate::domain::user::Contact;
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::code::{self, CodeCheck, CodePool, CodeSubject, VerifiedCode};
use crate::services::device::{self, Device};
use crate::services::links::{self, Followed};
use crate::services::new_password::{self, PasswordRejected};
use crate::services::ownership::{self, Proof};
use crate::services::recovery;
use crate::services::refused::Refused;
use crate::services::throttle::{self, LimitKey, RateLimit, Target};
use crate::stores::link::LinkPurpose;
use crate::stores::session::Which;
use crate::stores::user::{Credentials, Meant};
use crate::stores::{Tx, user};

/// What a person got at their address.
#[derive(Debug)]
pub enum ResetProof {
    /// The token of a link.
    Token(String),
    /// A code.
    Code {
        /// Where it was sent.
        email_or_phone: String,
        /// The digits, as typed.
        code: String,
        /// The token this device got at an earlier sign-in.
        device_token: Option<String>,
    },
}

/// A new password with the right to set it.
#[derive(Debug)]
pub struct PasswordReset {
    /// The right.
    pub proof: ResetProof,
    /// The password.
    pub new_password: SecretString,
}

/// Why the password is still the old one.
#[derive(Debug, PartialEq, Eq)]
pub enum ConfirmResetProblem {
    /// The token is unknown, used or expired.
    TokenInvalid,
    /// The code is wrong, dead, used, or was never sent.
    CodeInvalid,
    /// The code was right once.
    CodeExpired,
    /// The right proof for a suspended account.
    Suspended,
    /// The new password is too weak, or known from a data breach.
    PasswordRejected(PasswordRejected),
}

impl From<PasswordRejected> for ConfirmResetProblem {
    fn from(rejected: PasswordRejected) -> Self {
        Self::PasswordRejected(rejected)
    }
}

/// A proof that holds, to be spent with the change.
enum Held {
    Link(Followed),
    Invitation(Followed),
    Code(VerifiedCode),
}

/// Sets a new password, ends every session, undoes what somebody else may have added to the
/// account, and tells the owner.
///
/// A password that will not do costs the link nothing, and a right code one of its tries.
pub async fn confirm_password_reset(
    app: &App,
    caller: &Caller,
    input: PasswordReset,
) -> Result<(), Refused<ConfirmResetProblem>> {
    let candidate = new_password::check_length(app, input.new_password, "newPassword");
    let candidate = candidate?;
    charge(app, caller, &input.proof).await?;
    let (held, mut owner, contact) = match input.proof {
        ResetProof::Token(token) => by_token(app, &token).await?,
        ResetProof::Code {
            email_or_phone,
            code,
            device_token,
        } => {
            let device = device::read(app, device_token.as_deref());
            by_code(app, caller, &email_or_phone, &code, device.as_ref()).await?
        }
    };
    if owner.user.is_suspended() {
        record(
            app,
            caller,
            Action::PasswordResetRefused,
            Subject::of(&owner),
        )
        .await?;
        return Err(Refused::Because(ConfirmResetProblem::Suspended));
    }
    let words = known_words(&owner.user);
    let chosen = new_password::choose(app, candidate, "newPassword", &words).await;
    let hash = app.hasher.hash(chosen?).await?;

    let tx = app.begin().await?;
    let (id, version) = (owner.user.id, owner.user.credential_version);
    let renewed = user::renew_credentials(&tx, id, version, app.clock.now()).await?;
    owner.user = renewed.ok_or(held.refused())?;
    held.spend(&tx, app).await?;
    let client = &caller.client;
    if matches!(held, Held::Invitation(_)) {
        ownership::accept(&tx, id).await?;
    }
    let proof = held.proof();
    if let Some(proven) = ownership::prove(&tx, app, client, &owner, contact, proof).await? {
        owner.user = proven;
    }
    let change = (Which::All, held.action());
    store(&tx, app, caller, &owner, hash, change).await?;
    recovery::undo(&tx, app, client, &owner.user, contact).await?;
    tx.commit().await?;
    app.wake_outbox();
    if let Held::Code(code) = held {
        code.forget(app).await;
    }
    Ok(())
}

async fn charge(
    app: &App,
    caller: &Caller,
    proof: &ResetProof,
) -> Result<(), Refused<ConfirmResetProblem>> {
    let charged = match proof {
        ResetProof::Token(_) => throttle::charge(app, &caller.client, RateLimit::RedeemLink).await,
        ResetProof::Code {
            email_or_phone,
            device_token,
            ..
        } => {
            let identifier = Identifier::read(email_or_phone, app.config.phone.region());
            let device = device::read(app, device_token.as_deref());
            let key = LimitKey::device_or(device.as_ref(), &identifier);
            throttle::charge(app, &caller.client, RateLimit::VerifyCode { key }).await
        }
    };
    charged.map_err(Refused::RateLimited)
}

async fn by_token(
    app: &App,
    token: &str,
) -> Result<(Held, Credentials, Contact), Refused<ConfirmResetProblem>> {
    let held = match links::follow(app, LinkPurpose::ResetPassword, token).await? {
        Some(reset) => Held::Link(reset),
        None => links::follow(app, LinkPurpose::Invitation, token)
            .await?
            .map(Held::Invitation)
            .ok_or(Refused::Because(ConfirmResetProblem::TokenInvalid))?,
    };
    let (Held::Link(followed) | Held::Invitation(followed)) = &held else {
        return Err(Refused::Because(ConfirmResetProblem::TokenInvalid));
    };
    let owner = user::find_by_id(&app.database, followed.link.user_id).await?;
    let owner = owner.filter(|owner| !owner.user.is_deleted());
    let owner = owner.ok_or(Refused::Because(ConfirmResetProblem::TokenInvalid))?;
    let contact = followed
        .sent_to(&owner.user)
        .filter(|contact| ownership::may_open(&owner.user, *contact))
        .ok_or(Refused::Because(ConfirmResetProblem::TokenInvalid))?;
    Ok((held, owner, contact))
}

async fn by_code(
    app: &App,
    caller: &Caller,
    email_or_phone: &str,
    typed: &str,
    device: Option<&Device>,
) -> Result<(Held, Credentials, Contact), Refused<ConfirmResetProblem>> {
    let identifier = Identifier::read(email_or_phone, app.config.phone.region());
    let contact = identifier.contact().ok_or_else(|| {
        let message = "give an e-mail address, or a phone number with its country code";
        let rule = ViolationRule::InvalidFormat;
        Violation::new("emailOrPhone", rule, message)
    })?;
    let typed = code::parse(typed)?;
    let found = user::find_by_identifier(&app.database, &identifier, Meant::Owner).await?;
    let target = Target::new(&identifier, found.as_ref(), device);
    let limit = RateLimit::VerifyCodeAccount { target };
    throttle::charge(app, &caller.client, limit).await?;
    let served = found
        .as_ref()
        .filter(|found| ownership::may_open(&found.user, contact));
    let subject = served.map_or(CodeSubject::Unknown, |found| CodeSubject::User(&found.user));
    let purpose = CodePurpose::ResetPassword;
    let pool = CodePool::of(target);
    let checked = code::check(app, subject, purpose, &identifier, &typed, pool).await?;
    let refusal = match checked {
        CodeCheck::Valid(code) => {
            // Only an account has a right code.
            let owner = found.ok_or(Refused::Because(ConfirmResetProblem::CodeInvalid))?;
            return Ok((Held::Code(code), owner, contact));
        }
        CodeCheck::Expired => Refused::Because(ConfirmResetProblem::CodeExpired),
        CodeCheck::Invalid => Refused::Because(ConfirmResetProblem::CodeInvalid),
    };
    let subject = found
        .as_ref()
        .map_or(Subject::UnknownIdentifier(&identifier), Subject::of);
    record(app, caller, Action::CodeRefused, subject).await?;
    Err(refusal)
}

/// Records an attempt that changed nothing.
async fn record(
    app: &App,
    caller: &Caller,
    action: Action,
    subject: Subject<'_>,
) -> Result<(), Fault> {
    let event = Event::new(action, subject)
        .by(caller)
        .with(json!({ "purpose": CodePurpose::ResetPassword.as_str() }));
    audit::record_attempt_alone(app, &caller.client, event).await
}

impl Held {
    async fn spend(&self, tx: &Tx, app: &App) -> Result<(), Refused<ConfirmResetProblem>> {
        let is_first = match self {
            Self::Link(followed) | Self::Invitation(followed) => followed.spend(tx, app).await?,
            Self::Code(code) => code.consume(tx, app).await?,
        };
        if is_first {
            Ok(())
        } else {
            Err(self.refused())
        }
    }

    const fn proof(&self) -> Proof {
        match self {
            Self::Link(_) | Self::Code(_) => Proof::AddressAlone,
            Self::Invitation(_) => Proof::Invitation,
        }
    }

    const fn action(&self) -> Action {
        match self {
            Self::Link(_) | Self::Code(_) => Action::PasswordReset,
            Self::Invitation(_) => Action::InvitationAccepted,
        }
    }

    const fn refused(&self) -> Refused<ConfirmResetProblem> {
        match self {
            Self::Link(_) | Self::Invitation(_) => {
                Refused::Because(ConfirmResetProblem::TokenInvalid)
            }
            Self::Code(_) => Refused::Because(ConfirmResetProblem::CodeInvalid),
        }
    }
}

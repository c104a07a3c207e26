//! Setting a new password with a link or a code, or the first one with the link of an invitation.

use secrecy::SecretString;
use serde_json::json;

use super::{Replacement, replace};
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
use crate::services::links::{self, PresentedLink};
use crate::services::new_password::{self, PasswordRejected};
use crate::services::ownership::{self, AddressProof};
use crate::services::recovery;
use crate::services::refused::Refused;
use crate::services::throttle::{self, LimitKey, RateLimit, Target};
use crate::stores::link::LinkPurpose;
use crate::stores::session::SessionSet;
use crate::stores::user::{Credentials, TieBreak};
use crate::stores::{Tx, user};

/// What was received at an address of the account.
#[derive(Debug)]
pub enum ResetProof {
    /// The token of a link.
    Token(String),
    /// A code.
    Code {
        /// The address that it was sent to.
        email_or_phone: String,
        /// The digits, as typed.
        code: String,
        /// The device token of an earlier sign-in.
        device_token: Option<String>,
    },
}

/// The input of a reset.
#[derive(Debug)]
pub struct PasswordReset {
    /// The authorization to set the password.
    pub proof: ResetProof,
    /// The password.
    pub new_password: SecretString,
}

/// Why the password was not set.
#[derive(Debug, PartialEq, Eq)]
pub enum ConfirmResetProblem {
    /// The token is unknown, used or expired.
    TokenInvalid,
    /// The code is wrong, out of tries, used, or was never sent.
    CodeInvalid,
    /// The code was valid once.
    CodeExpired,
    /// The proof is valid, but the account is suspended.
    Suspended,
    /// The new password is too weak, or known from a data breach.
    PasswordRejected(PasswordRejected),
}

impl From<PasswordRejected> for ConfirmResetProblem {
    fn from(rejected: PasswordRejected) -> Self {
        Self::PasswordRejected(rejected)
    }
}

/// A valid link or code, to be consumed with the change.
enum VerifiedProof {
    Link(PresentedLink),
    Invitation(PresentedLink),
    Code(VerifiedCode),
}

/// Sets a new password, ends every session, removes what an attacker may have added to the account,
/// and notifies the owner.
///
/// A rejected password does not consume the link; it costs a code one of its tries.
pub async fn confirm_password_reset(
    app: &App,
    caller: &Caller,
    input: PasswordReset,
) -> Result<(), Refused<ConfirmResetProblem>> {
    let candidate = new_password::check_length(app, input.new_password, "newPassword");
    let candidate = candidate?;
    charge(app, caller, &input.proof).await?;
    let (verified, mut owner, contact) = match input.proof {
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
    let words = new_password::user_inputs(&owner.user);
    let chosen = new_password::validate(app, candidate, "newPassword", &words).await;
    let hash = app.hasher.hash(chosen?).await?;

    let tx = app.begin().await?;
    let (id, version) = (owner.user.id, owner.user.credential_version);
    let renewed = user::renew_credentials(&tx, id, version, app.clock.now()).await?;
    owner.user = renewed.ok_or(verified.refused())?;
    verified.consume(&tx, app).await?;
    let client = &caller.client;
    if matches!(verified, VerifiedProof::Invitation(_)) {
        ownership::accept_invitation(&tx, id).await?;
    }
    let proof = verified.proof();
    if let Some(updated) =
        ownership::mark_verified(&tx, app, client, &owner, contact, proof).await?
    {
        owner.user = updated;
    }
    let change = (SessionSet::All, verified.replacement());
    replace(&tx, app, caller, &owner, hash, change).await?;
    recovery::remove_additions(&tx, app, client, &owner.user, contact).await?;
    tx.commit().await?;
    app.wake_outbox();
    if let VerifiedProof::Code(code) = verified {
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
    charged.map_err(Refused::from)
}

async fn by_token(
    app: &App,
    token: &str,
) -> Result<(VerifiedProof, Credentials, Contact), Refused<ConfirmResetProblem>> {
    let verified = match links::find(app, LinkPurpose::ResetPassword, token).await? {
        Some(reset) => VerifiedProof::Link(reset),
        None => links::find(app, LinkPurpose::Invitation, token)
            .await?
            .map(VerifiedProof::Invitation)
            .ok_or(Refused::Because(ConfirmResetProblem::TokenInvalid))?,
    };
    let (VerifiedProof::Link(presented) | VerifiedProof::Invitation(presented)) = &verified else {
        return Err(Refused::Because(ConfirmResetProblem::TokenInvalid));
    };
    let owner = user::find_by_id(&app.database, presented.link.user_id).await?;
    let owner = owner.filter(|owner| !owner.user.is_deleted());
    let owner = owner.ok_or(Refused::Because(ConfirmResetProblem::TokenInvalid))?;
    let contact = presented
        .sent_to(&owner.user)
        .filter(|contact| ownership::can_recover_with(&owner.user, *contact))
        .ok_or(Refused::Because(ConfirmResetProblem::TokenInvalid))?;
    Ok((verified, owner, contact))
}

async fn by_code(
    app: &App,
    caller: &Caller,
    email_or_phone: &str,
    typed: &str,
    device: Option<&Device>,
) -> Result<(VerifiedProof, Credentials, Contact), Refused<ConfirmResetProblem>> {
    let identifier = Identifier::read(email_or_phone, app.config.phone.region());
    let contact = identifier.contact().ok_or_else(|| {
        let message = "give an e-mail address, or a phone number with its country code";
        let rule = ViolationRule::InvalidFormat;
        Violation::new("emailOrPhone", rule, message)
    })?;
    let typed = code::parse(typed)?;
    let found = user::find_by_identifier(&app.database, &identifier, TieBreak::Owner).await?;
    let target = Target::new(&identifier, found.as_ref(), device);
    let limit = RateLimit::VerifyCodeAccount { target };
    throttle::charge(app, &caller.client, limit).await?;
    let recoverable = found
        .as_ref()
        .filter(|found| ownership::can_recover_with(&found.user, contact));
    let subject = recoverable.map_or(CodeSubject::Unknown, |found| CodeSubject::User(&found.user));
    let purpose = CodePurpose::ResetPassword;
    let pool = CodePool::of(target);
    let checked = code::check(app, subject, purpose, &identifier, &typed, pool).await?;
    let refusal = match checked {
        CodeCheck::Valid(code) => {
            // Only the code of an account can be valid.
            let owner = found.ok_or(Refused::Because(ConfirmResetProblem::CodeInvalid))?;
            return Ok((VerifiedProof::Code(code), owner, contact));
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

/// Records a refused reset.
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

impl VerifiedProof {
    async fn consume(&self, tx: &Tx, app: &App) -> Result<(), Refused<ConfirmResetProblem>> {
        let is_first = match self {
            Self::Link(presented) | Self::Invitation(presented) => {
                presented.consume(tx, app).await?
            }
            Self::Code(code) => code.consume(tx, app).await?,
        };
        if is_first {
            Ok(())
        } else {
            Err(self.refused())
        }
    }

    const fn proof(&self) -> AddressProof {
        match self {
            Self::Link(_) | Self::Code(_) => AddressProof::AddressOnly,
            Self::Invitation(_) => AddressProof::Invitation,
        }
    }

    const fn replacement(&self) -> Replacement {
        match self {
            Self::Link(_) | Self::Code(_) => Replacement::Reset,
            Self::Invitation(_) => Replacement::Invitation,
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
